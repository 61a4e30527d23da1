"""The account's DuckDB file: which one it is, what it holds, and who else has it open."""

import os
import re
import sys
import time
from pathlib import Path

import duckdb
import yaml
from dotenv import load_dotenv

KEY = "TAP_ONCEHUB_API_KEY"
SAMPLE = "demo"  # Meltano's environment for sample data; the file is never another's
FILE = "TARGET_DUCKDB_FILEPATH"
WAIT = "TARGET_DUCKDB_LOCK_WAIT_SECONDS"
SCHEMA = "oncehub"
MARTS = f"{SCHEMA}_marts"
_HELD = re.compile(r"lock is held in (.+?) \(PID (\d+)\)")
_NAMES = """
    SELECT table_name FROM duckdb_tables()
    WHERE database_name = 'warehouse' AND schema_name = ? ORDER BY 1"""
_SUMMARY = """
    SELECT '{1}', count(*),
        coalesce(left(max(coalesce(last_updated_time, creation_time))::VARCHAR, 16), '-'),
        coalesce(left(max(_sdc_extracted_at)::VARCHAR, 16), '-')
    FROM (FROM warehouse.{0}."{1}" UNION ALL BY NAME  -- so that each table has all of these
        SELECT NULL::TIMESTAMP AS last_updated_time, NULL::TIMESTAMP AS creation_time,
            NULL::TIMESTAMP AS _sdc_extracted_at, NULL::TIMESTAMP AS _sdc_deleted_at WHERE false)
    WHERE _sdc_deleted_at IS NULL"""


def setting(name: str) -> str:
    """Return a variable, of .env too once `chosen` has read it; empty, if it is not set."""
    return os.environ.get(name, "").strip(" \t\r\n\"'")


def chosen(project: Path) -> tuple[str, Path]:
    """Return environment and file of the account; end with a line if nobody can say which."""
    try:
        load_dotenv(project / ".env")
    except UnicodeDecodeError:
        sys.exit(".env is not UTF-8 text: save it as that")
    environment = setting("MELTANO_ENVIRONMENT") or ("dev" if setting(KEY) else SAMPLE)
    content = yaml.safe_load((project / "meltano.yml").read_text("utf-8"))
    configs = {part["name"]: part.get("config") or {} for part in content["environments"]}
    if environment not in configs:
        known = ", ".join(configs)
        sys.exit(f"meltano.yml has no environment {environment!r} (MELTANO_ENVIRONMENT): {known}")
    files = [] if environment == SAMPLE else [setting(FILE)]
    for place in (configs[environment], content):
        loaders = place.get("plugins", {}).get("loaders", ())
        named = [loader for loader in loaders if loader["name"] == "target-duckdb"]
        files += [loader.get("config", {}).get("filepath") for loader in named]
    file = next(filter(None, files)).removeprefix("$MELTANO_PROJECT_ROOT/")
    if "$" in file or ":" in file:
        sys.exit(f"{file} is not a DuckDB file on this machine: set {FILE} to one")
    return environment, project / file


def attach(connection: duckdb.DuckDBPyConnection, file: Path, mode: str = "READ_ONLY") -> None:
    """Attach a file as `warehouse`; end with a line if another program keeps it too long."""
    seconds = float(setting(WAIT) or 60)  # as long as the loader does
    end, said = time.monotonic() + seconds, not seconds
    while True:
        try:
            connection.execute(f"ATTACH '{quoted(file)}' AS warehouse ({mode})")
        except duckdb.Error as error:
            text = str(error).partition("\n")[0]
        else:
            return
        held = _HELD.search(text) or sys.exit(f"{text} Move {file} away, or put it right")
        who = f"{os.path.relpath(file)} is open in {Path(held[1]).name} (PID {held[2]})"
        if time.monotonic() >= end:
            sys.exit(f"{who}: close it there and run again; nothing is lost")
        if not said:
            print(f"{who}, waiting up to {seconds:.0f} seconds", file=sys.stderr)
        said = True
        time.sleep(0.2)


def tables(
    file: Path, schema: str = SCHEMA, mode: str = "READ_ONLY"
) -> list[tuple[str, int, str, str]]:
    """Return of each table its name, rows, newest record and last load; there may be no file."""
    with duckdb.connect() as connection:
        if file.exists():
            attach(connection, file, mode)
        names = connection.execute(_NAMES, [schema]).fetchall()
        queries = [_SUMMARY.format(schema, name) for (name,) in names]
        return [connection.execute(query).fetchall()[0] for query in queries]


def show(heading: str, file: Path, schema: str = SCHEMA) -> None:
    """Print what the tables of a schema hold."""
    print(f"\n{heading:<30}{'rows':>10}   {'newest record':<19}last loaded (UTC)")
    for name, rows, newest, loaded in tables(file, schema):
        print(f"{name:<30}{rows:>10,}   {newest:<19}{loaded}")


def quoted(text: object) -> str:
    """Return a text as it stands between quotes in SQL."""
    return str(text).replace("'", "''")


if __name__ == "__main__":  # for `make notebook`
    print(chosen(Path.cwd())[1])
