"""The account that a key belongs to."""

from __future__ import annotations

from tap_oncehub.streams.single import WholeStream


class TestAuthStream(WholeStream):
    """What OnceHub says of the key; asking for it is the cheapest test of access."""

    name = "test_auth"
    path = "/test"
    primary_keys = ("message",)
    selected_by_default = False
