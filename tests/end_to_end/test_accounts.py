"""Several accounts in one project, as docs/destinations.md tells."""

from __future__ import annotations

import typing as t

import duckdb
import pytest
import yaml

from sandbox import Account, Sandbox
from tests.support import programs, warehouse
from tests.support.project import Project, blocks
from tests.support.streams import LISTS

if t.TYPE_CHECKING:
    from pathlib import Path

ACCOUNTS = {"berlin": Account(seed=1, bookings=30), "lisbon": Account(seed=2, bookings=40)}


def copy_project(folder: Path) -> Path:
    """The project with the recipe's extractors."""
    (recipe,) = blocks("destinations.md", "yaml")
    return Project(folder, "", yaml.safe_load(recipe)["plugins"]).folder


@pytest.mark.slow
def test_each_account_has_a_key_a_schema_and_a_state_of_its_own(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    berlin, lisbon = ACCOUNTS.values()
    with Sandbox(berlin, key="key-b") as one, Sandbox(lisbon, key="key-l") as other:
        variables = {
            "TAP_ONCEHUB_BERLIN_API_KEY": "key-b",
            "TAP_ONCEHUB_BERLIN_API_URL": one.url,
            "TAP_ONCEHUB_LISBON_API_KEY": "key-l",
            "TAP_ONCEHUB_LISBON_API_URL": other.url,
        }
        pairs = [word for name in ACCOUNTS for word in (f"tap-oncehub-{name}", "target-duckdb")]
        # The key and the address in TAP_ONCEHUB_... are those of neither account.
        run = programs.run_meltano(project, "http://127.0.0.1:9", "run", *pairs, **variables)
        assert run.status == 0, run.log
        assert {entry.status for entry in (*one.log, *other.log)} <= {200, 402, 404, 422}
        times = [[entry.time for entry in log] for log in (one.log, other.log)]
        assert max(times[0]) < min(times[1]), "not one after the other"
    file = project / "output/warehouse.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        for name, account in ACCOUNTS.items():
            for stream in LISTS:
                query = f"SELECT * FROM oncehub_{name}.{stream}"
                wanted = warehouse.expected(stream, account.objects(stream))
                warehouse.compare(stream, warehouse.read(connection, stream, query), wanted)
    states = programs.run_meltano(project, one.url, "--environment=dev", "state", "list")
    for name in ACCOUNTS:
        assert f"dev:tap-oncehub-{name}-to-target-duckdb" in states.output.decode() + states.log


@pytest.mark.slow
def test_a_missing_key_never_loads_another_account(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project")
    with Sandbox(ACCOUNTS["berlin"], key=programs.KEY) as api:
        # Meltano has the key and the address of an account, but none for berlin.
        run = programs.run_meltano(project, api.url, "run", "tap-oncehub-berlin", "target-duckdb")
        assert (run.status, len(api.log)) == (1, 0), run.log
    assert "api_key is missing" in run.log
