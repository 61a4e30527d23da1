"""`make assistant`: write what a code assistant may read into output/assistant/marts.duckdb.

It holds the marts without what tells who a customer is. Everything else stays out of the file,
so that no query can reach it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckdb

from scripts.account import AccountError, chosen
from scripts.warehouse import SCHEMA, FileInUseError, patience, when_free

LEFT_OUT = {
    "bookings": ("subject", "customer_email", "customer_name", "customer_company", "cancel_reason"),
    "contacts": ("email", "first_name", "last_name", "company", "job_title"),
    "daily_bookings": (),
    "capacity": (),
    "account_health": (),
}
"""The marts, each with its columns that tell who a customer is."""
_MARTS = f"{SCHEMA}_marts"


def main(project: Path) -> int:
    """Write the file anew; return the exit status: 1, if there are no marts."""
    file = project / "output/assistant/marts.duckdb"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    try:
        warehouse = chosen(project).file
        if not warehouse.exists():
            return _fail(f"output/{warehouse.name} is missing: `make run` comes first")
        _copy(warehouse, new, patience(project))
    except duckdb.CatalogException:
        return _fail(f"output/{warehouse.name} has no marts: `make models` comes first")
    except (AccountError, FileInUseError, duckdb.Error) as error:
        return _fail(str(error))
    new.replace(file)
    print(f"Written: {file.relative_to(project)}, from the marts in output/{warehouse.name}")
    return 0


def _fail(text: str) -> int:
    print(text, file=sys.stderr)
    return 1


def _copy(warehouse: Path, file: Path, wait_seconds: float) -> None:
    with duckdb.connect() as connection:
        # The server has an older DuckDB.
        connection.execute(f"ATTACH '{_quoted(file)}' AS marts (STORAGE_VERSION 'v1.2.0')")
        attach = f"ATTACH '{_quoted(warehouse)}' AS warehouse (READ_ONLY)"
        when_free(warehouse, lambda: connection.execute(attach), wait_seconds)
        connection.execute(f"USE marts; CREATE SCHEMA {_MARTS}; USE marts.{_MARTS}")
        for table, left_out in LEFT_OUT.items():
            _copy_table(connection, table, left_out)


def _copy_table(
    connection: duckdb.DuckDBPyConnection, table: str, left_out: tuple[str, ...]
) -> None:
    # Names come from above and from the database itself.
    exclude = f"EXCLUDE ({', '.join(left_out)})" if left_out else ""
    query = f"SELECT * {exclude} FROM warehouse.{_MARTS}.{table}"  # noqa: S608
    connection.execute(f"CREATE TABLE {table} AS {query}")
    comments = connection.execute(
        "SELECT 'TABLE', table_name, comment FROM duckdb_tables() "
        "WHERE database_name = 'warehouse' AND schema_name = $1 AND table_name = $2 UNION ALL "
        "SELECT 'COLUMN', table_name || '.' || column_name, comment FROM duckdb_columns() "
        "WHERE database_name = 'warehouse' AND schema_name = $1 AND table_name = $2 "
        "AND column_name NOT IN (SELECT unnest($3::VARCHAR[]))",
        [_MARTS, table, list(left_out)],
    )
    for kind, name, comment in comments.fetchall():
        connection.execute(f"COMMENT ON {kind} {name} IS '{_quoted(comment or '')}'")


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


if __name__ == "__main__":
    os.umask(0o077)  # customers' data
    sys.exit(main(Path.cwd()))
