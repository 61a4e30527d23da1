"""Whole runs of Meltano: what it makes of settings, what it says, kills, several accounts."""

import json
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import kills, programs, warehouse
from tests.support.project import Project, blocks
from tests.support.streams import LISTS


def test_settings_and_figures(tmp_path: Path) -> None:
    """Fractions, a misspelt variable, a null that Meltano drops, an extractor that inherits."""
    chosen = ["users.*", "webhook_events.*"]
    eu = {"name": "tap-oncehub-eu", "inherit_from": "tap-oncehub", "select": chosen}
    more = {"MAX_WAIT_SECONDS": "2.5", "START_DAT": "2026-01-31", "RATE_LIMIT_PER_SECOND": "999.5"}
    variables = {f"TAP_ONCEHUB_{name}": value for name, value in more.items()}
    account = Account(seed=1, users=5, nasty=False)
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, {"extractors": [eu]}, **variables)
        file = project.folder / "meltano.yml"
        content = yaml.safe_load(file.read_text())
        content["plugins"]["extractors"][0]["config"]["stream_maps"] = {"users": {"email": None}}
        file.write_text(yaml.safe_dump(content))
        pair = ("run", "tap-oncehub-eu", "target-duckdb")
        run = project.meltano("--log-level=info", "--log-format=json", *pair)
        assert run.status == 0, run.log
        requests = len(api.log)
    entries = [json.loads(line) for line in run.log.splitlines() if line.startswith("{")]
    told = [entry["event"] for entry in entries if entry.get("name") == eu["name"]]
    (warned,) = [event for event in told if "Ignoring unknown" in event]
    assert "TAP_ONCEHUB_START_DAT (did you mean TAP_ONCEHUB_START_DATE?)" in warned
    assert "TAP_ONCEHUB_EU" not in warned
    assert any("write __NULL__" in event for event in told)
    stats = [entry["stream_stats"] for entry in entries if "stream_stats" in entry]
    assert {"stream": "users", "is_absent": False, "records": 5, "requests": 1} in stats
    assert [stat["stream"] for stat in stats if stat["is_absent"]] == ["webhook_events"]
    assert sum(entry.get("run_stats", {}).get("requests", 0) for entry in entries) == requests
    # Only the output holds customers' data, and nothing the key.
    addresses = {c["email"].encode() for c in account.objects("users") if c.get("email")}
    holding = set()
    for folder in ("output", "state", ".meltano/run"):
        for file in filter(Path.is_file, project.folder.joinpath(folder).rglob("*")):
            content = file.read_bytes()
            assert programs.KEY.encode() not in content, file
            holding |= {folder for address in addresses if address in content}
    assert holding == {"output"}


def test_killed_run_goes_on_where_the_loader_was(tmp_path: Path) -> None:
    account = Account(seed=6, bookings=145)
    ids = [item["id"] for item in account.objects("bookings")]
    small = {"TAP_ONCEHUB_PAGE_SIZE": "10", "TARGET_DUCKDB_BATCH_SIZE_ROWS": "20"}
    with Sandbox(account, key=programs.KEY) as api:
        project = Project(tmp_path / "project", api.url, **small)

        def loaded() -> list[str]:
            bookmark = project.state.get("bookmarks", {}).get("bookings", {})
            return [position[0] for position in (bookmark.get("resume") or [[], ""])[-2]]

        with kills.holding_back(api, "/bookings", 11) as asked, project.start() as process:
            # Five batches are loaded, with a state from before the row that filled the last.
            kills.wait_for(lambda: asked() and ids[89] in loaded(), process, project.log)
            os.killpg(process.pid, signal.SIGKILL)
        saved, before = ids.index(loaded()[-1]) + 1, api.count("/bookings")
        run = project.run()
        assert run.status == 0, run.log
        assert not loaded()
        assert api.count("/bookings") - before <= (len(ids) - saved) // 9 + 2
    for stream in ("bookings", "contacts", "users"):
        warehouse.assert_equal(project.database, stream, account.objects(stream))


@pytest.mark.slow
def test_each_account_has_a_key_a_schema_and_a_state_of_its_own(tmp_path: Path) -> None:
    (recipe,) = blocks("destinations.md", "yaml")
    accounts = {"berlin": Account(seed=1, bookings=30), "lisbon": Account(seed=2, bookings=40)}
    berlin, lisbon = accounts.values()
    with Sandbox(berlin, key="key-b") as one, Sandbox(lisbon, key="key-l") as other:
        plugins = yaml.safe_load(recipe)["plugins"]
        project = Project(tmp_path / "project", "http://127.0.0.1:9", plugins)
        pair = ("tap-oncehub-berlin", "target-duckdb")
        # Meltano has the key and the address of an account, but none for berlin.
        run = project.meltano("--log-level=info", "run", *pair)
        assert (run.status, len(one.log)) == (1, 0), run.log
        assert "api_key is missing" in run.log
        for name, key, api in (("BERLIN", "key-b", one), ("LISBON", "key-l", other)):
            project.variables[f"TAP_ONCEHUB_{name}_API_KEY"] = key
            project.variables[f"TAP_ONCEHUB_{name}_API_URL"] = api.url
        run = project.run(*pair, "tap-oncehub-lisbon", "target-duckdb")
        assert run.status == 0, run.log
        assert max(e.time for e in one.log) < min(e.time for e in other.log), "not one by one"
    states = project.meltano("--environment=dev", "state", "list")
    with duckdb.connect(str(project.database), read_only=True) as connection:
        for name, account in accounts.items():
            for stream in LISTS:
                query = f"SELECT * FROM oncehub_{name}.{stream}"
                wanted = warehouse.expected(stream, account.objects(stream))
                warehouse.compare(stream, warehouse.read(connection, stream, query), wanted)
            assert f"dev:tap-oncehub-{name}-to-target-duckdb" in states.output.decode() + states.log


VICTIMS = (("", signal.SIGKILL), ("", signal.SIGINT))  # Meltano, the tap and the loader
VICTIMS += (("bin/tap-oncehub", signal.SIGKILL), ("bin/target-duckdb", signal.SIGKILL))
VICTIMS += (("bin/tap-oncehub", signal.SIGTERM),)


def send(number: signal.Signals, group: int, program: str) -> None:
    """Send a signal to the processes of a group that run a program."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(process.name)) == group and program in (
                process.joinpath("cmdline").read_text()
            ):
                os.kill(int(process.name), number)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_twenty_times(tmp_path: Path) -> None:
    """Moments are counted in requests, so that a slow machine sees the same confusion."""
    # No list may lose half of its objects, which is taken for a fault (docs/state.md).
    sizes = dict.fromkeys(LISTS, 100) | {"contacts": 800, "sms_notifications": 400}
    account = Account(seed=30, **sizes | {"bookings": 3000})
    rng, ended = random.Random(4), Counter[str]()  # chaos that can be repeated
    # OnceHub's limits never let the tap outrun the loader; nor does this.
    small = {"PAGE_SIZE": "20", "RATE_LIMIT_PER_SECOND": "20"}
    variables = {f"TAP_ONCEHUB_{name}": value for name, value in small.items()}
    with Sandbox(account, key=programs.KEY) as api:
        folder, more = tmp_path / "project", {"TARGET_DUCKDB_BATCH_SIZE_ROWS": "100"}
        project = Project(folder, api.url, **variables, **more)
        for turn in range(20):
            program, number = VICTIMS[turn % len(VICTIMS)]
            when = api.count() + rng.randint(1, 60)
            with project.start() as process:
                while api.count() < when and process.poll() is None:  # it may be done by then
                    account.random_changes(rng, edits=2, adds=1, deletes=1, streams=LISTS)
                    time.sleep(0.1)
                if process.poll() is None:
                    send(number, process.pid, program)
                    ended[f"{program} {number}"] += 1
                process.wait(programs.PATIENCE)
            account.random_changes(rng, edits=10, adds=5, deletes=5, streams=LISTS)
        project.variables["TAP_ONCEHUB_RATE_LIMIT_PER_SECOND"] = "0"
        for days in (0, 8):  # finish, then an undisturbed full pass
            account.clock.offset_seconds += days * 86_400
            run = project.run()
            assert run.status == 0, run.log
    assert len(ended) == len(VICTIMS), ended
    with duckdb.connect(str(project.database)) as connection:
        for stream in LISTS:
            gone = f"DELETE FROM oncehub.{stream} WHERE _sdc_deleted_at IS NOT NULL"
            connection.execute(gone)
    for stream in LISTS:
        warehouse.assert_equal(project.database, stream, account.objects(stream))
