"""The folders: few, each named in AGENTS.md, each with a first line that says what it is for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import ROOT

LIST = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
LISTED = subprocess.run(LIST, cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout
FILES = sorted(Path(name) for name in LISTED.splitlines() if ROOT.joinpath(name).is_file())
FOLDERS = sorted({file.parts[0] for file in FILES if len(file.parts) > 1})


def test_folders_are_few_and_in_the_table() -> None:
    text = ROOT.joinpath("AGENTS.md").read_text("utf-8")
    table = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    named = {name.split("/")[0] for name in re.findall(r"`([\w.]+)/", " ".join(table))}
    assert named - {"schemas"} == {*FOLDERS}
    assert len(FOLDERS) <= 13


@pytest.mark.parametrize("folder", FOLDERS)
def test_first_file_says_what_the_folder_is_for(folder: str) -> None:
    first = next(file for file in FILES if file.parts[:-1] == (folder,))
    text = ROOT.joinpath(first).read_text("utf-8").removeprefix("#!/usr/bin/env bash\n")
    line = text.partition("\n")[0].strip('"# ')
    assert re.fullmatch(r"\w.{20,}[.:]( .+)?", line), (first, line)
    assert not line.startswith("///")
