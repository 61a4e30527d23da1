"""The file while others want it, when a run is killed, and when the old loader made it."""

from __future__ import annotations

import gzip
import json
import random
import select
import signal
import string
import subprocess
import threading
import time
import typing as t
from contextlib import contextmanager

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import inside, programs, singer, warehouse
from tests.support.files import held
from tests.support.kills import wait_for
from tests.support.programs import LOADER, PATIENCE, environment
from tests.support.project import Project
from tests.target_duckdb import write_by_pypi

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA = {
    "type": "SCHEMA",
    "stream": "s",
    "key_properties": ["id"],
    "schema": {"properties": {"id": {"type": "integer"}}},
}
_READ = (
    "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True)\n"
    "print(duckdb.__version__, c.execute('FROM oncehub.s SELECT id').fetchall())"
)


def lines(*messages: dict[str, t.Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def row(number: int) -> dict[str, t.Any]:
    return {"type": "RECORD", "stream": "s", "record": {"id": number}}


def state(number: int) -> dict[str, t.Any]:
    return {"type": "STATE", "value": {"upto": number}}


@contextmanager
def started(folder: Path, **settings: t.Any) -> Iterator[subprocess.Popen[bytes]]:
    """A loader that waits for messages."""
    config = programs.loader_config(folder, **settings)
    with subprocess.Popen(
        [str(LOADER), "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ids(folder: Path) -> list[int]:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        return [
            found
            for (found,) in connection.execute("FROM oncehub.s SELECT id ORDER BY 1").fetchall()
        ]


def test_a_file_that_becomes_free_is_loaded(tmp_path: Path) -> None:
    with held(tmp_path / "warehouse.duckdb") as holder, started(tmp_path) as loader:
        said = t.cast("t.IO[bytes]", loader.stderr).readline().decode()
        assert f"PID {holder.pid}" in said
        holder.kill()
        output, log = loader.communicate(lines(SCHEMA, row(1), state(1)), timeout=PATIENCE)
    assert (loader.returncode, log, json.loads(output)) == (0, b"", {"upto": 1})
    assert ids(tmp_path) == [1]


def test_a_file_that_stays_locked_is_given_up_in_one_line(tmp_path: Path) -> None:
    with (
        held(tmp_path / "warehouse.duckdb") as holder,
        started(tmp_path, lock_wait_seconds=1.5) as loader,
    ):
        output, log = loader.communicate(timeout=PATIENCE)
    assert (loader.returncode, output) == (1, b"")
    waiting, given_up = log.decode().splitlines()
    assert f"PID {holder.pid}" in waiting
    assert f"PID {holder.pid}" in given_up


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_killed_at_any_moment_it_holds_whole_batches(tmp_path: Path, delay: float) -> None:
    batch = 50
    with started(tmp_path, batch_size_rows=batch) as loader:
        pipe = t.cast("t.IO[bytes]", loader.stdin)
        pipe.write(lines(SCHEMA))
        pipe.flush()
        wait_for((tmp_path / "warehouse.duckdb").exists, loader)
        time.sleep(0.2 * (delay > 0))
        until = time.monotonic() + delay
        for number in range(100_000):
            pipe.write(lines(row(number), state(number)))
            if time.monotonic() > until:
                break
        loader.kill()
        try:
            pipe.close()
        except BrokenPipeError:
            loader.stdin = None
        output = t.cast("t.IO[bytes]", loader.stdout).read()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    found = ids(tmp_path) if tables else []
    assert found == list(range(len(found)))
    assert len(found) % batch == 0
    states = [json.loads(line)["upto"] for line in output.splitlines()]
    assert all(number < len(found) for number in states)


def test_a_second_sigterm_ends_a_loader_that_is_stuck(tmp_path: Path) -> None:
    with started(tmp_path, batch_size_rows=1) as loader:
        pipe = t.cast("t.IO[bytes]", loader.stdin)
        long = {"type": "STATE", "value": "x" * 200_000}  # more than a pipe holds
        pipe.write(lines(SCHEMA, row(1), long, row(2)))
        pipe.flush()
        output = t.cast("t.IO[bytes]", loader.stdout)
        wait_for(lambda: select.select([output], [], [], 0)[0], loader)
        time.sleep(0.5)
        loader.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert loader.poll() is None
        loader.send_signal(signal.SIGTERM)
        assert loader.wait(PATIENCE) == -signal.SIGTERM
    assert ids(tmp_path) == [1, 2]


def test_without_a_reader_of_states_it_ends_in_one_line(tmp_path: Path) -> None:
    with started(tmp_path) as loader:
        t.cast("t.IO[bytes]", loader.stdout).close()
        loader.stdout = None
        _, log = loader.communicate(lines(SCHEMA, row(1), state(1)), timeout=PATIENCE)
    assert (loader.returncode, len(log.splitlines())) == (1, 1), log
    assert ids(tmp_path) == [1]


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    schema = {"properties": {"id": {"type": "integer"}, "text": {"type": "string"}}}
    messages = [{**SCHEMA, "schema": schema}]
    for number in range(4000):
        # What cannot be compressed fills a file.
        text = "".join(random.choices(string.ascii_letters, k=2000))
        messages += [{**row(number), "record": {"id": number, "text": text}}, state(number)]
    config = programs.loader_config(tmp_path, batch_size_rows=500)
    load = ["sh", "-c", f"ulimit -f 8000; exec '{LOADER}' --config '{config}'"]  # 4 MB
    full = subprocess.run(
        load,
        input=lines(*messages),
        capture_output=True,
        check=False,
        env=environment(),
        timeout=PATIENCE,
    )
    assert (full.returncode, len(full.stderr.splitlines())) == (1, 1), full.stderr.decode()
    found = ids(tmp_path)
    assert found == list(range(len(found)))
    assert 0 < len(found) < 4000
    assert len(found) % 500 == 0
    upto = [json.loads(line)["upto"] for line in full.stdout.splitlines()]
    assert max(upto) < len(found)
    programs.load(tmp_path, lines(*messages), batch_size_rows=500)
    assert ids(tmp_path) == list(range(4000))


@pytest.mark.slow
def test_a_slow_sync_leaves_the_file_to_readers(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    account = Account(seed=5, bookings=6_000, nasty=False)
    catalog = inside.catalog("bookings")
    with Sandbox(account, key=programs.KEY) as api:
        # As many pages as OnceHub allows in the long run: 200 in five minutes.
        settings = programs.settings_for(api.url, rate_limit_per_second=2 / 3)
        tap = programs.tap_command(tmp_path, settings, catalog=catalog)
        config = programs.loader_config(tmp_path)
        with (
            subprocess.Popen(
                tap, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()
            ) as source,
            subprocess.Popen(
                [str(LOADER), "--config", str(config)], stdin=source.stdout, env=environment()
            ) as loader,
        ):
            wait_for(file.exists, loader)
            opened = refused = 0
            began = time.monotonic()
            while loader.poll() is None:
                try:
                    with duckdb.connect(str(file), read_only=True) as connection:
                        connection.execute("FROM duckdb_tables()").fetchall()
                    opened += 1
                except duckdb.IOException:
                    refused += 1
                # A refusal is quick, and must not lead to more of them.
                time.sleep(0.2 - (time.monotonic() - began) % 0.2)
    assert loader.returncode == 0
    warehouse.assert_equal(file, "bookings", account.objects("bookings"))
    assert opened >= 99 * refused, (opened, refused)


@pytest.mark.slow
def test_a_run_of_meltano_waits_for_the_file(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=2_000)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url)
        with held(project.database) as holder:
            threading.Timer(20, holder.kill).start()  # the tap has filled the pipe by then
            run = project.run()
    assert run.status == 0, run.log
    assert f"PID {holder.pid}" in run.log
    warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))


def test_a_file_of_the_old_loader_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    file.write_bytes(gzip.decompress(write_by_pypi.FILE.read_bytes()))
    properties = {n: p for n, p in write_by_pypi.PROPERTIES.items() if n not in {"id", "gone"}}
    message = singer.schema(("id",), id=write_by_pypi.PROPERTIES["id"], **properties)
    came = {n: {**write_by_pypi.row(n), "minutes": 2**40, "list": ["new"]} for n in (3, 20)}
    rows = [singer.record(**{n: v for n, v in row.items() if n != "gone"}) for row in came.values()]
    said = singer.load(tmp_path, message, *({**row, "version": 2} for row in rows))
    assert said.splitlines() == [
        'target-duckdb: "o"."s": the column "minutes" was INTEGER and is now BIGINT'
    ]
    found = singer.query(
        tmp_path, "SELECT * EXCLUDE (moment), moment::VARCHAR AS moment FROM o.s ORDER BY number"
    )
    with duckdb.connect(str(file), read_only=True) as connection:
        names = [name for name, *_ in connection.execute("DESCRIBE o.s").fetchall()]
    names = [name for name in names if name != "moment"] + ["moment"]
    assert len(found) == 10
    for values in found:
        row = dict(zip(names, values, strict=True))
        number = row["number"] - 2**60
        wanted = came.get(number, write_by_pypi.row(number))
        if number == 20:
            wanted["gone"] = None
        for name in ("id", "number", "minutes", "price", "day", "flag", "gone"):
            assert str(row[name]) == str(wanted[name]), (number, name)
        assert json.loads(row["form"]) == wanted["form"]
        assert json.loads(row["list"]) == wanted["list"]
        assert row["moment"] == wanted["moment"].replace("T", " ").removesuffix("Z")
        assert (row["_sdc_table_version"], row["_sdc_deleted_at"]) == (
            2 if number in came else None,
            None,
        )


@pytest.mark.slow
def test_the_old_duckdb_reads_the_new_file(tmp_path: Path) -> None:
    programs.load(tmp_path, lines(SCHEMA, row(1), state(1)))
    programs.make_venv(tmp_path / "venv", "3.13")
    python = tmp_path / "venv/bin/python"
    command = [programs.UV, "--quiet", "pip", "install", f"--python={python}", "duckdb==1.2.2"]
    subprocess.run(command, check=True)
    done = subprocess.run(
        [str(python), "-c", _READ, str(tmp_path / "warehouse.duckdb")],
        capture_output=True,
        check=True,
        env=environment(),
        timeout=PATIENCE,
    )
    assert done.stdout.strip() == b"1.2.2 [(1,)]"
