"""A Debian of the tests' own, in a folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
"""How to reach the package index, and whom to trust there."""
CERTIFICATES = f"/{_OF_THIS_MACHINE[-1]}"
# Mounts that are gone with the process.
_CHROOT = """
mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/dev/shm"
exec chroot --userspec="$1" "$0" /bin/sh -c "$2"
"""


def install(root: Path, release: str, *packages: str) -> None:
    """Fill a folder, if that can be done here."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("debootstrap is not installed, or chroot not allowed")
    include = f"--include={','.join(packages)}"
    command = ["/usr/sbin/debootstrap", "--variant=minbase", include, release, str(root)]
    subprocess.run(command, check=True, capture_output=True)
    for file in _OF_THIS_MACHINE:
        shutil.copy(f"/{file}", root / file)


def command(root: Path, line: str, user: str = "root") -> list[str]:
    """Make a command of a line of the shell in there."""
    return ["/usr/bin/unshare", "-m", "/bin/sh", "-c", _CHROOT, str(root), user, line]
