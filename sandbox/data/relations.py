"""What no object tells, only filters: who hosts a booking, and what a page belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.data.world import World

_MANY = 1 << 20
LINKS = {"user": "users", "master_page": "master_pages", "event_type": "event_types"}
"""Filters of booking pages, and the lists whose ids they take."""


def hosts(world: World, index: int, owner: str | None) -> tuple[str, ...]:
    """Return the ids of the users who host or co-host a booking; the first is the host.

    Mostly the host is the owner, who accepted the booking first.
    """
    dice = world.dice("hosts", index)
    reassigned = world.ref("users", dice.below(_MANY)) if dice.chance(25) or not owner else owner
    helpers = [world.ref("users", dice.below(_MANY)) for _ in range(dice.pick((0, 0, 0, 1, 2)))]
    return tuple(dict.fromkeys(key for key in (reassigned, *helpers) if key))


def links(world: World, index: int) -> dict[str, tuple[str, ...]]:
    """Return the ids of what a booking page belongs to, by filter."""
    dice = world.dice("links", index)
    found = {}
    for name, stream in LINKS.items():
        keys = {world.ref(stream, dice.below(_MANY)) for _ in range(dice.below(3))}
        found[name] = tuple(sorted(key for key in keys if key))
    return found
