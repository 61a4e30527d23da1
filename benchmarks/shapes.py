"""Measure DuckDB loaders with messages of many shapes: CPU seconds, in turn.

python -m benchmarks.shapes [--shapes small,wide] [--rounds 3] [--bookings MESSAGES]
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb

from benchmarks import places

Messages: t.TypeAlias = Iterator[dict[str, t.Any]]


_TYPES = [{"type": ["string", "null"]}, {"type": ["number", "null"]}, {"type": ["integer", "null"]}]
_READ = """
import duckdb, sys
duckdb.connect(sys.argv[1]).execute("CREATE TABLE t AS SELECT unnest(record) FROM "
    "read_json(?, format = 'newline_delimited') WHERE type = 'RECORD'", [sys.argv[2]])
"""


def _schema(stream: str, columns: int = 3) -> dict[str, t.Any]:
    properties: dict[str, t.Any] = {f"c{n}": _TYPES[n % 3] for n in range(columns)}
    properties["id"] = {"type": "integer"}
    schema = {"type": "object", "properties": properties}
    return {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]}


def _record(stream: str, key: int, columns: int = 3) -> dict[str, t.Any]:
    values: list[t.Any] = [f"text {key}", key / 8, key]
    record = {"id": key, **{f"c{n}": values[n % 3] for n in range(columns)}}
    return {"type": "RECORD", "stream": stream, "record": record}


def _rows(count: int, *, streams: int = 1, columns: int = 3, keys: int = 1 << 40) -> Messages:
    for number in range(streams):
        yield _schema(f"s{number}", columns)
    for number in range(count):
        yield _record(f"s{number % streams}", number // streams % keys, columns)
    yield {"type": "STATE", "value": {"rows": count}}


def _updates() -> Messages:
    yield _schema("s0")
    for key in random.Random(1).sample(range(5_000_000), 10_000):  # noqa: S311
        yield _record("s0", key)
    yield {"type": "STATE", "value": {}}


SHAPES: dict[str, tuple[t.Callable[[], Messages], dict[str, t.Any]]] = {
    "small": (partial(_rows, 1_000_000), {}),
    "streams-10": (partial(_rows, 90_000, streams=10), {}),
    "streams-50": (partial(_rows, 90_000, streams=50), {}),
    "streams-300": (partial(_rows, 90_000, streams=300), {}),
    "wide": (partial(_rows, 2_000, columns=1_500), {}),
    "alternating": (partial(_rows, 100_000, keys=2), {}),
    "one": (partial(_rows, 500), {"batch_size_rows": 1}),
    "updates": (_updates, {}),
}


def _large(folder: Path, *, has_metadata: bool) -> None:
    """Make a file with five million rows."""
    more = ", ".join(f"NULL::TIMESTAMP AS _sdc_{n}_at" for n in ("extracted", "batched", "deleted"))
    more = f", {more}, NULL::BIGINT AS _sdc_table_version" if has_metadata else f", {more}"
    with duckdb.connect(config={"storage_compatibility_version": "v1.2.0"}) as connection:
        connection.execute(f"ATTACH '{folder / 'w.duckdb'}' AS w; CREATE SCHEMA w.o")
        connection.execute(
            "CREATE TABLE w.o.s0 AS SELECT 'text' AS c0, range / 8 AS c1, range AS c2, range AS id"  # noqa: S608
            f"{more} FROM range(5_000_000)"
        )


def _cpu(command: list[str], given: Path, folder: Path) -> tuple[float, float]:
    """Run a program; return its CPU seconds and its most megabytes."""
    with given.open("rb") as messages, (folder / "out").open("wb") as out:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=messages, stdout=out, stderr=out, env=places.environment(TZ="UTC")
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / "out").read_text()[-2000:])
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def _command(who: str, folder: Path, given: Path, settings: dict[str, t.Any]) -> list[str]:
    if who == "read_json":
        return [str(places.PYTHON), "-c", _READ, str(folder / "w.duckdb"), str(given)]
    config = {"filepath": str(folder / "w.duckdb"), "default_target_schema": "o", **settings}
    if who == "pypi":
        config |= {"add_metadata_columns": True, "temp_dir": str(folder)}
    (folder / "config.json").write_text(json.dumps(config))
    name = places.OWN_LOADER if who == "ours" else places.PYPI_LOADER
    return [str(places.loader(name)), "--config", str(folder / "config.json")]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes", description=__doc__)
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--who", default="ours,pypi,read_json")
    parser.add_argument("--messages", type=Path, help="a file with messages, in place of shapes")
    options = parser.parse_args()
    for shape in [str(options.messages)] if options.messages else options.shapes.split(","):
        make, settings = SHAPES.get(shape, (None, {}))
        with places.scratch() as scratch:
            given = options.messages or scratch / "messages"
            if make:
                with given.open("w") as file:
                    file.writelines(json.dumps(message) + "\n" for message in make())
            found: dict[str, list[tuple[float, float]]] = {}
            for _ in range(options.rounds):
                for who in options.who.split(","):
                    if who == "read_json" and shape == "updates":
                        continue
                    folder = scratch / who
                    folder.mkdir()
                    if shape == "updates":
                        _large(folder, has_metadata=who == "ours")
                    command = _command(who, folder, given, settings)
                    found.setdefault(who, []).append(_cpu(command, given, folder))
                    shutil.rmtree(folder)
        figures = [
            f"{who} {min(c for c, _ in runs):.2f} s {max(m for _, m in runs):.0f} MB"
            for who, runs in found.items()
        ]
        print(f"{shape}: {'; '.join(figures)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
