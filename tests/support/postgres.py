"""A PostgreSQL server of the tests' own, on loopback, in a temporary folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.support import warehouse
from tests.support.kills import wait_for
from tests.support.programs import run, start

_USER = "loader"
_PASSWORD = "made-up: /@%'"  # noqa: S105


@dataclass
class Postgres:
    port: int
    database: str = "postgres"

    @property
    def settings(self) -> dict[str, t.Any]:
        login = {"user": _USER, "password": _PASSWORD, "database": self.database}
        return {"host": "127.0.0.1", "port": self.port, **login}

    @property
    def variables(self) -> dict[str, str]:
        """The same, as Meltano finds them in the environment."""
        return {f"TARGET_POSTGRES_{k.upper()}": str(v) for k, v in self.settings.items()}

    def new_database(self, name: str, time_zone: str = "UTC") -> "Postgres":
        """Make an empty database, whose sessions have this time zone."""
        self.execute(f'CREATE DATABASE "{name}"')
        self.execute(f"ALTER DATABASE \"{name}\" SET timezone = '{time_zone}'")
        return Postgres(self.port, name)

    def rows(self, table: str, columns: str = "*") -> list[dict[str, t.Any]]:
        """Read a table; every value is as PostgreSQL writes it in JSON."""
        query = f"SELECT to_jsonb(found) FROM (SELECT {columns} FROM {table}) AS found"
        lines = self.execute(query).split("\n")  # not at U+2028 and its like
        return [json.loads(line, parse_float=Decimal) for line in lines if line]

    def table(self, stream: str) -> dict[warehouse.Key, warehouse.Row]:
        """Read the table of a stream by its key, without what the loader adds."""
        return warehouse.loaded(stream, self.rows(f"oncehub.{stream}"))

    def execute(self, query: str) -> str:
        login = {"USER": _USER, "PASSWORD": _PASSWORD, "DATABASE": self.database}
        place = {"HOST": "127.0.0.1", "PORT": str(self.port), "CLIENTENCODING": "UTF8"}
        variables = {f"PG{name}": value for name, value in (login | place).items()}
        command = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        done = run([*command, "--set=ON_ERROR_STOP=1", f"--command={query}"], **variables)
        assert done.status == 0, done.log
        return done.output.decode()


@contextmanager
def running() -> Iterator[Postgres]:
    """Run a server until the end of the block; it ends when the tests do, however that happens."""
    begin = ["setpriv", "--pdeathsig=QUIT"]
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder, port = Path(name), free_port()
        if not os.geteuid():  # it refuses to run as root
            begin += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(folder, "postgres")
        (folder / "password").write_text(_PASSWORD)
        data, log = f"--pgdata={folder}/data", folder / "log"
        options = ["--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C", data]
        login = [f"--username={_USER}", f"--pwfile={folder}/password"]
        initdb = [*begin, _program("initdb"), *options, *login]
        subprocess.run(initdb, check=True, cwd="/", stdout=subprocess.DEVNULL)
        server = [*begin, _program("postgres"), "-D", f"{folder}/data", "-F", "-k", "", "-p"]
        with start([*server, str(port)], Path("/"), log) as process:
            try:
                wait_for(lambda: "ready to accept connections" in log.read_text(), process, log)
                yield Postgres(port)
            finally:
                process.send_signal(signal.SIGQUIT)  # at once; nothing is to be kept


def _program(name: str) -> str:
    """Find a program of the server; Debian does not put them on the path."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(versions, key=lambda path: float(path.parts[4]), default=None)
    found = newest or shutil.which(name)
    assert found, f"{name} is missing; on Debian and Ubuntu: apt-get install postgresql"
    return str(found)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
