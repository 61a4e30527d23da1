"""A project whose warehouse holds the marts, for all tests that only read it."""

from pathlib import Path

import pytest

from sandbox import Account
from tests.support import models


@pytest.fixture(scope="session")
def account() -> Account:
    return Account(seed=1, bookings=80, nasty=False)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, account: Account) -> Path:
    """Make it; what the tap wrote is in the file messages."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "messages").write_bytes(models.load(folder, account).output)
    models.build(folder)
    (folder / "output").mkdir()
    (folder / "warehouse.duckdb").rename(folder / "output/warehouse.duckdb")
    return folder
