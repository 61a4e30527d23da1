"""The tests, by what they need (CONTRIBUTING.md has the table); this file holds for every one."""

import os
import time
from collections.abc import Iterator

import pytest

os.environ.setdefault("TZ", "Asia/Kolkata")  # half an hour off, never UTC's day for long
time.tzset()

_LONGEST = ["dlt_export", "process", "make_run", "faults", "rows", "models", "loaders", "meltano"]
"""Files that a worker should begin with, so that none has much to do when the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {f"test_{name}": place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


@pytest.fixture(autouse=True, scope="session")
def _a_state_folder_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
