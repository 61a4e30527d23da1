"""The blocks of code in the pages, what runs each of them, and a walk through all commands.

`.venv/bin/python -m tests.docs.pages CLONE [COMMAND ...]` walks in a fresh clone as a new user
would, from the README to the last page; the command, as `chroot`, leads into another system.
"""

import re
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator

from sandbox import Account, Sandbox
from tests.support import postgres, programs

ROOT = programs.ROOT
NAMES = ("README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md", "docs/*.md")
PAGES = {
    str(p.relative_to(ROOT)): p.read_text("utf-8") for n in NAMES for p in sorted(ROOT.glob(n))
}
_BLOCK = re.compile(r"^```(\w+)\n((?s:.*?))^```$|^((?: {4,}\S.*\n)+)", re.MULTILINE)
_COMMAND = re.compile(r"`((?:make|\.venv/bin/[\w-]+) [^`]+)`")

RUN_BY = {
    ("docs/adding-an-endpoint.md", "python json"): "tests/docs/test_adding.py",
    ("docs/architecture.md", "text"): "",  # drawn from the code, not to be run
    ("docs/destinations.md", "python sql"): "tests/end_to_end/test_snippets.py",
    ("docs/destinations.md", "yaml"): "tests/end_to_end/test_meltano.py",
    ("docs/operations.md", "sql"): "tests/docs/test_queries.py",
    ("docs/query.md", "sql"): "tests/transform/test_models.py",
    ("docs/query.md", "python"): "tests/transform/test_query.py",
    ("docs/privacy.md", "yaml"): "tests/end_to_end/test_personal_data.py",
    ("docs/troubleshooting.md", "text"): "tests/docs/test_messages.py",
}
"""The test that runs all blocks of some languages of a page; commands are run by the walk."""
NOT_WALKED = {
    r"make .*\b(test-slow|test-warehouses|mutants|bench|lock|notebook)\b": "it takes long",
    r"docker ": "no Docker here: tests/end_to_end/test_package.py",
    r"meltano add ": "tests/contract/test_generate.py",
    r".*tap-oncehub-berlin": "tests/end_to_end/test_meltano.py",
    r"(DLT_EXPORT|DESTINATION|TARGET|MELTANO)\w*=\S+( \w+=\S+)*$": "settings of other services",
    r".*(<|DLT_EXPORT_|… |CLONE)": "to be filled in",
}
"""The commands, by their beginning, that the walk leaves out, and what runs them."""
_PLAIN = """
python -m venv .plain && .plain/bin/pip install -q . && cat >.plain/bin/target-anything <<'END'
#!/bin/sh
TARGET_DUCKDB_FILEPATH=.plain/x.duckdb TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA=oncehub \
exec .meltano/loaders/target-duckdb/venv/bin/target-duckdb --config ENV
END
chmod +x .plain/bin/target-anything
printf '{"api_key": "%s", "api_url": "%s"}' "$WALK_KEY" "$WALK_URL" >config.json
"""
_AS_HERE = {
    r"pip install \.": _PLAIN,
    r"^(\S+ ){5}cd /path/to/project && ": "",  # of cron
    r"^(cp \.env.*)": r"\1 && sed -i -e s,KEY=.*,KEY=$WALK_KEY, -e '$a '$WALK_MORE .env",
    r"^(TAP_ONCEHUB__\w+=(\S+|'[^']*'))$": r"\1 .venv/bin/meltano config print tap-oncehub",
    r"^make test$": "make test TEST_ARGS=tests/unit",
    r"^make assistant": "make models assistant",
    r"^(.* dlt-export)$": r"DLT_EXPORT_DESTINATION=delta "
    r"DESTINATION__FILESYSTEM__BUCKET_URL=$PWD/output/delta \1",
}
"""What stands for something in a page, and what it is in the walk."""


class Block(t.NamedTuple):
    """A block of code; what is indented holds commands."""

    page: str
    language: str
    code: str


def blocks() -> Iterator[Block]:
    for page, text in PAGES.items():
        for language, code, indented in _BLOCK.findall(text):
            yield Block(page, language or "sh", code or indented)


def commands() -> Iterator[tuple[str, str]]:
    """Find every command, with its page; those in a line of text follow those in blocks."""
    for page, text in PAGES.items():
        for block in blocks():
            if block[:2] == (page, "sh"):
                lines = block.code.splitlines()
                yield from ((page, line.partition(" #")[0].strip()) for line in lines)
        yield from ((page, command) for command in _COMMAND.findall(text))


def left_out(command: str) -> str:
    """Say what runs a command that the walk leaves out."""
    return next((how for start, how in NOT_WALKED.items() if re.match(start, command)), "")


def walk(folder: str, *enter: str) -> Iterator[tuple[str, str, int, float, str]]:
    """Run each command of each page in a clone; yield how it ended, its seconds and its output."""
    with Sandbox(Account(seed=1, bookings=300), key=programs.KEY) as api, postgres.running() as db:
        variables = db.new_database("walk").variables | {
            "WALK_KEY": programs.KEY,
            "WALK_URL": api.url,
            "WALK_MORE": f"TAP_ONCEHUB_API_URL={api.url}",
        }
        walked: set[str] = set()
        for page, command in commands():
            if command in walked or left_out(command):
                continue
            walked.add(command)
            script = command
            for pattern, here in _AS_HERE.items():
                script = re.sub(pattern, lambda m, here=here: m.expand(here), script)
            path = 'PATH="$PWD/.plain/bin:$PWD/.venv/bin:$PATH"'
            began = time.monotonic()
            done = subprocess.run(
                [*enter, "/bin/sh", "-c", f"cd '{folder}' && export {path} && {script}"],
                env=programs.environment(**variables),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
            )
            seconds = time.monotonic() - began
            yield page, command, done.returncode, seconds, done.stdout


if __name__ == "__main__":
    for name, line, status, seconds, said in walk(sys.argv[1], *sys.argv[2:]):
        sys.stdout.write(f"| {name} | `{line[:90]}` | {status} | {seconds:.0f} s |\n")
        sys.stdout.write(said[-3000:] if status else "")
        sys.stdout.flush()
