"""What several tests of the sandbox ask."""

from __future__ import annotations

import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support.asking import KEY, NOW, asking

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.asking import Get


@pytest.fixture
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=250, now=NOW), key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def get(api: Sandbox) -> Iterator[Get]:
    with asking(api) as get:
        yield get
