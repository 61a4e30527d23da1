"""docs/assistants.md: a real MCP client asks the server that .mcp.json.example starts."""

import json
import typing as t
from pathlib import Path

import duckdb
import pytest

from sandbox import Account
from scripts import assistant
from tests.support import programs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PYTHON = programs.ROOT / ".tools/mcp/bin/python"
CLIENT = programs.ROOT / "tests/support/mcp_client.py"


@pytest.fixture(scope="module", autouse=True)
def _written(project: Path) -> None:
    (project / ".env").write_text(f"TAP_ONCEHUB_API_KEY={programs.KEY}")
    for name in (".tools", ".mcp.json.example", "meltano.yml"):
        (project / name).symlink_to(programs.ROOT / name)
    assistant.main(project)


def ask(project: Path, *queries: str) -> dict[str, t.Any]:
    command = [str(PYTHON), str(CLIENT), *queries]
    done = programs.run(command, project, TAP_ONCEHUB_API_KEY=programs.KEY)
    assert done.status == 0, done.log
    return t.cast("dict[str, t.Any]", json.loads(done.output))


def test_it_lists_the_marts_and_answers_a_query(project: Path, account: Account) -> None:
    found = ask(project, "SELECT count(*) FROM oncehub_marts.bookings")
    tables, answer = map(json.loads, found["answers"])
    assert {table["name"] for table in tables["tables"]} == set(assistant.LEFT_OUT)
    assert all(table["comment"] for table in tables["tables"])
    wanted = [b for b in account.objects("bookings") if not b.get("in_trash")]
    assert answer["rows"] == [[len(wanted)]]
    assert len(found["environments"]) == 1
    assert programs.KEY not in found["environments"][0]


def test_it_writes_nothing_and_reads_no_other_file(project: Path) -> None:
    refused = {
        "CREATE TABLE mine (a INTEGER)": "read-only",
        "SELECT * FROM read_text('.env')": "Permission",
        "ATTACH 'output/warehouse.duckdb' AS warehouse (READ_ONLY)": "Permission",
        "SET enable_external_access = true": "locked",
    }
    _, *answers = ask(project, *refused)["answers"]
    for reason, answer in zip(refused.values(), answers, strict=True):
        assert reason in answer
        assert programs.KEY not in answer


def test_no_customer_is_named_in_the_file(project: Path, account: Account) -> None:
    file = str(project / "output/assistant/marts.duckdb")
    with duckdb.connect(file, read_only=True) as connection:
        tables = [f"oncehub_marts.{name}" for name in assistant.LEFT_OUT]
        text = repr([connection.table(name).fetchall() for name in tables])
    for contact in account.objects("contacts"):
        assert not contact["email"] or contact["email"] not in text
    for booking in account.objects("bookings"):
        assert booking["subject"] not in text
