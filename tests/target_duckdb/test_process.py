"""The loader as a process: a file that others want, batches in time, kills, signals."""

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
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs, singer, warehouse
from tests.support.kills import held, wait_for
from tests.support.project import Project
from tests.support.singer import TEXT, Loading, Message, ids, record, schema
from tests.target_duckdb import write_by_pypi

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]

STRUCTURED = {"formatters": {"x": {"()": "singer_sdk.logging.StructuredFormatter"}}}


def state(number: int) -> dict[str, t.Any]:
    return {"type": "STATE", "value": {"upto": number}}


# --- the file


def test_file_that_becomes_free_is_loaded(tmp_path: Path) -> None:
    with held(tmp_path / "w.duckdb") as holder, Loading(tmp_path) as loader:
        assert f"PID {holder.pid}" in loader.errors.readline().decode()
        holder.kill()
        status, output, log = loader.end(schema(), record(id=1), state(1))
    assert (status, json.loads(output), log) == (0, {"upto": 1}, "")
    assert ids(tmp_path) == [1]


def test_table_that_is_gone_but_was_loaded_is_a_warning(tmp_path: Path) -> None:
    loaded = {"type": "STATE", "value": {"bookmarks": {"s": {"replication_key_value": "2026"}}}}
    log = str(programs.write(tmp_path / "logging.json", STRUCTURED))
    for before, told in (([], []), ([loaded], []), ([loaded], ["WARNING"])):
        if told:
            (tmp_path / "w.duckdb").unlink()
        with Loading(tmp_path, SINGER_SDK_LOG_CONFIG=log) as loader:
            status, _, said = loader.end(*before, schema(), record(id=1), loaded)
        assert (status, [json.loads(line)["level"] for line in said.splitlines()]) == (0, told)


@pytest.mark.parametrize("seconds", [60, 1])
def test_tap_is_read_on_for_a_while_when_the_file_stays_open(tmp_path: Path, seconds: int) -> None:
    changed, settings = f"m._LONGEST_DRAIN = {seconds}", {"lock_wait_seconds": 0.1}
    log = str(programs.write(tmp_path / "logging.json", STRUCTURED))
    with (
        held(tmp_path / "w.duckdb") as holder,
        Loading(tmp_path, changed, settings, SINGER_SDK_LOG_CONFIG=log) as loader,
        suppress(*[BrokenPipeError] * (seconds == 1)),
    ):
        said = json.loads(loader.errors.readline())
        assert (said["level"], f"PID {holder.pid}" in said["message"]) == ("ERROR", True)
        for _ in range(30):  # longer than the silence that it waits for, more than a pipe
            loader.write(schema(v=TEXT), *(record(id=1, v="x" * 1000) for _ in range(10)), state(1))
            time.sleep(0.1)
        assert seconds > 1
        began = time.monotonic()
        loader.wait(programs.PATIENCE)
        assert time.monotonic() - began > 1.5
        assert (loader.errors.read(), loader.states) == (b"", [])
    assert loader.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("patience", ["60", "1"])
def test_run_of_meltano_waits_for_the_file(tmp_path: Path, patience: str) -> None:
    account = Account(seed=6, bookings=2_000)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path, api.url, TARGET_DUCKDB_LOCK_WAIT_SECONDS=patience)
        with held(project.database) as holder:
            threading.Timer(20, holder.kill).start()  # the tap has filled the pipe by then
            run = project.run()
    assert f"PID {holder.pid}" in run.log
    if patience == "60":
        assert run.status == 0, run.log
        warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))
    else:
        assert run.status == 1
        assert "BrokenPipe" not in run.log
        assert "Broken pipe" not in run.log


def test_file_is_left_to_others_after_a_batch_that_was_slow(tmp_path: Path) -> None:
    with Loading(tmp_path, "m._IDLE_SECONDS = 999", {"batch_size_rows": 2}) as loader:
        loader.write(schema(), record(id=1))
        wait_for((tmp_path / "w.duckdb").exists, loader)
        time.sleep(1.5)
        loader.write(record(id=2))
        wait_for(lambda: ids(tmp_path) == [1, 2], loader)


def test_file_and_settings_of_the_old_loader_go_on(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(gzip.decompress(write_by_pypi.FILE.read_bytes()))
    message = schema(())
    properties = message["schema"]["properties"] = dict(write_by_pypi.PROPERTIES)
    columns = ", ".join(f"{name}::VARCHAR" for name in properties)
    rows = f"SELECT {columns} FROM o.s WHERE id NOT LIKE '%3' ORDER BY number"
    before = singer.query(tmp_path, rows)
    del properties["gone"]
    came = {**write_by_pypi.row(3), "minutes": 2**40, "list": ["new"]}
    message["key_properties"] = ["id"]
    old = {"temp_dir": "/nowhere", "delimiter": ",", "flush_all_streams": True}
    said = singer.load(tmp_path, message, {**record(**came), "version": 2}, **old)
    settings, changed = said.splitlines()
    assert all(name in settings for name in old)
    assert changed.endswith('"o"."s": the column "minutes" was INTEGER and is now BIGINT')
    assert (len(before), singer.query(tmp_path, rows)) == (8, before)
    found = "moment::VARCHAR, minutes, price, list::VARCHAR, gone, _sdc_deleted_at"
    (row,) = singer.query(tmp_path, f"SELECT {found} FROM o.s WHERE id LIKE '%3'")
    assert row == ("2020-01-01 00:00:03.5", 2**40, 0.375, '["new"]', "gone 3", None)


def test_older_duckdb_reads_the_file_whose_folder_is_made(tmp_path: Path) -> None:
    singer.load(tmp_path, schema(), record(id=1), filepath=str(tmp_path / "output/w.duckdb"))
    found = singer.query(
        tmp_path / "output", "SELECT tags['storage_version'] FROM duckdb_databases()"
    )
    assert ("v1.2.0+",) in found


# --- batches


def test_slow_tap_has_its_rows_written_in_time(tmp_path: Path) -> None:
    with Loading(tmp_path, "l._LONGEST_WAIT = 2") as loader:
        loader.write(schema(), record(id=1), state(1))
        wait_for(lambda: loader.states == [{"upto": 1}], loader)
        assert loader.poll() is None


@pytest.mark.parametrize("streams", [["s"] * 4, ["s", "a", "b", "c"]])
def test_many_bytes_of_all_streams_are_a_batch(tmp_path: Path, streams: list[str]) -> None:
    changed = "l._BATCH_BYTES, l._LONGEST_WAIT = 10_000, 9999"
    with Loading(tmp_path, changed, {"batch_size_rows": 10**6}) as loader:
        loader.write(*(schema(stream=name, v=TEXT) for name in streams))
        loader.write(*(record(name, id=n, v="x" * 3000) for n, name in enumerate(streams)))
        wait_for(lambda: len(ids(tmp_path) or ()) == streams.count("s"), loader)


def test_log_of_a_deleted_file_is_not_that_of_the_next_one(tmp_path: Path) -> None:
    with Loading(tmp_path, settings={"batch_size_rows": 1}) as loader:
        loader.write(schema(), record(id=1), record(id=2))
        wait_for(tmp_path.joinpath("w.duckdb.wal").exists, loader)
        loader.kill()
    tmp_path.joinpath("w.duckdb").unlink()
    singer.load(tmp_path, schema(), record(id=3))
    assert ids(tmp_path) == [3]


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
        output = loader.output.read()
    duckdb.connect(str(tmp_path / "w.duckdb")).close()  # finishes what was logged
    assert_whole_batches(tmp_path, output, 50)


def assert_whole_batches(folder: Path, output: bytes, size: int) -> int:
    """The file holds all rows up to some, and no state is ahead of them."""
    found = ids(folder) or []
    assert found == list(range(len(found)))
    assert len(found) % size == 0
    assert all(json.loads(line)["upto"] < len(found) for line in output.splitlines())
    return len(found)


def test_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    messages: list[Message] = [schema(text=TEXT)]
    for number in range(4000):
        # What cannot be compressed fills a file.
        text = "".join(random.choices(string.ascii_letters, k=2000))
        messages += [record(id=number, text=text), state(number)]
    config = singer.config(tmp_path, batch_size_rows=500)
    for blocks in (8, 8000):  # 4 KB do not hold an empty file, 4 MB not all rows
        command = f"ulimit -f {blocks}; exec '{programs.LOADER}' --config '{config}'"
        # Or else half a module is written, and half of what coverage measured.
        command = f"unset COVERAGE_PROCESS_CONFIG; export PYTHONDONTWRITEBYTECODE=1; {command}"
        full = programs.run(["sh", "-c", command], given=singer.lines(*messages).encode())
        assert (full.status, len(full.log.splitlines())) == (1, 1), full.log
    assert 0 < assert_whole_batches(tmp_path, full.output, 500) < 4000
    singer.load(tmp_path, *messages, batch_size_rows=500)
    assert ids(tmp_path) == list(range(4000))


def test_what_memory_does_not_hold_goes_beside_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / ".tmp").touch()  # where DuckDB would write, but for the loader
    streams = [f"s{number}" for number in range(30)]
    messages = [schema(stream=stream, v=TEXT) for stream in streams]
    messages += [record(stream, id=n, v=f"{n}" * 140) for n in range(300) for stream in streams]
    config = singer.config(tmp_path, settings={"memory_limit": "20MB"})
    given = singer.lines(*messages).encode()
    done = programs.run([str(programs.LOADER), "--config", str(config)], folder, given)
    assert done.status == 0, done.log
    assert singer.query(tmp_path, "SELECT count(*), max(length(v)) FROM o.s9") == [(300, 420)]


# --- signals


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_writes_what_is_there(tmp_path: Path, number: signal.Signals) -> None:
    with Loading(tmp_path) as loader:
        loader.write(schema(), record(id=1), state(1), record(id=2))
        wait_for(lambda: ids(tmp_path) == [], loader)  # it has read all of that, and is idle
        loader.send_signal(number)
        status, output, log = loader.end()
    assert (status, json.loads(output), log) == (128 + number, {"upto": 1}, "")
    assert ids(tmp_path) == [1, 2]


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_at_the_start_is_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with Loading(tmp_path) as loader:
        maps = Path(f"/proc/{loader.pid}/maps")
        wait_for(lambda: "_duckdb" in maps.read_text(), loader)  # it imports what it needs
        loader.send_signal(number)
        status, _, log = loader.end()
    assert (status in {-number, 128 + number}, log) == (True, "")


def test_signal_ends_the_wait_for_the_file(tmp_path: Path) -> None:
    with held(tmp_path / "w.duckdb"), Loading(tmp_path) as loader:
        loader.errors.readline()
        loader.send_signal(signal.SIGTERM)
        assert loader.wait(20) == 1


def test_second_signal_ends_a_loader_that_is_stuck(tmp_path: Path) -> None:
    with Loading(tmp_path, settings={"batch_size_rows": 1}) as loader:
        long = {"type": "STATE", "value": "x" * 200_000}  # more than a pipe holds
        loader.write(schema(), record(id=1), long, record(id=2))
        wait_for(lambda: select.select([loader.output], [], [], 0)[0], loader)
        time.sleep(0.5)
        for _ in range(2):
            assert loader.poll() is None
            loader.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        assert loader.wait(programs.PATIENCE) == -signal.SIGTERM
    assert ids(tmp_path) == [1, 2]


def test_what_the_shell_has_it_ignore_stays_ignored(tmp_path: Path) -> None:
    command = f"exec '{programs.LOADER}' --config '{singer.config(tmp_path)}'"
    with subprocess.Popen(
        ["/bin/sh", "-c", f"trap '' HUP INT; {command}"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=programs.environment(),
    ) as process:
        wait_for((tmp_path / "w.duckdb").exists, process)
        for number in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        given = singer.lines(schema(), record(id=1)).encode()
        _, log = process.communicate(given, timeout=programs.PATIENCE)
    assert (process.returncode, log, ids(tmp_path)) == (0, b"", [1])


def test_without_a_reader_of_states_it_ends_in_one_line(tmp_path: Path) -> None:
    with Loading(tmp_path) as loader:
        loader.output.close()
        loader.stdout = None
        _, log = loader.communicate(singer.lines(schema(), record(id=1), state(1)).encode())
    assert (loader.returncode, len(log.splitlines())) == (1, 1), log
    assert ids(tmp_path) == [1]
