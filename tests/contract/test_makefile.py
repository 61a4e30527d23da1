"""Makefile: folders with difficult names work, or are refused in one line."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "Makefile", folder)
    command = ["/usr/bin/env", "make", target]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, encoding="utf-8")


@pytest.mark.parametrize("name", ["a b", "it's", "a#b", 'quo"te', "do$lar", "am&p;x", "(`x`)"])
def test_a_folder_is_set_up_once(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    done = make(folder, ".tools/here")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / ".tools/here").read_text("utf-8") == f"{folder}\n"
    kept = folder / ".venv"
    kept.mkdir()
    assert make(folder, ".tools/here").returncode == 0
    assert kept.is_dir()
    moved = folder.rename(tmp_path / f"{name} moved")
    assert make(moved, ".tools/here").returncode == 0
    assert not (moved / ".venv").exists()


@pytest.mark.parametrize("name", ["per%cent", "col:on", "back\\slash"])
def test_a_folder_that_cannot_work_is_refused(tmp_path: Path, name: str) -> None:
    done = make(tmp_path / name, "install")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "Rename this folder" in line
