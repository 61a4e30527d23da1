"""fakesnow's server, and what it lacks of Snowflake's; runs in fakesnow's environment.

It takes one statement in a request, PUT to a named stage without quotes only, and COPY of JSON
into one column only. So a request is split, files of all stages go to one stage, each in a folder
of its own, and what a file of JSON holds is inserted with DuckDB, which fakesnow runs on.
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

_STATEMENTS = re.compile(r"""(?s)(?:[^;'"]|'(?:\\.|''|[^'\\])*'|"[^"]*")+""")
_PUT = re.compile(r"(?is)^(\s*PUT\s+'[^']*'\s+)'(@[^']+)'")
_COPY = re.compile(r"(?is)^\s*COPY\s+INTO\s+(\S+)\s+FROM\s+'(@[^']+)/([^'/]+)'.*'JSON'")
_DONE = "SELECT 'done' AS status"


def _folder(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def _copy(duck: t.Any, table: str, place: str, name: str) -> None:
    """Insert what a file of JSON holds, by the names of columns."""
    kinds = {row[0].lower(): row[1] for row in duck.execute(f"DESCRIBE {table}").fetchall()}
    columns = ", ".join(f"'{column}': '{kind}'" for column, kind in kinds.items())
    file = f"{LOCAL_BUCKET_PATH}/D/PUBLIC/FILES/{_folder(place)}/{name}"
    how = f"columns = {{{columns}}}, format = 'newline_delimited', maximum_object_size = 99999999"
    duck.execute(f"INSERT INTO {table} BY NAME FROM read_json('{file}', {how})")


def _known(sql: str, token: str) -> str:
    """Write a statement as fakesnow takes it, or do what it asks for."""
    if found := _COPY.match(sql):
        _copy(sessions[token]._duck_conn, *found.groups())  # it has no public name
        return _DONE
    return _PUT.sub(lambda found: f"{found[1]}@D.PUBLIC.FILES/{_folder(found[2])}", sql)


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
    for sql in filter(str.strip, _STATEMENTS.findall(asked["sqlText"])):
        answer: list[t.Any] = []
        given = json.dumps(asked | {"sqlText": _known(sql, token)}).encode()

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
