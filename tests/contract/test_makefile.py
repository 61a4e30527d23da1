"""Makefile: folders with difficult names work, or are refused in one line."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    return run(folder, arguments)


def run(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/usr/bin/env", "make", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("name", ["a b", "it's", "a#b", 'quo"te', "do$lar", "am&p;x", "(`x`)"])
def test_a_folder_is_set_up_once(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    done = make(folder, ".tools/here")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / ".tools/here").read_text("utf-8") == f"{folder}\n"
    kept = folder / ".venv"
    kept.mkdir()
    assert run(folder, [".tools/here"]).returncode == 0
    assert kept.is_dir()
    moved = folder.rename(tmp_path / f"{name} moved")
    assert run(moved, [".tools/here"]).returncode == 0
    assert not (moved / ".venv").exists()


@pytest.mark.parametrize("name", ["per%cent", "col:on", "back\\slash"])
def test_a_folder_that_cannot_work_is_refused(tmp_path: Path, name: str) -> None:
    done = make(tmp_path / name, "install")
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "Rename this folder" in line


@pytest.mark.parametrize("file", sorted(ROOT.glob("requirements/*.txt")), ids=lambda f: f.name)
def test_every_pin_has_a_hash(file: Path) -> None:
    pins = file.read_text("utf-8").replace("\\\n", "").splitlines()
    found = [line for line in pins if line and not line.lstrip().startswith("#")]
    assert found
    assert [line for line in found if "==" not in line or "--hash=sha256:" not in line] == []
