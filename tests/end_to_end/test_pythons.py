"""`make run`, and the tests of the tap alone, on the oldest Python and on the newest.

The newest is that of Debian's testing release.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import debian, programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PACKAGES = ("ca-certificates", "git", "make", "python3", "python3-pip", "python3-venv")
TESTS = ".venv/bin/pytest -q -m 'not slow' tests/unit tests/contract"


def run(command: list[str], folder: Path, env: dict[str, str]) -> str:
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    done = subprocess.run(
        command, cwd=folder, env=env, check=False, stdin=null, stdout=pipe, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def assert_loaded(shown: str) -> None:
    assert re.search(r"^bookings +2,000 +2,000 ", shown, re.MULTILINE)


def test_make_run_oldest_python(tmp_path: Path) -> None:
    programs.make_venv(tmp_path / "venv", "3.10", UV_PYTHON_DOWNLOADS="never")
    python = (tmp_path / "venv/bin/python").resolve()
    project, env = tmp_path / "project", programs.environment()
    programs.check_out(project)
    assert_loaded(run(["make", "run", f"PYTHON_VERSIONS={python}"], project, env))
    assert "Python 3.10" in run([".venv/bin/python", "--version"], project, env)
    run(["/bin/sh", "-c", TESTS], project, env)


def test_make_run_newest_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    debian.install(root, "testing", *PACKAGES)
    programs.check_out(root / "project")
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    env |= dict.fromkeys(("SSL_CERT_FILE", "PIP_CERT"), debian.CERTIFICATES)
    env["UV_PYTHON_DOWNLOADS"] = "never"

    def inside(line: str) -> str:
        return run(debian.command(root, f"cd /project && {line}"), tmp_path, env)

    assert_loaded(inside("make run"))
    assert "Python 3.14" in inside(".venv/bin/python --version")
    assert "bookings" in inside("make models")
    inside(TESTS)
    shutil.rmtree(root)
