"""What other programs say in real runs, and what of it `make run` shows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts.meltano import RunLog, parse
from scripts.screen import Screen
from tests.observed import record
from tests.observed.shown import not_to_be_shown

if TYPE_CHECKING:
    from pathlib import Path

RUNS = sorted(file.stem for file in record.FOLDER.glob("*.txt"))
OF_MELTANO = [name for name in RUNS if not name.startswith(("dbt", "held"))]


def recorded(name: str, folder: Path = record.FOLDER) -> list[str]:
    return folder.joinpath(f"{name}.txt").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", OF_MELTANO)
def test_make_run_shows_of_a_run_what_is_for_people(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, log = int(name not in {"first", "second"}), RunLog(Screen())
    log.is_interrupted = name == "interrupted"
    stamped = [{**parse(line), "timestamp": "2026-03-01T12:00:00Z"} for line in recorded(name)]
    said = "\n".join(map(json.dumps, stamped))
    command = [sys.executable, "-c", "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"]
    with subprocess.Popen(
        [*command, said, str(status)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert log.follow(process) == status
    shown = capsys.readouterr().out.splitlines()
    assert not_to_be_shown(shown) == []
    is_wrong = status and not log.is_interrupted
    assert any("ERROR: " in line for line in shown) == bool(is_wrong)


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anew")
    record.record(folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUNS)
def test_what_is_said_is_what_was_recorded(anew: Path, name: str) -> None:
    now, before = set(recorded(name, anew)), set(recorded(name))
    assert (now - before, before - now) == (set(), set())
