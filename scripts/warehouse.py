"""What a DuckDB file holds, and who else has it open."""

import re
import sys
import time
from pathlib import Path

import duckdb

from scripts.account import setting

SCHEMA = "oncehub"
MARTS = f"{SCHEMA}_marts"
_HELD = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")
_LOOK_EVERY_SECONDS = 0.2
_ROWS = """
    FROM (FROM warehouse.{0}."{1}" UNION ALL BY NAME  -- so that each table has all of these
        SELECT NULL::TIMESTAMP AS last_updated_time, NULL::TIMESTAMP AS creation_time,
            NULL::TIMESTAMP AS _sdc_extracted_at, NULL::TIMESTAMP AS _sdc_deleted_at WHERE false)
    WHERE _sdc_deleted_at IS NULL"""
_SUMMARY = f"""
    SELECT '{{1}}', count(*),
        coalesce(left(max(coalesce(last_updated_time, creation_time))::VARCHAR, 16), '-'),
        coalesce(left(max(_sdc_extracted_at)::VARCHAR, 16), '-') {_ROWS}"""


def attach(
    connection: duckdb.DuckDBPyConnection, file: Path, wait: float = 0.0, mode: str = "READ_ONLY"
) -> None:
    """Attach a file as `warehouse`; end with a line if another program keeps it."""
    end, said = time.monotonic() + wait, wait <= 0
    while True:
        try:
            connection.execute(f"ATTACH '{quoted(file)}' AS warehouse ({mode})")
        except duckdb.Error as error:
            text = str(error)
        else:
            return
        held = _HELD.search(text) or sys.exit(text.partition("\n")[0])
        who = f"{file.parent.name}/{file.name} is open in {Path(held[1]).name} (PID {held[2]})"
        if time.monotonic() >= end:
            sys.exit(f"{who}: close it there and run again; nothing is lost")
        if not said:
            print(f"{who}, waiting up to {wait:.0f} seconds", file=sys.stderr)
        said = True
        time.sleep(_LOOK_EVERY_SECONDS)


def patience() -> float:
    """Return how many seconds to wait for a file: as long as the loader does."""
    return float(setting("TARGET_DUCKDB_LOCK_WAIT_SECONDS") or 60)


def wait_until_writable(file: Path) -> None:
    """Wait while another program reads or writes a file; there may be none yet."""
    if file.exists():
        with duckdb.connect() as connection:
            attach(connection, file, patience(), "READ_WRITE")


def tables(file: Path, schema: str = SCHEMA) -> list[tuple[str, int, str, str]]:
    """Return of each table its name, rows, newest record and last load; there may be no file."""
    with duckdb.connect() as connection:
        if file.exists():
            attach(connection, file)
        queries = [_SUMMARY.format(schema, name) for name in _columns(connection, schema)]
        return [connection.execute(query).fetchall()[0] for query in queries]


def show(heading: str, file: Path, schema: str = SCHEMA) -> None:
    """Print what the tables of a schema hold."""
    print(f"\n{heading:<30}{'rows':>10}   {'newest record':<19}last loaded (UTC)")
    for name, rows, newest, loaded in tables(file, schema):
        print(f"{name:<30}{rows:>10,}   {newest:<19}{loaded}")


class Snapshot:
    """The rows of a file at one moment, by their hashes: eight bytes a row."""

    def __init__(self, file: Path) -> None:
        """Take it; there may be no file yet."""
        self._memory = duckdb.connect()
        self._columns: dict[str, str] = {}
        if file.exists():
            attach(self._memory, file)
            self._columns = _columns(self._memory)
            for name, columns in self._columns.items():
                self._memory.execute(f'CREATE TABLE "{name}" AS {_hashes(name, columns)}')
            self._memory.execute("DETACH warehouse")

    def changes(self, file: Path) -> dict[str, int]:
        """Return how many rows of each table are new, or not as they were."""
        attach(self._memory, file)
        found = {}
        for name, columns in _columns(self._memory).items():
            # A column that is new makes no row a changed one.
            hashes = _hashes(name, self._columns.get(name, columns))
            self._memory.execute(f'CREATE TABLE IF NOT EXISTS "{name}" (hash UBIGINT)')
            query = f'SELECT count(*) FROM ({hashes}) ANTI JOIN "{name}" USING (hash)'  # noqa: S608
            ((found[name],),) = self._memory.execute(query).fetchall()
        return found


def quoted(text: object) -> str:
    """Return a text as it stands between quotes in SQL."""
    return str(text).replace("'", "''")


def _columns(connection: duckdb.DuckDBPyConnection, schema: str = SCHEMA) -> dict[str, str]:
    """Return the tables of a schema, and the columns of each but the loader's own."""
    query = """SELECT table_name, string_agg(format('"{}"', column_name), ', ')
        FILTER (NOT starts_with(column_name, '_sdc_')) FROM duckdb_columns()
        WHERE database_name = 'warehouse' AND schema_name = ? GROUP BY 1 ORDER BY 1"""
    return dict(connection.execute(query, [schema]).fetchall())


def _hashes(name: str, columns: str) -> str:
    return f"SELECT hash({columns}) AS hash {_ROWS.format(SCHEMA, name)}"
