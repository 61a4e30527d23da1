"""The steps of the Dockerfile, run by root in a folder with a Debian of its own.

No engine builds the image here. What stands for the image that it begins with is debootstrap's
Debian, with Debian's Python.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import typing as t

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import kills, programs
from tests.support.project import saved_state

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.geteuid() != 0, reason="chroot is for root"),
    pytest.mark.skipif(shutil.which("debootstrap") is None, reason="debootstrap is not installed"),
]

MORE = "dbt-duckdb"
OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")
"""How to reach the package index, and whom to trust there."""
# Mounts that are gone with the process.
CHROOT = """
mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs tmpfs "$0/dev/shm"
exec chroot --userspec="$1" "$0" /bin/sh -c "$2"
"""


class Image:
    """A folder, and what the Dockerfile says of it."""

    def __init__(self, folder: Path) -> None:
        """Build."""
        self.root = folder / "root"
        self.log = folder / "log"
        self.environment = {"SSL_CERT_FILE": f"/{OF_THIS_MACHINE[-1]}"}
        self.workdir, self.user = "/", "root"
        self.volumes: list[str] = []
        self.command: dict[str, list[str]] = {}
        self._arguments: dict[str, str] = {}
        self._context = folder / "context"
        programs.check_out(self._context)
        text = self._context.joinpath("Dockerfile").read_text("utf-8")
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
        for line in filter(None, text.splitlines()):
            instruction, _, rest = line.partition(" ")
            getattr(self, f"_{instruction.lower()}")(rest.strip())

    def _from(self, name: str) -> None:
        assert re.fullmatch(r"python:3\.\d+-slim-bookworm", name)
        packages = "--include=python3,python3-venv,ca-certificates"
        bootstrap = ["debootstrap", "--variant=minbase", packages, "bookworm", str(self.root)]
        subprocess.run(bootstrap, check=True, capture_output=True)
        for file in OF_THIS_MACHINE:
            shutil.copy(f"/{file}", self.root / file)

    def _arg(self, text: str) -> None:
        (word,) = shlex.split(text)
        name, _, _ = word.partition("=")
        self._arguments[name] = MORE

    def _env(self, text: str) -> None:
        self.environment |= dict(word.split("=", 1) for word in shlex.split(text))

    def _workdir(self, path: str) -> None:
        self.workdir = path
        self.inside(path).mkdir(exist_ok=True)

    def _copy(self, text: str) -> None:
        source, target = text.split()
        goal = self.inside(self.workdir) / target
        if source != ".":
            goal.mkdir(parents=True)
            shutil.copy(self._context / source, goal)
            return
        rules = self._context.joinpath(".dockerignore").read_text("utf-8").splitlines()
        for rule in rules:
            if rule.startswith("!"):
                there = self._context / rule[1:]
                copy = shutil.copytree if there.is_dir() else shutil.copy
                copy(there, goal / rule[1:], **({"dirs_exist_ok": True} if there.is_dir() else {}))

    def _run(self, command: str) -> None:
        with self.start(command, **self._arguments) as process:
            status = process.wait(600)
        assert status == 0, self.log.read_text()

    def _volume(self, text: str) -> None:
        self.volumes = json.loads(text)

    def _user(self, name: str) -> None:
        self.user = name

    def _entrypoint(self, text: str) -> None:
        self.command["entrypoint"] = json.loads(text)

    def _cmd(self, text: str) -> None:
        self.command["cmd"] = json.loads(text)

    def inside(self, path: str) -> Path:
        """Give the place of a path of the image."""
        return self.root / path.lstrip("/")

    def start(self, command: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a command of the shell."""
        inside = [str(self.root), self.user, f"cd {self.workdir} && {command}"]
        with self.log.open("wb") as log:
            return subprocess.Popen(
                ["/usr/bin/unshare", "-m", "/bin/sh", "-c", CHROOT, *inside],
                env=self.environment | variables | {"HOME": f"/home/{self.user}"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def container(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a new container: nothing is left of the last one but the volumes."""
        self.inside(self.workdir).joinpath(".meltano/meltano.db").unlink(missing_ok=True)
        words = self.command["entrypoint"] + (list(arguments) or self.command["cmd"])
        return self.start(f"exec {shlex.join(words)}", **variables)


def test_containers_go_on_with_what_is_in_the_volumes(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=450)
    image = Image(tmp_path)
    assert not image.inside("/home/oncehub").exists()
    for secret in (".env", ".git", "output/warehouse.duckdb", "tests"):
        assert not (image.inside(image.workdir) / secret).exists()
    with Sandbox(account, key=programs.KEY) as api:
        variables = {
            "TAP_ONCEHUB_API_KEY": programs.KEY,
            "TAP_ONCEHUB_API_URL": api.url,
            "TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "0",
            "TAP_ONCEHUB_RATE_LIMIT_PER_WINDOW": "0",
            "TARGET_DUCKDB_BATCH_SIZE_ROWS": "50",
        }
        kills.kill_in_the_bookings(
            api,
            lambda: image.container(**variables),
            lambda: saved_state(image.inside("/state/bookmarks")),
        )
        before = len(api.log)
        with image.container(
            "tap-oncehub", "target-duckdb", "dbt-duckdb:build", **variables
        ) as run:
            status = run.wait(300)
        log = image.log.read_text()
        assert status == 0, log
        asked = [entry for entry in api.log.copy()[before:] if entry.path.endswith("/bookings")]
        assert 0 < len(asked) < programs.pages_of(450)
    _, output = (image.inside(path) for path in image.volumes)
    file = output / "warehouse.duckdb"
    assert file.stat().st_uid == 10001
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT id FROM oncehub.bookings").fetchall()
        ((marts,),) = connection.execute("SELECT count(*) FROM oncehub_marts.bookings").fetchall()
    assert {key for (key,) in found} == {b["id"] for b in account.objects("bookings")}
    assert marts == sum(b.get("in_trash") is not True for b in account.objects("bookings"))
    shutil.rmtree(image.root)
