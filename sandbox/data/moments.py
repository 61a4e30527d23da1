"""How the times of an object are written, and what is odd about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.data import times
from sandbox.streams import CREATED, UPDATED

if TYPE_CHECKING:
    from sandbox.data import Object

# Every so many nasty objects, and which of them.
_NULL_UPDATED = (61, 17)
_MISSING_UPDATED = (61, 43)
_NULL_CREATED = (67, 29)
_SEVEN_DIGITS = (11, 5)
_STYLES = {3: "offset", 5: "7", 7: "s"}
_STYLE_CYCLE = 11


def style(turn: int | None, usual: str) -> str:
    """Choose how a time is written."""
    return usual if turn is None else _STYLES.get(turn % _STYLE_CYCLE, usual)


def is_missing(turn: int) -> bool:
    """Return whether the update time of this nasty object is absent rather than null."""
    return _hit(turn, _MISSING_UPDATED)


def _hit(turn: int | None, rule: tuple[int, int]) -> bool:
    return turn is not None and turn % rule[0] == rule[1]


def stamps(turn: int | None, created: int, updated: int) -> Object:
    """Return the creation and the update time of an object as the API writes them."""
    if turn is not None and _hit(turn, _SEVEN_DIGITS):
        updated -= 1 + turn % 9973
    unknown = _hit(turn, _NULL_UPDATED) or _hit(turn, _MISSING_UPDATED)
    return {
        CREATED: stamp(turn, created, "s"),
        UPDATED: None if unknown else times.text(updated, style(turn, "ms")),
    }


def stamp(turn: int | None, created: int, usual: str) -> str | None:
    """Return the creation time of an object as the API writes it."""
    return None if _hit(turn, _NULL_CREATED) else times.text(created, style(turn, usual))
