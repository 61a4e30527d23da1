"""fakesnow's server, and what it lacks of Snowflake's; runs in fakesnow's environment.

It takes one statement in a request, so a request is split. It has one kind of stage, so files of
all stages go to one, each in a folder of its own, and nothing is removed from it. What a file of
JSON holds is read with DuckDB, which fakesnow runs on: for COPY, and for MERGE from a query of a
file, which becomes a table first. Comments on tables and columns are not written.
"""

import gzip
import hashlib
import json
import re
import sys
import typing as t

import uvicorn
from fakesnow.server import app, sessions, shared_fs
from fakesnow.transforms.stage import LOCAL_BUCKET_PATH

_FILES = f"{LOCAL_BUCKET_PATH}/D/PUBLIC/FILES"
_STATEMENTS = re.compile(
    r"""(?s)(?:--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|[^;'"]|'(?:\\.|''|[^'\\])*'|"[^"]*")++"""
)
_PUT = re.compile(r"(?is)^(\s*PUT\s+'[^']*'\s+)'(@[^']+)'")
_COPY = re.compile(r"(?is)^\s*COPY\s+INTO\s+(\S+)\s+FROM\s+'(@[^']+)/([^'/]+)'.*'JSON'")
_QUERY = r"\((SELECT .* FROM )'(@[^']+)'\(FILE_FORMAT => [^)]*\)(.*)\)"
_MERGE = re.compile(rf"(?is)^(MERGE INTO .* USING ){_QUERY}( s ON .*)")
_NOTHING = re.compile(
    r"(?is)^\s*(REMOVE|DROP\s+FILE\s+FORMAT|COMMENT|ALTER\s+TABLE\s+\S+\s+ALTER\s.*\sCOMMENT)\s"
)
_READ = "format = 'newline_delimited', maximum_object_size = 99999999"
_DONE = "SELECT 'done' AS status"


def _folder(stage: str) -> str:
    return hashlib.sha256(stage.encode()).hexdigest()[:16]


def _known(sql: str, token: str) -> t.Iterator[str]:
    """Write a statement as fakesnow takes it, or do what it asks for."""
    duck = sessions[token]._duck_conn  # it has no public name
    if found := _COPY.match(sql):
        table, stage, file = found.groups()
        kinds = duck.execute(f"DESCRIBE {table}").fetchall()
        columns = ", ".join(f"'{row[0].lower()}': '{row[1]}'" for row in kinds)
        source = f"'{_FILES}/{_folder(stage)}/{file}', columns = {{{columns}}}, {_READ}"
        duck.execute(f"INSERT INTO {table} BY NAME FROM read_json({source})")
        yield _DONE
    elif found := _MERGE.match(sql):
        merge, select, stage, qualify, rest = found.groups()
        table, source = f"D.PUBLIC.T{_folder(stage)}", f"'{_FILES}/{_folder(stage)}/*', {_READ}"
        rows = f"SELECT json AS v, row_number() OVER () AS n FROM read_json_objects({source})"
        duck.execute(f"CREATE OR REPLACE TABLE {table} AS {rows}")
        query = f"{select} {table} {qualify}".replace("$1:", "v:").replace("SEQ8()", "n")
        yield f"CREATE OR REPLACE TABLE {table}_ROWS AS {query}"
        yield f"{merge} {table}_ROWS {rest}"
    elif _NOTHING.match(sql):
        yield _DONE
    else:
        yield _PUT.sub(lambda found: f"{found[1]}@D.PUBLIC.FILES/{_folder(found[2])}", sql)


async def server(scope: t.Any, receive: t.Any, send: t.Any) -> None:
    """Answer a request with the answer to its last statement."""
    if scope.get("path") != "/queries/v1/query-request":
        await app(scope, receive, send)
        return
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part["body"], part.get("more_body", False)
    headers = dict(scope["headers"])
    if headers.pop(b"content-encoding", b"") == b"gzip":
        body = gzip.decompress(body)
    scope["headers"] = list(headers.items())
    asked = json.loads(body)
    token = headers[b"authorization"].decode()[17:-1]
    statements = filter(str.strip, _STATEMENTS.findall(asked["sqlText"]))
    for sql in (known for statement in statements for known in _known(statement, token)):
        answer: list[t.Any] = []
        given = json.dumps(asked | {"sqlText": sql}).encode()

        async def request(given: bytes = given) -> t.Any:
            return {"type": "http.request", "body": given}

        async def keep(message: t.Any, answer: list[t.Any] = answer) -> None:
            answer.append(message)

        await app(scope, request, keep)
        if not json.loads(answer[-1]["body"])["success"]:
            print(sql, answer[-1]["body"], flush=True)  # noqa: T201
            break
    for message in answer:
        await send(message)


if __name__ == "__main__":
    with shared_fs.connect("D", "PUBLIC") as connection:
        connection.cursor().execute("CREATE STAGE D.PUBLIC.FILES")
        uvicorn.run(server, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
