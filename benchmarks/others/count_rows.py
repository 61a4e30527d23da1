"""Count the rows that arrived in a DuckDB file; runs where a new DuckDB is installed.

    python -m benchmarks.others.count_rows FILE MARK LIST...

Writes JSON: `records` in all lists, and bookings whose subject is `marked`.
"""

from __future__ import annotations

import json
import sys

import duckdb

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'oncehub'"


def main(file: str, mark: str, *lists: str) -> None:
    """Count.

    Args:
        file: The database.
        mark: Subject of some bookings.
        lists: Names of tables; one that is not there has no rows.
    """
    with duckdb.connect(file, read_only=True) as connection:
        there = {row[0] for row in connection.execute(_TABLES).fetchall()}

        def count(table: str, condition: str = "true", *values: str) -> int:
            query = f"SELECT count(*) FROM oncehub.{table} WHERE {condition}"  # noqa: S608
            rows = connection.execute(query, values).fetchall() if table in there else [(0,)]
            return int(rows[0][0])

        found = {
            "records": sum(count(name) for name in lists),
            "marked": count("bookings", "subject = ?", mark),
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
