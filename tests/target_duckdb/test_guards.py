"""What keeps a load safe, each with what is lost without it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
import typing as t
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.files import held
from tests.support.kills import wait_for
from tests.support.programs import LOADER, PATIENCE, environment
from tests.support.project import Project
from tests.support.singer import (
    PRIVATE,
    TEXT,
    TIME,
    WHOLE,
    Message,
    load,
    query,
    record,
    run,
    schema,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

STRUCTURED = {"formatters": {"x": {"()": "singer_sdk.logging.StructuredFormatter"}}}


def version(number: int) -> dict[str, t.Any]:
    """An ACTIVATE_VERSION message."""
    return {"type": "ACTIVATE_VERSION", "stream": "s", "version": number}


def state(number: int) -> dict[str, t.Any]:
    """A STATE message."""
    return {"type": "STATE", "value": {"upto": number}}


@contextmanager
def loading(
    folder: Path, changed: str = "", settings: t.Any = None, **variables: str
) -> Iterator[tuple[subprocess.Popen[bytes], t.Callable[..., None]]]:
    """Start a loader; gives it, and what writes messages to it.

    Args:
        folder: Where its file is.
        changed: Python that makes a limit of the loader's small enough for a test.
        settings: Settings.
        variables: Environment variables.
    """
    config = programs.loader_config(folder, **(settings or {}))
    python = LOADER.with_name("python")
    code = f"import target_duckdb.__main__ as m, target_duckdb.loader as l\n{changed}\nm.main()"
    with subprocess.Popen(
        [str(python), "-c", code, "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**variables),
    ) as process:
        pipe = t.cast("t.IO[bytes]", process.stdin)

        def write(*messages: Message) -> None:
            for message in messages:
                pipe.write(json.dumps(message).encode() + b"\n")
            pipe.flush()

        try:
            yield process, write
        finally:
            process.kill()


def states(process: subprocess.Popen[bytes]) -> list[dict[str, t.Any]]:
    """Give the states that the loader has written by now, without waiting."""
    pipe = t.cast("t.IO[bytes]", process.stdout)
    found = b""
    while select.select([pipe], [], [], 0)[0] and (chunk := os.read(pipe.fileno(), 1 << 16)):
        found += chunk
    return [json.loads(line) for line in found.splitlines()]


def ids(folder: Path) -> list[int] | None:
    """Give what is in the file, or nothing while the loader has it open."""
    try:
        with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
            return [n for (n,) in connection.execute("FROM oncehub.s SELECT id").fetchall()]
    except duckdb.Error:
        return None


def test_a_refused_batch_leaves_the_rows_that_it_would_replace(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT, v VARCHAR UNIQUE)")
        connection.execute("INSERT INTO o.s VALUES (1, 'old'), (2, 'two')")
    other = [schema(stream="first", v=TEXT), record("first", id=1, v="x")]
    clash = [record(id=1, v=PRIVATE), record(id=3, v="two")]
    done = run(tmp_path, *other, schema(v=TEXT), *clash)
    assert (done.returncode, done.stdout, PRIVATE in done.stderr) == (1, "", False)
    assert query(tmp_path, "SELECT id, v FROM o.s ORDER BY 1") == [(1, "old"), (2, "two")]
    assert query(tmp_path, "SELECT count(*) FROM o.first") == [(0,)]


def test_times_are_utc_wherever_the_loader_runs(tmp_path: Path) -> None:
    with loading(tmp_path, TZ="Asia/Kolkata") as (process, write):
        row = {**record(id=1, v="2020-01-01T12:00:00Z"), "time_extracted": "2020-01-01T12:00:00Z"}
        write(schema(v=TIME), row)
        _, said = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said) == (0, b"")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT v::VARCHAR, _sdc_extracted_at::VARCHAR, "
            "abs(epoch(_sdc_batched_at) - epoch(now())) < 600 FROM oncehub.s"
        ).fetchall()
    assert found == [("2020-01-01 12:00:00", "2020-01-01 12:00:00", True)]


def test_a_slow_tap_has_its_rows_written_in_time(tmp_path: Path) -> None:
    with loading(tmp_path, "l._LONGEST_WAIT = 2") as (process, write):
        write(schema(), record(id=1), state(1))
        wait_for(lambda: states(process) == [{"upto": 1}], process)
        assert process.poll() is None


def test_many_bytes_are_a_batch(tmp_path: Path) -> None:
    changed = "l._BATCH_BYTES, l._LONGEST_WAIT = 10_000, 9999"
    with loading(tmp_path, changed, {"batch_size_rows": 10**6}) as (process, write):
        write(schema(v=TEXT), *(record(id=n, v="x" * 3000) for n in range(4)))
        wait_for(lambda: ids(tmp_path) == [0, 1, 2, 3], process)


def test_bytes_are_counted_over_all_streams(tmp_path: Path) -> None:
    changed = "l._BATCH_BYTES, l._LONGEST_WAIT = 10_000, 9999"
    with loading(tmp_path, changed, {"batch_size_rows": 10**6}) as (process, write):
        write(*(schema(stream=name, v=TEXT) for name in ("s", "a", "b", "c")))
        write(*(record(name, id=1, v="x" * 3000) for name in ("s", "a", "b", "c")))
        wait_for(lambda: ids(tmp_path) == [1], process)


def test_rows_are_counted_for_each_stream(tmp_path: Path) -> None:
    with loading(tmp_path, "l._LONGEST_WAIT = 9999", {"batch_size_rows": 3}) as (process, write):
        write(schema(), schema(stream="a"), record(id=1), record("a", id=1), record(id=2), state(1))
        write(record("a", id=2))
        wait_for(lambda: ids(tmp_path) == [], process)  # it has read all of that, and is idle
        write(record(id=3))
        wait_for(lambda: ids(tmp_path) == [1, 2, 3], process)
        wait_for(lambda: states(process) == [{"upto": 1}], process)


def test_the_file_is_closed_after_a_batch_that_was_slow(tmp_path: Path) -> None:
    changed = "m._IDLE_SECONDS = 999"
    with loading(tmp_path, changed, {"batch_size_rows": 2}) as (process, write):
        write(schema(), record(id=1))
        wait_for((tmp_path / "warehouse.duckdb").exists, process)
        time.sleep(1.5)
        write(record(id=2))
        wait_for(lambda: ids(tmp_path) == [1, 2], process)


def test_only_rows_that_are_not_marked_are_marked(tmp_path: Path) -> None:
    load(tmp_path, schema(), *({**record(id=n), "version": 1} for n in (1, 2, 3)), version(1))
    load(tmp_path, schema(), *({**record(id=n), "version": 2} for n in (1, 2)), version(2))
    marked = "SELECT id, _sdc_deleted_at FROM o.s WHERE _sdc_deleted_at IS NOT NULL"
    before = query(tmp_path, marked)
    said = load(tmp_path, schema(), {**record(id=1), "version": 3}, version(3))
    assert "1 rows" in said
    after = query(tmp_path, f"{marked} ORDER BY id DESC")
    assert [number for number, _ in after] == [3, 2]
    assert after[:1] == before


def test_hard_delete_removes_what_was_marked_before(tmp_path: Path) -> None:
    load(tmp_path, schema(), *({**record(id=n), "version": 1} for n in (1, 2)), version(1))
    load(tmp_path, schema(), {**record(id=1), "version": 2}, version(2))
    load(tmp_path, schema(), {**record(id=1), "version": 2}, hard_delete=True)
    assert query(tmp_path, "SELECT id FROM o.s") == [(1,)]


def test_what_memory_does_not_hold_goes_beside_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / ".tmp").touch()  # where DuckDB would write, but for the loader
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute(
            "CREATE SCHEMA o; CREATE TABLE o.s (id BIGINT PRIMARY KEY, v SMALLINT UNIQUE)"
        )
        connection.execute("ALTER TABLE o.s ADD COLUMN w VARCHAR")
        rows = "range, range, repeat(md5(range::VARCHAR), 150) FROM range(20000)"
        connection.execute(f"INSERT INTO o.s SELECT {rows}")
    config = {"filepath": str(tmp_path / "w.duckdb"), "default_target_schema": "o"}
    config["settings"] = t.cast("t.Any", {"memory_limit": "60MB"})
    programs.write(tmp_path / "config.json", config)
    lines = "\n".join(map(json.dumps, [schema(v=WHOLE), record(id=1, v=10**6)]))
    done = subprocess.run(
        [str(LOADER), "--config", str(tmp_path / "config.json")],
        input=lines.encode(),
        capture_output=True,
        check=False,
        cwd=folder,
        env=environment(),
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert query(tmp_path, "SELECT count(*), max(v) FROM o.s") == [(20000, 10**6)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_writes_what_is_there(tmp_path: Path, number: signal.Signals) -> None:
    with loading(tmp_path) as (process, write):
        write(schema(), record(id=1), state(1), record(id=2))
        wait_for(lambda: ids(tmp_path) == [], process)  # it has read all of that, and is idle
        process.send_signal(number)
        output, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode, log, json.loads(output)) == (128 + number, b"", {"upto": 1})
    assert ids(tmp_path) == [1, 2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_the_start_is_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    config = programs.loader_config(tmp_path)
    with subprocess.Popen(
        [str(LOADER), "--config", str(config)],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        wait_for(lambda: "_duckdb" in maps.read_text(), process)  # it imports what it needs
        process.send_signal(number)
        _, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode in {-number, 128 + number}, log) == (True, b"")


def test_what_the_shell_has_it_ignore_stays_ignored(tmp_path: Path) -> None:
    config = programs.loader_config(tmp_path)
    with subprocess.Popen(
        ["/bin/sh", "-c", f"trap '' HUP INT; exec '{LOADER}' --config '{config}'"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        wait_for((tmp_path / "warehouse.duckdb").exists, process)
        for number in (signal.SIGHUP, signal.SIGINT):
            process.send_signal(number)
        lines = "\n".join(map(json.dumps, [schema(), record(id=1)])).encode()
        _, log = process.communicate(lines, timeout=PATIENCE)
    assert (process.returncode, log, ids(tmp_path)) == (0, b"", [1])


def test_the_tap_is_read_on_when_the_file_is_open_elsewhere(tmp_path: Path) -> None:
    config = programs.write(tmp_path / "logging.json", STRUCTURED)
    with (
        held(tmp_path / "warehouse.duckdb") as holder,
        loading(
            tmp_path, settings={"lock_wait_seconds": 0.1}, SINGER_SDK_LOG_CONFIG=str(config)
        ) as (process, write),
    ):
        said = json.loads(t.cast("t.IO[bytes]", process.stderr).readline())
        for number in range(30):  # longer than the silence that it waits for, more than a pipe
            write(schema(v=TEXT), *(record(id=number, v="x" * 1000) for _ in range(10)), state(1))
            time.sleep(0.1)
        began = time.monotonic()
        status = process.wait(PATIENCE)
        assert time.monotonic() - began > 1.5
        assert t.cast("t.IO[bytes]", process.stderr).read() == b""
        assert states(process) == []
    assert status == 1
    assert said["level"] == "ERROR"
    assert f"PID {holder.pid}" in said["message"]


def test_a_tap_that_goes_on_is_left_after_a_while(tmp_path: Path) -> None:
    with (
        held(tmp_path / "warehouse.duckdb"),
        loading(tmp_path, "m._LONGEST_DRAIN = 3", {"lock_wait_seconds": 0}) as (process, write),
    ):
        while process.poll() is None:
            with suppress(BrokenPipeError):
                write(record(id=1))
            time.sleep(0.1)
        with suppress(BrokenPipeError):
            t.cast("t.IO[bytes]", process.stdin).close()
        process.stdin = None
    assert process.returncode == 1


def test_a_missing_folder_is_an_error_of_one_line(tmp_path: Path) -> None:
    config = programs.write(tmp_path / "logging.json", STRUCTURED)
    file = str(tmp_path / "none/none/w.duckdb")
    with loading(tmp_path, settings={"filepath": file}, SINGER_SDK_LOG_CONFIG=str(config)) as (
        process,
        _,
    ):
        output, log = process.communicate(timeout=PATIENCE)
    (line,) = log.decode().splitlines()
    assert (process.returncode, output, json.loads(line)["level"]) == (1, b"", "ERROR")
    assert str(tmp_path / "none") in line


def test_folder_of_the_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / "output/w.duckdb"
    done = run(tmp_path, schema(), record(id=1), filepath=str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert file.is_file()


@pytest.mark.parametrize("what", ["FIFO", "folder", "empty file"])
def test_what_is_no_file_is_told_at_once(tmp_path: Path, what: str) -> None:
    make: t.Any = {"FIFO": os.mkfifo, "folder": os.mkdir, "empty file": lambda p: p.touch()}
    make[what](tmp_path / "w.duckdb")
    began = time.monotonic()
    done = run(tmp_path, schema(), record(id=1), lock_wait_seconds=60)
    assert time.monotonic() - began < 30
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert str(tmp_path / "w.duckdb") in done.stderr


@pytest.mark.slow
def test_meltano_prints_an_error_and_no_broken_pipes(tmp_path: Path) -> None:
    with Sandbox(Account(seed=6, bookings=2_000), key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, TARGET_DUCKDB_LOCK_WAIT_SECONDS="1")
        with held(project.database) as holder:
            done = project.run()
    assert done.status == 1
    # What follows is Meltano 4.4's own: its "Loader failed" fails in its log.
    said = done.log.partition("--- Logging error ---")[0]
    assert f"PID {holder.pid}" in said
    assert len(said.splitlines()) < 30, done.log
    assert "BrokenPipe" not in done.log
    assert "Broken pipe" not in done.log
