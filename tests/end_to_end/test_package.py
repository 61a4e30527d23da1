"""The wheel, alone in an empty environment, with every Python and dependency it allows."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import typing as t
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support.programs import KEY, NO_LIMITS, ROOT, UV, environment, make_venv

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [str(Path(sys.executable).with_name("hatchling")), "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


def of_the_tap() -> set[str]:
    """What belongs to the package."""
    files = ROOT.joinpath("tap_oncehub").rglob("*")
    kept = [file for file in files if file.suffix in {".py", ".json", ".typed"}]
    return {str(file.relative_to(ROOT)) for file in kept}


def test_the_wheel_holds_the_tap_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    assert names == of_the_tap()
    assert {"tap_oncehub/py.typed", "tap_oncehub/schemas/bookings.json"} <= names
    assert licences


def test_the_sdist_holds_the_tap_and_what_builds_it(dist: Path) -> None:
    (file,) = dist.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == of_the_tap() | BY_HAND


def install(folder: Path, wheel: Path, python: str, resolution: str) -> Path:
    """Install the wheel and what it needs; gives the folder of its programs."""
    make_venv(folder, python, UV_PYTHON_DOWNLOADS="automatic")
    # To uv the wheel alone would be the only direct requirement: what the wheel needs would be new.
    direct = ["--requirements", ROOT / "pyproject.toml", f"--resolution={resolution}"]
    command = [UV, "pip", "install", "--quiet", "--python", folder, wheel, *direct]
    subprocess.run(command, check=True, env=environment())
    return folder / "bin"


def version_of(name: str, folder: Path) -> str:
    """Which version of a package is installed there."""
    packages = str(next(folder.glob("lib/*/site-packages")))
    (found,) = distributions(name=name, path=[packages])
    return found.version


@pytest.mark.slow
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("python", PYTHONS)
def test_it_works_in_an_empty_environment(
    tmp_path: Path, wheel: Path, python: str, resolution: str
) -> None:
    tap = install(tmp_path / "venv", wheel, python, resolution) / "tap-oncehub"
    is_lowest = version_of("jsonschema", tmp_path / "venv").startswith("4.18.")
    assert is_lowest == (resolution == "lowest-direct")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [tap, *arguments], check=False, cwd=tmp_path, capture_output=True, env=environment()
        )
        assert done.returncode == 0, done.stderr.decode()
        warned = [line for line in done.stderr.decode().split("\n") if "Warning:" in line]
        assert all("SingerSDKPythonEOLWarning" in line for line in warned)
        return done.stdout.decode()

    assert run("--version").startswith("tap-oncehub v0.")
    assert "TAP_ONCEHUB_API_KEY" in run("--about")
    assert json.loads(run("--about", "--format=json"))["name"] == "tap-oncehub"
    assert "api_key" in run("--about", "--format=markdown")
    with Sandbox(Account(seed=1, bookings=250), key=KEY) as api:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"api_key": KEY, "api_url": api.url, **NO_LIMITS}))
        catalog: dict[str, t.Any] = json.loads(run(f"--config={config}", "--discover"))
        discovered = json.loads(ROOT.joinpath("tests/contract/discover.json").read_text())
        assert {s["stream"] for s in catalog["streams"]} == set(discovered)
        lines = run(f"--config={config}").strip().split("\n")
        wanted = {item["id"] for item in api.account.objects("bookings")}
    messages = [message for message in map(json.loads, lines) if message["type"] == "RECORD"]
    records = [m["record"] for m in messages if m["stream"] == "bookings"]
    assert {record["id"] for record in records} == wanted
