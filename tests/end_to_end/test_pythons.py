"""`make run`, and the tests of the tap alone, on the oldest Python and on the newest.

The newest is that of Debian's testing release, in a folder that debootstrap makes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import typing as t

import pytest

from tests.support import programs

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PACKAGES = "--include=ca-certificates,git,make,python3,python3-pip,python3-venv"
OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
TESTS = ".venv/bin/pytest -q -m 'not slow' tests/unit tests/contract"
CHROOT = """
mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/dev/shm"
exec chroot "$0" /bin/sh -c "$1"
"""


def run(command: list[str], folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables or programs.environment(),
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def assert_loaded(shown: str) -> None:
    assert re.search(r"^bookings +2,000 +2,000 ", shown, re.MULTILINE)


def test_make_run_oldest_python(tmp_path: Path) -> None:
    programs.make_venv(tmp_path / "venv", "3.10", UV_PYTHON_DOWNLOADS="never")
    python = (tmp_path / "venv/bin/python").resolve()
    project = tmp_path / "project"
    programs.check_out(project)
    assert_loaded(run(["make", "run", f"PYTHON_VERSIONS={python}"], project))
    assert "Python 3.10" in run([".venv/bin/python", "--version"], project)
    run(["/bin/sh", "-c", TESTS], project)


@pytest.mark.skipif(os.geteuid() != 0, reason="chroot is for root")
@pytest.mark.skipif(shutil.which("debootstrap") is None, reason="debootstrap is not installed")
def test_make_run_newest_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    run(["debootstrap", "--variant=minbase", PACKAGES, "testing", str(root)], tmp_path)
    for file in OF_THIS_MACHINE:
        shutil.copy(f"/{file}", root / file)
    programs.check_out(root / "project")
    certificates = f"/{OF_THIS_MACHINE[-1]}"
    variables = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/root", "LANG": "C.UTF-8"}
    variables |= {"SSL_CERT_FILE": certificates, "PIP_CERT": certificates}
    variables |= {"UV_PYTHON_DOWNLOADS": "never"}

    def inside(command: str) -> str:
        unshare = ["/usr/bin/unshare", "-m", "/bin/sh", "-c", CHROOT, str(root)]
        return run([*unshare, f"cd /project && {command}"], tmp_path, **variables)

    assert_loaded(inside("make run"))
    assert "Python 3.14" in inside(".venv/bin/python --version")
    assert "bookings" in inside("make models")
    inside(TESTS)
    shutil.rmtree(root)
