"""The wheel, and `make run`, with every Python and dependency that they allow.

The newest Python is that of Debian's testing release.
"""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import debian, programs
from tests.support.programs import KEY, ROOT, UV

BY_HAND = {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
PACKAGES = ("ca-certificates", "git", "make", "python3", "python3-pip", "python3-venv")
TESTS = ".venv/bin/pytest -q -m 'not slow' tests/unit tests/contract"


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
def test_wheel_in_an_empty_environment(
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

    def run(*arguments: str) -> programs.Run:
        done = programs.run([str(venv / "bin/tap-oncehub"), *arguments], tmp_path)
        assert done.status == 0, done.log
        warned = [line for line in done.log.split("\n") if "Warning:" in line]
        assert all("SingerSDKPythonEOLWarning" in line for line in warned)
        return done

    assert run("--version").output.startswith(b"tap-oncehub v0.")
    assert json.loads(run("--about", "--format=json").output)["name"] == "tap-oncehub"
    with Sandbox(Account(seed=1, bookings=250), key=KEY) as api:
        config = programs.write(tmp_path / "config.json", programs.settings_for(api.url))
        catalog = json.loads(run(f"--config={config}", "--discover").output)
        discovered = json.loads(ROOT.joinpath("tests/contract/discover.json").read_text())
        assert {s["stream"] for s in catalog["streams"]} == set(discovered)
        read = run(f"--config={config}").records("bookings")
    assert {row["id"] for row in read} == {b["id"] for b in api.account.objects("bookings")}


def run_in(command: list[str], folder: Path, env: dict[str, str]) -> str:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    done = subprocess.run(
        command, cwd=folder, env=env, check=False, stdin=null, stdout=pipe, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_make_run_oldest_python(tmp_path: Path) -> None:
    programs.make_venv(tmp_path / "venv", "3.10", UV_PYTHON_DOWNLOADS="never")
    python = (tmp_path / "venv/bin/python").resolve()
    project, env = tmp_path / "project", programs.environment()
    programs.check_out(project)
    shown = run_in(["make", "run", f"PYTHON_VERSIONS={python}"], project, env)
    assert re.search(r"^bookings +2,000 +2,000 ", shown, re.MULTILINE)
    assert "Python 3.10" in run_in([".venv/bin/python", "--version"], project, env)
    run_in(["/bin/sh", "-c", TESTS], project, env)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_make_run_newest_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    debian.install(root, "testing", *PACKAGES)
    programs.check_out(root / "project")
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    env |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), debian.CERTIFICATES)
    env["UV_PYTHON_DOWNLOADS"] = "never"

    def inside(line: str) -> str:
        return run_in(debian.command(root, f"cd /project && {line}"), tmp_path, env)

    assert re.search(r"^bookings +2,000 +2,000 ", inside("make run"), re.MULTILINE)
    assert "Python 3.14" in inside(".venv/bin/python --version")
    assert "bookings" in inside("make models")
    inside(TESTS)
    shutil.rmtree(root)
