"""What Meltano makes of the settings, what it shows, and a run of it that is ended."""

from __future__ import annotations

import json
import re
import shlex
import signal
import typing as t

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import kills, programs, warehouse
from tests.support.programs import pages_of
from tests.support.project import Project, blocks
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

COLUMNS = yaml.safe_load(blocks("stream-maps.md", "yaml")[1])["select"]
PAGE = programs.ROOT.joinpath("docs/settings.md").read_text("utf-8")
COMMAND = re.search(r"^ +(TAP_ONCEHUB__SELECT=.*) \.venv/bin/meltano (run .*)$", PAGE, re.MULTILINE)
SMALL = {"TAP_ONCEHUB_PAGE_SIZE": "10", "TARGET_DUCKDB_BATCH_SIZE_ROWS": "20"}


def ask(file: Path, query: str) -> list[t.Any]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[dict[str, t.Any]]]:
    """What is logged by an extractor that inherits, where much is set in odd ways."""
    extractors = [{"name": "tap-oncehub-eu", "inherit_from": "tap-oncehub"}]
    with Sandbox(Account(seed=1, bookings=30), key=programs.KEY) as api:
        project = Project(
            tmp_path_factory.mktemp("odd") / "project",
            api.url,
            {"extractors": extractors},
            TAP_ONCEHUB_MAX_WAIT_SECONDS="2.5",
            TAP_ONCEHUB_START_DAT="2026-01-31",
        )
        project.pace = {"TAP_ONCEHUB_RATE_LIMIT_PER_SECOND": "999.5"}
        file = project.folder / "meltano.yml"
        content = yaml.safe_load(file.read_text())
        extractor = content["plugins"]["extractors"][0]
        extractor["config"]["stream_maps"] = {"users": {"email": None}}
        extractor["select"] = [*COLUMNS, "webhook_events.*"]
        file.write_text(yaml.safe_dump(content))
        pair = ("tap-oncehub-eu", "target-duckdb")
        run = project.meltano("--log-level=info", "--log-format=json", "run", *pair)
        assert run.status == 0, run.log
        found = [json.loads(line) for line in run.log.splitlines() if line.startswith("{")]
        found.append({"requests_asked": len(api.log)})
    return project, found


def test_fractions_misspelt_variables_and_nulls(
    entries: tuple[Project, list[dict[str, t.Any]]],
) -> None:
    said = [str(entry.get("event")) for entry in entries[1]]
    (warned,) = [line for line in said if "Ignoring unknown settings" in line]
    assert "TAP_ONCEHUB_START_DAT (did you mean TAP_ONCEHUB_START_DATE?)" in warned
    assert "TAP_ONCEHUB_EU" not in warned
    nulls = "Nulls in stream_maps were dropped and remove nothing; write __NULL__"
    assert any(nulls in line for line in said)


def test_the_selection_of_the_recipe_keeps_only_some_columns(
    entries: tuple[Project, list[dict[str, t.Any]]],
) -> None:
    query = "SELECT table_name, column_name FROM information_schema.columns"
    found = ask(entries[0].database, f"{query} WHERE table_schema = 'oncehub'")
    columns = {f"{table}.{column}" for table, column in found if not column.startswith("_sdc_")}
    of_the_recipe = {name for name in columns if not name.startswith("webhook_events.")}
    assert of_the_recipe == {*COLUMNS, "bookings.id", "users.id"}


def test_metrics_and_figures_are_for_programs(
    entries: tuple[Project, list[dict[str, t.Any]]],
) -> None:
    metrics = [e["metric_info"] for e in entries[1] if "metric_info" in e]
    records = [m for m in metrics if m["metric"] == "record_count"]
    assert [m["value"] for m in records if m["tags"]["stream"] == "bookings"] == [30]
    stats = {
        e["stream_stats"]["stream"]: e["stream_stats"] for e in entries[1] if "stream_stats" in e
    }
    figures = {"stream": "bookings", "is_absent": False, "records": 30, "requests": 1}
    assert stats["bookings"] == figures
    assert [name for name, found in stats.items() if found["is_absent"]] == ["webhook_events"]
    (run_stats,) = [entry["run_stats"] for entry in entries[1] if "run_stats" in entry]
    assert run_stats["requests"] == entries[1][-1]["requests_asked"]


@pytest.mark.slow
def test_progress_and_an_error_in_one_line(tmp_path: Path) -> None:
    with Sandbox(Account(seed=1, bookings=30), key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, TAP_ONCEHUB_PAGE_SIZE="10")
        api.faults.add(429, "/bookings", times=1, after=2, retry_after="10")
        run = project.run()
        assert run.status == 0, run.log
        told = [line for line in run.log.splitlines() if "records, " in line]
        assert any("waiting until" in line for line in told)
        assert any("bookings: 30 records" in line for line in told)
        api.faults.add(401, times=None)
        # With the form plain, Meltano 4.4 trips over its own message and shows a traceback.
        pair = ("--log-format=uncolored", "run", "tap-oncehub", "target-duckdb")
        run = programs.run_meltano(project.folder, api.url, *pair)
    assert run.status == 1
    says = "OnceHub does not accept the API key: /v2/"
    assert sum(says in line for line in run.log.splitlines()) == 1
    assert 'File "' not in run.log


@pytest.mark.slow
def test_the_command_for_single_bookings(tmp_path: Path) -> None:
    assert COMMAND
    account = Account(seed=1, bookings=5, nasty=False)
    wanted = account.objects("bookings")[2]["id"]
    variables = dict(v.split("=", 1) for v in shlex.split(COMMAND[1].replace("BKNG-1", wanted)))
    variables["TAP_ONCEHUB__LOAD_SCHEMA"] = "scheduling"
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **variables)
        run = project.run(*COMMAND[2].split()[1:])
        assert run.status == 0, run.log
    assert ask(project.database, "SELECT id FROM scheduling.booking") == [(wanted,)]
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'scheduling'"
    assert ask(project.database, tables) == [("booking",)]


# --- runs that are ended


def cursors(project: Project) -> list[str]:
    bookmark = project.state.get("bookmarks", {}).get("bookings", {})
    return [position[0] for position in (bookmark.get("resume") or [[]])[-1]]


def test_a_killed_run_goes_on_where_the_loader_was(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=145)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **SMALL)
        with kills.holding_back(api, "/bookings", 11) as asked:
            # Five batches are loaded, with a state from before the row that filled the last.
            loaded = account.objects("bookings")[89]["id"]
            project.kill(lambda: asked() and loaded in cursors(project))
        run = project.run()
        assert run.status == 0, run.log
        assert not cursors(project)
        a_batch = 20 // 9 + 1
        assert api.count("/bookings") <= pages_of(145, 10) + 1 + a_batch
    for stream in ("bookings", "contacts", "users"):
        warehouse.assert_equal(project.database, stream, account.objects(stream))


@pytest.mark.slow
def test_ctrl_c_says_what_is_true(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=145)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **SMALL)
        with kills.holding_back(api, "/bookings", 11) as asked:
            project.kill(lambda: asked() and cursors(project), number=signal.SIGINT)
        log = project.log.read_text()
        assert "Interrupted: the next run resumes from the last state that was saved." in log
        assert "Traceback" not in log
        ids = [item["id"] for item in account.objects("bookings")]
        saved = ids.index(cursors(project)[-1]) + 1
        found = ask(project.database, "SELECT id FROM oncehub.bookings")
        assert set(ids[:saved]) <= {row[0] for row in found}
        before = api.count("/bookings")
        run = project.run()
        assert run.status == 0, run.log
        assert api.count("/bookings") - before <= (len(ids) - saved) // 9 + 2
    warehouse.assert_equal(project.database, "bookings", account.objects("bookings"))


# --- several accounts in one project


@pytest.mark.slow
def test_each_account_has_a_key_a_schema_and_a_state_of_its_own(tmp_path: Path) -> None:
    (recipe,) = blocks("destinations.md", "yaml")
    project = Project(tmp_path / "project", "", yaml.safe_load(recipe)["plugins"]).folder
    accounts = {"berlin": Account(seed=1, bookings=30), "lisbon": Account(seed=2, bookings=40)}
    berlin, lisbon = accounts.values()
    with Sandbox(berlin, key="key-b") as one, Sandbox(lisbon, key="key-l") as other:
        variables = {
            "TAP_ONCEHUB_BERLIN_API_KEY": "key-b",
            "TAP_ONCEHUB_BERLIN_API_URL": one.url,
            "TAP_ONCEHUB_LISBON_API_KEY": "key-l",
            "TAP_ONCEHUB_LISBON_API_URL": other.url,
        }
        pairs = [word for name in accounts for word in (f"tap-oncehub-{name}", "target-duckdb")]
        # The key and the address in TAP_ONCEHUB_... are those of neither account.
        run = programs.run_meltano(project, "http://127.0.0.1:9", "run", *pairs, **variables)
        assert run.status == 0, run.log
        assert {entry.status for entry in (*one.log, *other.log)} <= {200, 402, 404, 422}
        times = [[entry.time for entry in log] for log in (one.log, other.log)]
        assert max(times[0]) < min(times[1]), "not one after the other"
        one.reset_log()
        # Meltano has the key and the address of an account, but none for berlin.
        run = programs.run_meltano(project, one.url, "run", *pairs[:2])
        assert (run.status, len(one.log)) == (1, 0), run.log
        assert "api_key is missing" in run.log
    with duckdb.connect(str(project / "output/warehouse.duckdb"), read_only=True) as connection:
        for name, account in accounts.items():
            for stream in LISTS:
                query = f"SELECT * FROM oncehub_{name}.{stream}"
                wanted = warehouse.expected(stream, account.objects(stream))
                warehouse.compare(stream, warehouse.read(connection, stream, query), wanted)
    states = programs.run_meltano(project, "", "--environment=dev", "state", "list")
    for name in accounts:
        assert f"dev:tap-oncehub-{name}-to-target-duckdb" in states.output.decode() + states.log
