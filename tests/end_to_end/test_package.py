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
from tests.support import programs
from tests.support.programs import KEY, ROOT

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [str(Path(sys.executable).with_name("hatchling")), "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder


def of_the_tap() -> set[str]:
    files = ROOT.joinpath("tap_oncehub").rglob("*")
    kept = [file for file in files if file.suffix in {".py", ".json", ".typed"}]
    return {str(file.relative_to(ROOT)) for file in kept}


def test_wheel_and_sdist_hold_the_tap_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(*dist.glob("*.whl")) as archive:
        names = archive.namelist()
    assert {name for name in names if ".dist-info/" not in name} == of_the_tap()
    assert {"tap_oncehub/py.typed", "tap_oncehub/schemas/bookings.json"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(*dist.glob("*.tar.gz")) as tar:
        assert {name.partition("/")[2] for name in tar.getnames()} == of_the_tap() | BY_HAND


@pytest.mark.slow
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("python", PYTHONS)
def test_it_works_in_an_empty_environment(
    tmp_path: Path, dist: Path, python: str, resolution: str
) -> None:
    venv, (wheel,) = tmp_path / "venv", dist.glob("*.whl")
    programs.make_venv(venv, python, UV_PYTHON_DOWNLOADS="automatic")
    # To uv the wheel alone would be the only direct requirement: what the wheel needs would be new.
    direct = ["--requirements", ROOT / "pyproject.toml", f"--resolution={resolution}"]
    command = [programs.UV, "pip", "install", "--quiet", "--python", venv, wheel, *direct]
    subprocess.run(command, check=True, env=programs.environment())
    packages = str(next(venv.glob("lib/*/site-packages")))
    (jsonschema,) = distributions(name="jsonschema", path=[packages])
    assert jsonschema.version.startswith("4.18.") == (resolution == "lowest-direct")

    def run(*arguments: str) -> str:
        done = programs.run([str(venv / "bin/tap-oncehub"), *arguments], tmp_path)
        assert done.status == 0, done.log
        warned = [line for line in done.log.split("\n") if "Warning:" in line]
        assert all("SingerSDKPythonEOLWarning" in line for line in warned)
        return done.output.decode()

    assert run("--version").startswith("tap-oncehub v0.")
    assert "TAP_ONCEHUB_API_KEY" in run("--about")
    assert json.loads(run("--about", "--format=json"))["name"] == "tap-oncehub"
    assert "api_key" in run("--about", "--format=markdown")
    with Sandbox(Account(seed=1, bookings=250), key=KEY) as api:
        config = programs.write(tmp_path / "config.json", programs.settings_for(api.url))
        catalog: dict[str, t.Any] = json.loads(run(f"--config={config}", "--discover"))
        discovered = json.loads(ROOT.joinpath("tests/contract/discover.json").read_text())
        assert {s["stream"] for s in catalog["streams"]} == set(discovered)
        read = programs.Run(0, run(f"--config={config}").encode(), "")
        wanted = {item["id"] for item in api.account.objects("bookings")}
    assert {record["id"] for record in read.records("bookings")} == wanted
