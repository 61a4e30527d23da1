"""The wheel, alone in an empty environment, with every Python and dependency it allows."""

import json
import subprocess
import sys
import tarfile
import typing as t
import zipfile
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.programs import KEY, ROOT, UV

BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [str(Path(sys.executable).with_name("hatchling")), "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return folder


def test_wheel_and_sdist_hold_the_tap_and_nothing_else(dist: Path) -> None:
    files = ROOT.joinpath("tap_oncehub").rglob("*")
    kept = [file for file in files if file.suffix in {".py", ".json", ".typed"}]
    of_the_tap = {str(file.relative_to(ROOT)) for file in kept}
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == of_the_tap
    assert {"tap_oncehub/py.typed", "tap_oncehub/schemas/bookings.json"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert packed == of_the_tap | BY_HAND


@pytest.mark.slow
@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_it_works_in_an_empty_environment(
    tmp_path: Path, dist: Path, python: str, resolution: str
) -> None:
    venv = tmp_path / "venv"
    programs.make_venv(venv, python, UV_PYTHON_DOWNLOADS="automatic")
    # To uv the wheel alone would be the only direct requirement: what the wheel needs would be new.
    direct = ["--requirements", ROOT / "pyproject.toml", f"--resolution={resolution}"]
    command = [UV, "pip", "install", "--quiet", "--python", venv, next(dist.glob("*.whl")), *direct]
    subprocess.run(command, check=True, env=programs.environment())
    is_lowest = any(venv.glob("lib/*/site-packages/jsonschema-4.18.*"))
    assert is_lowest == (resolution == "lowest-direct")

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
        read = programs.Run(0, run(f"--config={config}").encode(), "").records("bookings")
    assert {row["id"] for row in read} == {b["id"] for b in api.account.objects("bookings")}
