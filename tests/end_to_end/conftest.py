"""Servers that several files of tests share."""

from __future__ import annotations

import typing as t

import pytest

from tests.support import postgres

if t.TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def database(
    postgres_server: postgres.Postgres, request: pytest.FixtureRequest
) -> postgres.Postgres:
    return postgres_server.new_database(request.node.name)
