"""The file while others want it, when a run is killed, and when the old loader made it."""

import gzip
import json
import random
import string
import threading
import time
import typing as t
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs, singer, warehouse
from tests.support.files import held
from tests.support.kills import wait_for
from tests.support.project import Project
from tests.support.singer import TEXT, Loading, ids, record, schema
from tests.target_duckdb import write_by_pypi


def state(number: int) -> dict[str, t.Any]:
    return {"type": "STATE", "value": {"upto": number}}


def test_a_file_that_becomes_free_is_loaded(tmp_path: Path) -> None:
    with held(tmp_path / "w.duckdb") as holder, Loading(tmp_path) as loader:
        assert f"PID {holder.pid}" in loader.errors.readline().decode()
        holder.kill()
        status, output, log = loader.end(schema(), record(id=1), state(1))
    assert (status, json.loads(output), log) == (0, {"upto": 1}, "")
    assert ids(tmp_path) == [1]


def test_a_file_that_stays_locked_is_given_up_in_one_line(tmp_path: Path) -> None:
    patience = {"lock_wait_seconds": 1.5}
    with held(tmp_path / "w.duckdb") as holder, Loading(tmp_path, settings=patience) as loader:
        status, output, log = loader.end()
    assert (status, output) == (1, "")
    waiting, given_up = log.splitlines()
    assert f"PID {holder.pid}" in waiting
    assert f"PID {holder.pid}" in given_up


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6])
def test_killed_at_any_moment_it_holds_whole_batches(tmp_path: Path, delay: float) -> None:
    with Loading(tmp_path, settings={"batch_size_rows": 50}) as loader:
        loader.write(schema())
        wait_for((tmp_path / "w.duckdb").exists, loader)
        time.sleep(0.2 * (delay > 0))
        until = time.monotonic() + delay
        for number in range(100_000):
            loader.write(record(id=number), state(number))
            if time.monotonic() > until:
                break
        loader.kill()
        states = [json.loads(line)["upto"] for line in loader.output.read().splitlines()]
    duckdb.connect(str(tmp_path / "w.duckdb")).close()  # finishes what was logged
    found = ids(tmp_path) or []
    assert found == list(range(len(found)))
    assert len(found) % 50 == 0
    assert all(number < len(found) for number in states)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    messages: list[t.Any] = [schema(text=TEXT)]
    for number in range(4000):
        # What cannot be compressed fills a file.
        text = "".join(random.choices(string.ascii_letters, k=2000))
        messages += [record(id=number, text=text), state(number)]
    config = singer.config(tmp_path, batch_size_rows=500)
    command = f"ulimit -f 8000; exec '{programs.LOADER}' --config '{config}'"  # 4 MB
    full = programs.run(["sh", "-c", command], given=singer.lines(*messages).encode())
    assert (full.status, len(full.log.splitlines())) == (1, 1), full.log
    found = ids(tmp_path) or []
    assert found == list(range(len(found)))
    assert 0 < len(found) < 4000
    assert len(found) % 500 == 0
    assert max(json.loads(line)["upto"] for line in full.output.splitlines()) < len(found)
    singer.load(tmp_path, *messages, batch_size_rows=500)
    assert ids(tmp_path) == list(range(4000))


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
    (tmp_path / "w.duckdb").write_bytes(gzip.decompress(write_by_pypi.FILE.read_bytes()))
    properties = {n: p for n, p in write_by_pypi.PROPERTIES.items() if n != "gone"}
    came = {n: {**write_by_pypi.row(n), "minutes": 2**40, "list": ["new"]} for n in (3, 20)}
    rows = [record(**{n: v for n, v in row.items() if n != "gone"}) for row in came.values()]
    message = schema(("id",), **properties)
    message["schema"]["properties"] = properties
    said = singer.load(tmp_path, message, *({**row, "version": 2} for row in rows))
    assert said.splitlines() == [
        'target-duckdb: "o"."s": the column "minutes" was INTEGER and is now BIGINT'
    ]
    wanted = {n: write_by_pypi.row(n) for n in range(9)} | came | {20: {**came[20], "gone": None}}
    names = [*write_by_pypi.PROPERTIES]
    found = singer.query(tmp_path, f"SELECT {', '.join(names)} FROM o.s ORDER BY number")
    assert len(found) == len(wanted)
    for number, values in zip(sorted(wanted), found, strict=True):
        row = dict(zip(names, values, strict=True))
        row |= {name: json.loads(row[name]) for name in ("form", "list")}
        moment = row["moment"].isoformat(timespec="milliseconds")
        assert moment.rstrip("0") + "Z" == wanted[number].pop("moment")
        assert {n: str(v) for n, v in row.items() if n != "moment"} == {
            name: str(value) for name, value in wanted[number].items()
        }
    kept = "SELECT count(*) FROM o.s WHERE _sdc_table_version IS NULL AND _sdc_deleted_at IS NULL"
    assert singer.query(tmp_path, kept) == [(8,)]


def test_older_duckdb_reads_the_file(tmp_path: Path) -> None:
    singer.load(tmp_path, schema(), record(id=1))
    found = singer.query(tmp_path, "SELECT tags['storage_version'] FROM duckdb_databases()")
    assert ("v1.2.0+",) in found
