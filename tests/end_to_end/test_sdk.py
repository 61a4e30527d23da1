"""The Singer SDK's own tests of a tap, against the sandbox."""

from collections.abc import Iterator

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sandbox import Account, Sandbox
from tap_oncehub.tap import TapOnceHub
from tests.support.inside import catalog
from tests.support.postgres import free_port
from tests.support.programs import KEY, settings_for

# The suite takes its settings when the class is made, before any fixture runs.
PORT = free_port()


@pytest.fixture(scope="module", autouse=True)
def api() -> Iterator[None]:
    with Sandbox(Account(seed=1, bookings=30, contacts=20), key=KEY, port=PORT):
        yield


TestTapOnceHub = get_tap_test_class(
    TapOnceHub,
    config=settings_for(f"http://127.0.0.1:{PORT}/v2"),
    # The suite selects every stream itself, but not before it knows their columns.
    catalog=catalog(*TapOnceHub(config={"api_key": KEY}).streams),
    suite_config=SuiteConfig(ignore_no_records_for_streams=["webhook_events"]),
)
