"""The steps of the Dockerfile, run by root in a folder with a Debian of its own.

No engine builds the image here. What stands for the image that it begins with is debootstrap's
Debian, with Debian's Python.
"""

import json
import re
import shlex
import shutil
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import debian, programs


class Image:
    """A folder, and what the Dockerfile says of it."""

    def __init__(self, folder: Path, **arguments: str) -> None:
        self.root, self.log, self._context = folder / "root", folder / "log", folder / "context"
        self._environment = {"SSL_CERT_FILE": debian.CERTIFICATES}
        self.said = {"WORKDIR": "/", "USER": "root"}
        programs.check_out(self._context)
        text = self._context.joinpath("Dockerfile").read_text("utf-8")
        text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
        for line in filter(None, text.splitlines()):
            instruction, _, rest = line.partition(" ")
            if instruction == "FROM":
                assert re.fullmatch(r"python:3\.\d+-slim-bookworm", rest)
                packages = ("python3", "python3-venv", "ca-certificates")
                debian.install(self.root, "bookworm", *packages)
            elif instruction == "ENV":
                self._environment |= dict(word.split("=", 1) for word in shlex.split(rest))
            elif instruction == "COPY":
                self._copy(*rest.split())
            elif instruction == "RUN":
                self.run(rest, **arguments)
            else:
                self.said[instruction] = rest.strip()
                self.inside(self.said["WORKDIR"]).mkdir(exist_ok=True)

    def _copy(self, source: str, target: str) -> None:
        goal = self.inside(self.said["WORKDIR"]) / target
        goal.mkdir(parents=True, exist_ok=True)
        rules = self._context.joinpath(".dockerignore").read_text("utf-8").splitlines()
        kept = [rule[1:] for rule in rules if rule.startswith("!")] if source == "." else [source]
        for name in kept:
            there = self._context / name
            if there.is_dir():
                shutil.copytree(there, goal / name, dirs_exist_ok=True)
            else:
                shutil.copy(there, goal)

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def run(self, line: str, **variables: str) -> None:
        user, line = self.said["USER"], f"cd {self.said['WORKDIR']} && {line}"
        env = self._environment | variables | {"HOME": f"/home/{user}"}
        command = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in env.items())]
        command += debian.command(self.root, line, user)
        with programs.start(command, self.root, self.log) as process:
            assert process.wait(600) == 0, self.log.read_text()

    def container(self, *arguments: str, **variables: str) -> None:
        """Run a new container: nothing is left of the last one but the volumes."""
        self.inside("/project/.meltano/meltano.db").unlink(missing_ok=True)
        words = json.loads(self.said["ENTRYPOINT"])
        words += arguments or json.loads(self.said["CMD"])
        self.run(f"exec {shlex.join(words)}", **variables)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_containers_go_on_with_what_is_in_the_volumes(tmp_path: Path) -> None:
    account = Account(seed=3, bookings=450)
    image = Image(tmp_path, MORE_PLUGINS="dbt-duckdb")
    assert not image.inside("/home/oncehub").exists()
    for secret in (".env", ".git", "output/warehouse.duckdb", "tests"):
        assert not image.inside(f"/project/{secret}").exists()
    with Sandbox(account, key=programs.KEY) as api:
        settings = programs.settings_for(api.url).items()
        variables = {f"TAP_ONCEHUB_{name.upper()}": str(value) for name, value in settings}
        image.container(**variables)
        before = api.count("/bookings")
        image.container("tap-oncehub", "target-duckdb", "dbt-duckdb:build", **variables)
        assert 0 < api.count("/bookings") - before < before
    volumes = [image.inside(path) for path in json.loads(image.said["VOLUME"])]
    file = volumes[1] / "warehouse.duckdb"
    assert file.stat().st_uid == 10001
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT id FROM oncehub.bookings").fetchall()
        ((marts,),) = connection.execute("SELECT count(*) FROM oncehub_marts.bookings").fetchall()
    assert {key for (key,) in found} == {b["id"] for b in account.objects("bookings")}
    assert marts == sum(b.get("in_trash") is not True for b in account.objects("bookings"))
    shutil.rmtree(image.root)
