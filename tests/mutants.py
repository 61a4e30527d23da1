"""`make mutants`: spoil what matters to users, one thing at a time; a test must see each.

Arguments choose mutants by a part of their names. It works in a copy of the project.
"""

import os
import subprocess
import sys
import typing as t
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.programs import ROOT, check_out, environment

TAP, LOADER = "tap_oncehub", "load/target_duckdb/target_duckdb"
HISTORIES = "tests/engine/test_histories.py"
RESUME, HOSTILE = "tests/end_to_end/test_resume.py", "tests/end_to_end/test_hostile.py"
SECRECY, RECORDS = "tests/end_to_end/test_secrecy.py", "tests/unit/test_records.py"
LIMITER, GUARDS = "tests/unit/test_rate_limit.py", "tests/target_duckdb/test_guards.py"
KEYS, SETTINGS = "tests/target_duckdb/test_keys.py", "tests/unit/test_settings.py"
HTTP, DELETES = "tests/unit/test_http.py", "tests/end_to_end/test_deletes.py"
MESSAGES = "tests/docs/test_messages.py"
LONGEST_SECONDS = 400


class Mutant(t.NamedTuple):
    """What is spoilt, how, and who must see it."""

    harm: str
    file: str
    old: str
    new: str
    tests: str
    chosen: str = ""


MUTANTS = (
    # No row is lost, repeated without end, or taken for deleted.
    Mutant(
        "a page counts as written before it is",
        f"{TAP}/engine/stream.py",
        """                yield from page.rows
                sync_pass.commit(page)
                self.run.save_state()
""",
        """                sync_pass.commit(page)
                self.run.save_state()
                yield from page.rows
""",
        HISTORIES,
    ),
    Mutant(
        "the bookmark passes edits that came during the pass",
        f"{TAP}/engine/sync_pass.py",
        "earliest([self._saved.newest, self._saved.began])",
        "self._saved.newest",
        HISTORIES,
    ),
    Mutant(
        "a moved list is read on as if nothing was",
        f"{TAP}/engine/readers.py",
        '    return as_id(found.get("id")), updated if isinstance(updated, str) else None',
        "    return None, None",
        HISTORIES,
    ),
    Mutant(
        "pages do not overlap",
        f"{TAP}/client.py",
        "$.data[-2:].id",
        "$.data[-1:].id",
        RESUME,
    ),
    Mutant(
        "an exactly full page ends the list",
        f"{TAP}/client.py",
        'return self.promised or not denied or len(body["data"]) >= self._page_size',
        "return self.promised",
        HISTORIES,
    ),
    Mutant(
        "what could not be read is forgotten",
        f"{TAP}/engine/state.py",
        'self._state["unread"] = [*self, identifier]',
        "return",
        HISTORIES,
    ),
    Mutant(
        "what could not be read is taken for deleted",
        f"{TAP}/engine/sync_pass.py",
        'return not state["unread"]',
        "return True",
        RESUME,
        "misses_rows",
    ),
    Mutant(
        "half of a list is taken for all of it",
        f"{TAP}/engine/sync_pass.py",
        "saved.objects < last / 2",
        "saved.objects < 0",
        DELETES,
    ),
    Mutant(
        "deletes are told of an account that is not known",
        f"{TAP}/engine/run.py",
        "self.may_tell_deletes = False",
        "self.may_tell_deletes = True",
        DELETES,
    ),
    Mutant(
        "deletes are never told",
        f"{TAP}/engine/plan.py",
        "return max(ages) >= self.max_age * _TOLERANCE",
        "return False",
        DELETES,
    ),
    Mutant(
        "an earlier start date is not noticed",
        f"{TAP}/engine/plan.py",
        "return covered is not None and (wanted is None or wanted < covered)",
        "return False",
        RESUME,
        "start_date",
    ),
    Mutant(
        "what was updated at start_date itself is left out",
        f"{TAP}/engine/plan.py",
        "first = before(wanted, _INSTANT) if wanted else None",
        "first = wanted",
        RESUME,
        "start_date",
    ),
    Mutant(
        "the lookback is forgotten",
        f"{TAP}/engine/plan.py",
        "behind = before(bookmark, self.lookback)",
        "behind = bookmark",
        RESUME,
        "lookback or sms",
    ),
    Mutant(
        "a signal is not heard between records",
        f"{TAP}/engine/stream.py",
        "self.run.waiter.check()  # between",
        "pass  # between",
        RESUME,
        "signal",
    ),
    Mutant(
        "the state of another account is used",
        f"{TAP}/tap.py",
        'setdefault("account", account) != account',
        'setdefault("account", account) is None',
        HOSTILE,
        "another_account",
    ),
    # Nothing that OnceHub sends is lost on the way.
    Mutant(
        "a new field is dropped",
        f"{TAP}/engine/records.py",
        "            extra.update(unknown)\n",
        "",
        RECORDS,
    ),
    Mutant(
        "a whole number with a fraction is cut",
        f"{TAP}/engine/records.py",
        " and value == int(value)",
        "",
        RECORDS,
    ),
    Mutant(
        "a large number is rounded",
        f"{TAP}/engine/records.py",
        "return value if abs(value) <= _EXACT_IN_DOUBLE else None",
        "return value",
        RECORDS,
    ),
    Mutant(
        "what is deselected comes back in _extra",
        f"{TAP}/engine/records.py",
        "for name, _ in self._columns} | hidden",
        "for name, _ in self._columns}",
        RECORDS,
    ),
    # OnceHub's limits, and what is wrong with it.
    Mutant(
        "the window of 5 minutes is not kept",
        f"{TAP}/engine/limiter.py",
        "(None, self._per_window, self._window_seconds),",
        "(None, 0, self._window_seconds),",
        LIMITER,
    ),
    Mutant(
        "the rate a second is not kept",
        f"{TAP}/engine/limiter.py",
        "(self._key, self._burst, self._burst_seconds),",
        "(self._key, 0, self._burst_seconds),",
        LIMITER,
    ),
    Mutant(
        "a 429 does not fill the window",
        f"{TAP}/engine/limiter.py",
        "        self._log.run(lambda log: self._fill(log, wait, spread=spread))\n",
        "",
        LIMITER,
    ),
    Mutant(
        "a 429 ends the stream",
        f"{TAP}/engine/http.py",
        "_RETRIED = {408, 425, 429}",
        "_RETRIED = {408, 425}",
        "tests/end_to_end/test_limits.py",
        "every_stream",
    ),
    Mutant(
        "Retry-After of an error is ignored",
        f"{TAP}/engine/http.py",
        "return max(backoff, error.retry_after or 0.0)",
        "return backoff",
        HTTP,
    ),
    Mutant(
        "a broken connection is used again",
        f"{TAP}/engine/http.py",
        "                self.session.close()  # whatever",
        "                pass  # whatever",
        HTTP,
    ),
    Mutant(
        "a wrong key is one failed stream",
        f"{TAP}/client.py",
        "if status == HTTPStatus.UNAUTHORIZED:",
        "if status == HTTPStatus.PAYMENT_REQUIRED:",
        MESSAGES,
        "alert",
    ),
    # The key and customers' data.
    Mutant(
        "a redirect is followed, with the key",
        f"{TAP}/engine/http.py",
        "allow_redirects=False",
        "allow_redirects=True",
        SECRECY,
        "redirect",
    ),
    Mutant(
        "the key may go over http",
        f"{TAP}/settings.py",
        'scheme == "https" or (scheme == "http" and is_loopback(url))',
        'scheme in {"https", "http"}',
        SETTINGS,
    ),
    Mutant(
        "the log shows the key",
        f"{TAP}/engine/progress.py",
        'visible = visible.replace(secret, "…")',
        "pass",
        HOSTILE,
        "shows_the_key",
    ),
    Mutant(
        "a bug's traceback shows a customer",
        f"{TAP}/__main__.py",
        "bug = Exception(type(error).__name__).with_traceback(error.__traceback__)",
        "bug = error",
        SECRECY,
        "bug",
    ),
    # The loader.
    Mutant(
        "a state is written before its rows",
        f"{LOADER}/loader.py",
        "        filled = [rows for rows in self._streams.values() if rows.lines]\n",
        """        while self._state:
            self._state = self._state[os.write(1, self._state) :]
        filled = [rows for rows in self._streams.values() if rows.lines]
""",
        "tests/target_duckdb",
        "killed_at_any or whole_batches",
    ),
    Mutant(
        "rows of a key come twice",
        f"{LOADER}/warehouse.py",
        'f"DELETE FROM {table} AS old USING {incoming} AS new WHERE {same}"',
        'f"SELECT 1 FROM {table} AS old, {incoming} AS new WHERE {same} LIMIT 1"',
        KEYS,
        "different or last_row",
    ),
    Mutant(
        "rows without a version are deleted",
        f"{LOADER}/warehouse.py",
        "unknown = version - 1 if rows.are_versioned else version",
        "unknown = version - 1",
        GUARDS,
        "without_a_version",
    ),
    Mutant(
        "what is marked as deleted gets a new time",
        f"{LOADER}/warehouse.py",
        'WHERE _sdc_deleted_at IS NULL AND"',
        'WHERE"',
        GUARDS,
        "marked",
    ),
)


def main(chosen: list[str]) -> int:
    """Try them; return how many nobody saw."""
    mutants = [m for m in MUTANTS if not chosen or any(part in m.harm for part in chosen)]
    with TemporaryDirectory() as name:
        copy = Path(name)
        check_out(copy)
        for folder in (".venv", ".tools", ".meltano"):
            (copy / folder).symlink_to(ROOT / folder)
        alive = [mutant.harm for mutant in mutants if not is_seen(mutant, copy)]
    print(f"{len(mutants) - len(alive)} of {len(mutants)} seen")  # noqa: T201
    return len(alive)


def is_seen(mutant: Mutant, copy: Path) -> bool:
    """Spoil one thing; return whether a test fails."""
    file = copy / mutant.file
    before = file.read_text("utf-8")
    assert before.count(mutant.old) == 1, f"{mutant.harm}: {mutant.file} has changed"
    file.write_text(before.replace(mutant.old, mutant.new), "utf-8")
    python_path = os.pathsep.join((str(copy), str(copy / "load/target_duckdb")))
    arguments = ["-qx", "-m", "not slow", "-p", "no:cacheprovider", mutant.tests]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, "-k", mutant.chosen],
            cwd=copy,
            env=environment(PYTHONPATH=python_path, PYTHONDONTWRITEBYTECODE="1"),
            check=False,
            capture_output=True,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        seen, what = True, "hangs"
    else:
        seen = done.returncode == 1
        *_, what = done.stdout.decode().strip().splitlines() or [done.stderr.decode()]
    finally:
        file.write_text(before, "utf-8")
    print(f"{'seen' if seen else 'NOT SEEN'}: {mutant.harm} ({what})", flush=True)  # noqa: T201
    return seen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
