"""What other programs say in real runs, and what of it `make run` shows."""

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from scripts.meltano import RunLog, parse
from tests.engine.memory import merge
from tests.observed import record
from tests.observed.shown import not_to_be_shown
from tests.support import programs

RUNS = sorted(file.stem for file in record.FOLDER.glob("*.txt"))
OF_MELTANO = [name for name in RUNS if not name.startswith(("dbt", "held"))]
WELL = {"first", "second", "wrong_selection"}
SAY = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"


def recorded(name: str, folder: Path = record.FOLDER) -> list[str]:
    return folder.joinpath(f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", OF_MELTANO)
def test_make_run_shows_of_a_run_what_is_for_people(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, log = int(name not in WELL), RunLog()
    log.is_interrupted = name == "interrupted"
    stamped = [{**parse(line), "timestamp": "2026-03-01T12:00:00Z"} for line in recorded(name)]
    command = [sys.executable, "-c", SAY, "\n".join(map(json.dumps, stamped)), str(status)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert log.follow(process) == status
    shown = capsys.readouterr().out.splitlines()
    assert not_to_be_shown(shown) == []
    is_wrong = bool(status and not log.is_interrupted)
    assert any("ERROR: " in line for line in shown) == is_wrong
    assert any("`bookngs` was not found" in line for line in shown) == (name == "wrong_selection")


MERGE = """
import functools, json, sys
from meltano.core.utils import merge
print(json.dumps(functools.reduce(lambda old, new: merge(new, old), json.load(sys.stdin))))
"""


def test_states_in_memory_are_merged_as_meltano_does() -> None:
    states: list[t.Any] = [
        {"a": {"resume": [1, [["x"]]], "unread": ["y"], "at": "1"}, "b": {"at": None}},
        {"a": {"resume": [], "at": None}, "c": {"unread": []}},
        {"a": {"resume": [2]}, "b": {"at": "2", "more": {"deep": 1}}},
    ]
    python = [str(programs.MELTANO.resolve().with_name("python")), "-c", MERGE]
    done = programs.run(python, given=json.dumps(states).encode())
    ours: dict[str, t.Any] = {}
    for state in states:
        merge(ours, state)
    assert json.loads(done.output) == ours


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_said_is_what_was_recorded(tmp_path: Path) -> None:
    record.record(tmp_path)
    for name in RUNS:
        # How far a run got that did not end well depends on the moment.
        usual = set() if name in WELL else {*recorded("first"), *recorded("second")}
        now, before = set(recorded(name, tmp_path)) - usual, set(recorded(name)) - usual
        assert (name, now - before, before - now) == (name, set(), set())
