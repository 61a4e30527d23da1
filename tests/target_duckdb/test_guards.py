"""What keeps a load safe, each with what is lost without it."""

import json
import os
import select
import signal
import subprocess
import time
import typing as t
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs, singer
from tests.support.files import held
from tests.support.kills import wait_for
from tests.support.project import Project
from tests.support.singer import PRIVATE, TEXT, TIME, Loading, ids, record, schema

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
STRUCTURED = {"formatters": {"x": {"()": "singer_sdk.logging.StructuredFormatter"}}}


def version(number: int) -> dict[str, t.Any]:
    """An ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": "s", "version": number}


def rows(number: int, *keys: int) -> list[t.Any]:
    """Records of a version of the table."""
    return [{**record(id=key), "version": number} for key in keys]


def state(number: int) -> dict[str, t.Any]:
    """A STATE message."""
    return {"type": "STATE", "value": {"upto": number}}


def test_a_refused_batch_leaves_the_rows_that_it_would_replace(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT, v VARCHAR UNIQUE)")
        connection.execute("INSERT INTO o.s VALUES (1, 'old'), (2, 'two')")
    other = [schema(stream="first", v=TEXT), record("first", id=1, v="x")]
    clash = [record(id=1, v=PRIVATE), record(id=3, v="two")]
    done = singer.run(tmp_path, *other, schema(v=TEXT), *clash)
    assert (done.returncode, done.stdout, PRIVATE in done.stderr) == (1, "", False)
    assert singer.query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1") == [(1, "old"), (2, "two")]
    assert singer.query(tmp_path, "SELECT count(*) FROM o.first") == [(0,)]


def test_times_are_utc_wherever_the_loader_runs(tmp_path: Path) -> None:
    noon = "2020-01-01T12:00:00Z"
    with Loading(tmp_path, TZ="Asia/Kolkata") as loader:
        row = {**record(id=1, v=noon), "time_extracted": noon}
        assert loader.end(schema(v=TIME), row) == (0, "", "")
    now = "abs(epoch(_sdc_batched_at) - epoch(now())) < 600"
    found = singer.query(tmp_path, f"SELECT v::VARCHAR, _sdc_extracted_at::VARCHAR, {now} FROM o.s")
    assert found == [("2020-01-01 12:00:00", "2020-01-01 12:00:00", True)]


def test_a_slow_tap_has_its_rows_written_in_time(tmp_path: Path) -> None:
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


def test_rows_are_counted_for_each_stream(tmp_path: Path) -> None:
    with Loading(tmp_path, "l._LONGEST_WAIT = 9999", {"batch_size_rows": 3}) as loader:
        loader.write(schema(), schema(stream="a"), record(id=1), record("a", id=1), record(id=2))
        loader.write(state(1), record("a", id=2))
        wait_for(lambda: ids(tmp_path) == [], loader)  # it has read all of that, and is idle
        loader.write(record(id=3))
        wait_for(lambda: ids(tmp_path) == [1, 2, 3], loader)
        wait_for(lambda: loader.states == [{"upto": 1}], loader)


def test_the_file_is_closed_after_a_batch_that_was_slow(tmp_path: Path) -> None:
    with Loading(tmp_path, "m._IDLE_SECONDS = 999", {"batch_size_rows": 2}) as loader:
        loader.write(schema(), record(id=1))
        wait_for((tmp_path / "w.duckdb").exists, loader)
        time.sleep(1.5)
        loader.write(record(id=2))
        wait_for(lambda: ids(tmp_path) == [1, 2], loader)


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("left", [[], [2]])
def test_what_a_complete_pass_did_not_bring_is_deleted(
    tmp_path: Path, left: list[int], *, hard: bool
) -> None:
    # The rows of a run without versions, as the old loader wrote them, count as older too.
    singer.load(tmp_path, schema(), *(record(id=n) for n in (1, 2, 3)))
    said = singer.load(tmp_path, schema(), *rows(9, *left), version(9), hard_delete=hard)
    alive = singer.query(tmp_path, "SELECT id FROM o.s WHERE _sdc_deleted_at IS NULL")
    assert alive == [(n,) for n in left]
    assert len(ids(tmp_path) or ()) == (len(left) if hard else 3)
    assert f"{3 - len(left)} rows" in said
    singer.load(tmp_path, schema(), *rows(10, 1))
    assert singer.query(tmp_path, "SELECT _sdc_deleted_at FROM o.s WHERE id = 1") == [(None,)]


def test_rows_without_a_version_are_not_deleted_nor_those_before_a_schema(tmp_path: Path) -> None:
    singer.load(tmp_path, version(5), schema(), record(id=1), version(9))
    assert singer.query(tmp_path, "SELECT _sdc_deleted_at FROM o.s") == [(None,)]


def test_only_rows_that_are_not_marked_are_marked(tmp_path: Path) -> None:
    singer.load(tmp_path, schema(), *rows(1, 1, 2, 3), version(1))
    singer.load(tmp_path, schema(), *rows(2, 1, 2), version(2))
    marked = "SELECT id, _sdc_deleted_at FROM o.s WHERE _sdc_deleted_at IS NOT NULL"
    before = singer.query(tmp_path, marked)
    assert "1 rows" in singer.load(tmp_path, schema(), *rows(3, 1), version(3))
    after = singer.query(tmp_path, f"{marked} ORDER BY id DESC")
    assert ([number for number, _ in after], after[:1]) == ([3, 2], before)
    singer.load(tmp_path, schema(), *rows(3, 1), hard_delete=True)
    assert ids(tmp_path) == [1]


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


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_writes_what_is_there(tmp_path: Path, number: signal.Signals) -> None:
    with Loading(tmp_path) as loader:
        loader.write(schema(), record(id=1), state(1), record(id=2))
        wait_for(lambda: ids(tmp_path) == [], loader)  # it has read all of that, and is idle
        loader.send_signal(number)
        status, output, log = loader.end()
    assert (status, json.loads(output), log) == (128 + number, {"upto": 1}, "")
    assert ids(tmp_path) == [1, 2]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_at_the_start_is_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with Loading(tmp_path) as loader:
        maps = Path(f"/proc/{loader.pid}/maps")
        wait_for(lambda: "_duckdb" in maps.read_text(), loader)  # it imports what it needs
        loader.send_signal(number)
        status, _, log = loader.end()
    assert (status in {-number, 128 + number}, log) == (True, "")


def test_a_second_signal_ends_a_loader_that_is_stuck(tmp_path: Path) -> None:
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


def test_the_tap_is_read_on_when_the_file_is_open_elsewhere(tmp_path: Path) -> None:
    log = str(programs.write(tmp_path / "logging.json", STRUCTURED))
    patience = {"lock_wait_seconds": 0.1}
    with (
        held(tmp_path / "w.duckdb") as holder,
        Loading(tmp_path, settings=patience, SINGER_SDK_LOG_CONFIG=log) as loader,
    ):
        said = json.loads(loader.errors.readline())
        for _ in range(30):  # longer than the silence that it waits for, more than a pipe
            loader.write(schema(v=TEXT), *(record(id=1, v="x" * 1000) for _ in range(10)), state(1))
            time.sleep(0.1)
        began = time.monotonic()
        assert loader.wait(programs.PATIENCE) == 1
        assert time.monotonic() - began > 1.5
        assert (loader.errors.read(), loader.states) == (b"", [])
    assert said["level"] == "ERROR"
    assert f"PID {holder.pid}" in said["message"]


def test_a_tap_that_goes_on_is_left_after_a_while(tmp_path: Path) -> None:
    patience = {"lock_wait_seconds": 0}
    with (
        held(tmp_path / "w.duckdb"),
        Loading(tmp_path, "m._LONGEST_DRAIN = 3", patience) as loader,
    ):
        while loader.poll() is None:
            with suppress(BrokenPipeError):
                loader.write(record(id=1))
            time.sleep(0.1)
    assert loader.returncode == 1


def test_the_folder_of_the_file_is_made_but_not_the_one_above(tmp_path: Path) -> None:
    done = singer.run(tmp_path, schema(), filepath=str(tmp_path / "output/w.duckdb"))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "output/w.duckdb").is_file()
    log = str(programs.write(tmp_path / "logging.json", STRUCTURED))
    settings = {"filepath": str(tmp_path / "none/none/w.duckdb")}
    with Loading(tmp_path, settings=settings, SINGER_SDK_LOG_CONFIG=log) as loader:
        status, output, said = loader.end()
    assert (status, output, json.loads(said)["level"]) == (1, "", "ERROR")
    assert str(tmp_path / "none") in said


@pytest.mark.parametrize("what", ["FIFO", "folder", "empty", "short", "other"])
def test_what_is_no_file_of_duckdb_is_told_at_once(tmp_path: Path, what: str) -> None:
    file = tmp_path / "w.duckdb"
    if what in {"FIFO", "folder"}:
        (os.mkfifo if what == "FIFO" else os.mkdir)(file)
    else:
        file.write_bytes(b"x" * {"empty": 0, "short": 4096, "other": 14_000}[what])
    began = time.monotonic()
    done = singer.run(tmp_path, schema(), record(id=1), lock_wait_seconds=60)
    assert time.monotonic() - began < 30
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert str(file) in done.stderr


def test_a_state_ahead_of_its_table_is_noticed(tmp_path: Path) -> None:
    for value in ("5", "null", "[]", "[1e999]", '{"bookmarks": {"s": 5}}'):  # of any form
        singer.load(tmp_path, f'{{"type": "STATE", "value": {value}}}', schema(stream="any"))
    first = {"type": "STATE", "value": {"bookmarks": {"t": {"replication_key_value": None}}}}
    assert singer.load(tmp_path, first, schema(stream="t"), record("t", id=1)) == ""
    earlier = {"type": "STATE", "value": {"bookmarks": {"s": {"replication_key_value": "2020"}}}}
    said = singer.load(tmp_path, earlier, schema(), record(id=1))
    assert "stream s" in said
    assert "state clear" in said
    assert singer.load(tmp_path, earlier, schema(), record(id=2)) == ""


def test_streams_and_schemas_have_their_places(tmp_path: Path) -> None:
    mapping = {"crm": {"target_schema": "sales"}}
    for name in ("w", "o", "a.b", "with blank", "Upper"):
        messages = [schema(), record(id=1), schema(stream="crm-My.Table")]
        singer.load(tmp_path, *messages, default_target_schema=name, schema_mapping=mapping)
        assert singer.query(tmp_path, f'SELECT count(*) FROM w."{name}".s') == [(1,)]
    assert singer.query(tmp_path, "SELECT count(*) FROM sales.my_table") == [(0,)]


def test_descriptions_become_comments(tmp_path: Path) -> None:
    message = schema(v={**TEXT, "description": "It's\nhere"})
    message["schema"]["description"] = "All of it"
    for _ in range(2):
        singer.load(tmp_path, message, record(id=1, v="x"))
    columns = "SELECT comment FROM duckdb_columns() WHERE column_name = 'v'"
    assert singer.query(tmp_path, columns) == [("It's\nhere",)]
    assert singer.query(tmp_path, "SELECT comment FROM duckdb_tables()") == [("All of it",)]


@pytest.mark.slow
def test_meltano_prints_an_error_and_no_broken_pipes(tmp_path: Path) -> None:
    with Sandbox(Account(seed=6, bookings=2_000), key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, TARGET_DUCKDB_LOCK_WAIT_SECONDS="1")
        with held(project.database) as holder:
            done = project.run()
    assert done.status == 1
    assert f"PID {holder.pid}" in done.log
    assert "BrokenPipe" not in done.log
    assert "Broken pipe" not in done.log
