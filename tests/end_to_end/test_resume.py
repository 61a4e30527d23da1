"""A sync that is ended goes on where it was: its signals, its output, its bookmarks.

Kills at any moment: tests/engine and tests/property.
"""

import signal
import subprocess
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, kills, programs

A_DAY = 86400
PAGES = {"page_size": 10, "lookback_seconds": 0}


def ids(rows: t.Iterable[dict[str, t.Any]]) -> list[str]:
    return [row["id"] for row in rows]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@contextmanager
def stuck(folder: Path, api: Sandbox, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """The tap, when nobody reads what it writes."""
    settings, catalog = programs.settings_for(api.url), inside.catalog("bookings")
    command = programs.tap_command(folder, settings, catalog=catalog)
    made = programs.environment(**env)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=made) as tap,
    ):
        kills.wait_until_full(tap.stdout, tap)
        yield tap


@pytest.mark.parametrize(
    ("number", "status", "unbuffered"), [(signal.SIGINT, 130, "1"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_lets_the_tap_finish_the_record_and_write_the_state(
    tmp_path: Path, number: signal.Signals, status: int, unbuffered: str
) -> None:
    account = Account(seed=4, bookings=200)
    with Sandbox(account, key=programs.KEY) as api:
        with stuck(tmp_path, api, PYTHONUNBUFFERED=unbuffered) as tap:
            tap.send_signal(number)
            output = tap.stdout.read()
        run = programs.Run(tap.returncode, output, (tmp_path / "log").read_text())
        assert run.status == status, run.log
        assert run.output.endswith(b"\n")
        assert 0 < len(run.records("bookings")) < 100  # less than a page: between two records
        assert "the next run resumes from the last state" in run.log
        assert not run.errors
        rest = inside.sync(api, "bookings", state=run.state)
    read = run.records("bookings") + rest.records("bookings")
    assert set(ids(read)) == set(ids(account.objects("bookings")))
    assert len(read) < 200 + 100


def test_a_second_signal_ends_at_once_even_if_nobody_reads(tmp_path: Path, api: Sandbox) -> None:
    with stuck(tmp_path, api) as tap:
        tap.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert tap.poll() is None
        tap.send_signal(signal.SIGTERM)
        assert tap.wait(10) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("number", "argument", "delay"),
    [
        (signal.SIGINT, "--discover", 0),
        (signal.SIGTERM, "--test", 0.1),
        (signal.SIGINT, "--test", 1),
    ],
)
def test_signal_before_the_first_answer(number: int, argument: str, delay: float) -> None:
    env = programs.environment(TAP_ONCEHUB_API_KEY="k", TAP_ONCEHUB_API_URL="http://127.0.0.1:9")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([programs.TAP, argument], env=env, **pipes) as tap:
        while not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    interrupted = [line for line in log.splitlines() if b"Interrupted" in line]
    assert (tap.returncode, len(interrupted)) == (128 + number, 1)
    assert log.splitlines()[-1:] == interrupted
    assert b"Traceback" not in log
    assert output[-1:] in {b"", b"\n"}


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


NO_SPACE = "Standard output cannot be written: No space left on device."


@pytest.mark.parametrize(
    ("arguments", "shell", "says"),
    [
        (["--discover"], 'exec "$@" >/dev/full', NO_SPACE),
        (["--test=schema"], 'PYTHONUNBUFFERED=1 exec "$@" >/dev/full', NO_SPACE),
        ([], '"$@" | :', "The loader has ended: see its own messages."),
    ],
)
def test_output_that_takes_nothing(
    tmp_path: Path, api: Sandbox, arguments: list[str], shell: str, says: str
) -> None:
    command = programs.tap_command(tmp_path, programs.settings_for(api.url), *arguments)
    run = programs.run(["/bin/bash", "-o", "pipefail", "-c", shell, "bash", *command])
    assert (run.status, len(run.errors), "Traceback" in run.log) == (1, 1, False), run.log
    assert run.log.splitlines()[-1].endswith(f"| {says}")


def test_a_start_date_moved_later_earlier_and_away(api: Sandbox, account: Account) -> None:
    times = sorted(moment(row["last_updated_time"]) for row in account.objects("bookings"))
    loaded, never = inside.Warehouse(), times[-1] + timedelta(days=9999)
    # What was updated at that very time belongs to it; then on, back to where nothing was read.
    for place, since in ((50, times[50]), (80, never), (20, times[20]), (None, times[0])):
        more = {} if place is None else {"start_date": times[place].isoformat()}
        run = loaded.sync(api, "bookings", **PAGES, **more)
        every = account.objects("bookings")
        wanted = [row["id"] for row in every if moment(row["last_updated_time"]) >= since]
        assert ids(run.records("bookings")) == wanted


@pytest.mark.parametrize("is_first", [True, False], ids=["first sync", "full pass"])
def test_a_map_that_changes_before_the_end_of_a_pass(
    api: Sandbox, account: Account, *, is_first: bool
) -> None:
    loaded, more = inside.Warehouse(), {**PAGES, "emit_activate_version_messages": True}
    if not is_first:
        loaded.sync(api, "bookings", **more)
        api.clock.offset_seconds += 8 * A_DAY
    few = {"stream_maps": {"bookings": {"__filter__": "status == 'completed'"}}}
    assert loaded.sync(api, "bookings", kill_after=12, **more, **few).ended == "killed"
    loaded.sync(api, "bookings", **more)
    assert set(loaded.rows("bookings")) == set(ids(account.objects("bookings")))


def test_sms_statuses_are_read_again_for_three_days(api: Sandbox, account: Account) -> None:
    stream = "sms_notifications"
    api.clock.offset_seconds = -100 * 3600.0  # never ahead of this machine's clock
    (watched,) = account.add(stream)
    loaded, read = inside.Warehouse(), []
    changes = ((0, "sent"), (60, "delivered"), (0, "rejected"), (20, "failed"), (0, "sent"))
    for hours, status in changes:
        api.clock.offset_seconds += hours * 3600
        account.add(stream, bool(hours))  # others are sent meanwhile, so the bookmark moves on
        account.edit(stream, watched, status=status)
        run = loaded.sync(api, stream, **PAGES)
        read += [r["status"] for r in run.records(stream) if r["id"] == watched]
    assert read == ["sent", "delivered", "rejected", "failed"]


def test_the_state_of_another_account_is_refused(tmp_path: Path, api: Sandbox) -> None:
    # What every version of the tap has written for this one.
    state = {"bookmarks": {"test_auth": {"account": "8cc7b95ec037af82"}}}
    assert inside.sync(api, "bookings", state=state).ended == "well"
    state["bookmarks"]["test_auth"]["account"] = "0123456789abcdef"
    api.reset_log()
    run = inside.spawn(tmp_path, api, "bookings", state=state)
    assert (run.status, len(api.log), run.records("bookings")) == (1, 1, [])
    assert run.errors[-1].endswith("remove test_auth from the state.")
