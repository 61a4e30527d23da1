"""`make assistant`: write what a code assistant may read into output/assistant/marts.duckdb.

It holds the marts without what tells who a customer is. Everything else stays out of the file,
so that no query can reach it.
"""

import sys
from pathlib import Path

import duckdb

from scripts.warehouse import MARTS, attach, chosen, quoted, tables

LEFT_OUT = {
    "bookings": ("subject", "customer_email", "customer_name", "customer_company", "cancel_reason"),
    "contacts": ("email", "first_name", "last_name", "company", "job_title"),
    "daily_bookings": (),
    "capacity": (),
    "account_health": (),
}
"""The marts, each with its columns that tell who a customer is."""
_COMMENTS = """
    SELECT 'TABLE ' || table_name, original.comment
    FROM duckdb_tables() AS original JOIN duckdb_tables() AS copy USING (schema_name, table_name)
    WHERE original.database_name = 'warehouse' AND copy.database_name = 'marts'
    UNION ALL SELECT 'COLUMN ' || table_name || '.' || column_name, original.comment
    FROM duckdb_columns() AS original
    JOIN duckdb_columns() AS copy USING (schema_name, table_name, column_name)
    WHERE original.database_name = 'warehouse' AND copy.database_name = 'marts'"""


def main(project: Path) -> None:
    """Write the file anew; end with a line if there are no marts."""
    file, (_, warehouse) = project / "output/assistant/marts.duckdb", chosen(project)
    if {*LEFT_OUT} - {name for name, *_ in tables(warehouse, MARTS)}:
        sys.exit(f"output/{warehouse.name} has no marts: `make run` and `make models` come first")
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        attach(connection, warehouse)
        # The server has an older DuckDB.
        connection.execute(f"ATTACH '{quoted(new)}' AS marts (STORAGE_VERSION 'v1.2.0')")
        connection.execute(f"USE marts; CREATE SCHEMA {MARTS}; USE marts.{MARTS}")
        for table, left_out in LEFT_OUT.items():
            what = f"* EXCLUDE ({', '.join(left_out)})" if left_out else "*"
            query = f"SELECT {what} FROM warehouse.{MARTS}.{table}"  # noqa: S608
            connection.execute(f"CREATE TABLE {table} AS {query}")
        for thing, comment in connection.execute(_COMMENTS).fetchall():
            connection.execute(f"COMMENT ON {thing} IS '{quoted(comment or '')}'")
    new.replace(file)
    print(f"Written: {file.relative_to(project)}, from the marts in output/{warehouse.name}")
