"""Records as the schema declares them, with nothing lost on the way.

A value has exactly its declared type. One that differs is converted where the type can
hold it without loss; otherwise it moves, like an unknown field, to the column
``_extra`` under its name. Unknown nested fields stay where they are.
"""

from __future__ import annotations

import hashlib
import typing as t

from tap_oncehub.conversions import ENCODER, place
from tap_oncehub.schemas import EXTRA

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping, Sequence

    from tap_oncehub.conversions import Record

_NAMES_TOLD = 50


class Shaper:
    """Shapes the records of one stream."""

    def __init__(
        self,
        schema: Mapping[str, t.Any],
        keys: Sequence[str],
        logger: logging.Logger,
        hidden: Collection[str] = (),
    ) -> None:
        """Prepare the conversion of every column.

        Args:
            schema: The stream's schema, without references.
            keys: The primary key.
            logger: Where new fields are told of, once each.
            hidden: Fields that must not be written at all.
        """
        properties = dict(schema["properties"])
        properties.pop(EXTRA, None)
        self._columns = [
            (name, *place(part, top=True))
            for name, part in properties.items()
            if name not in hidden or name in keys
        ]
        self._known = {name for name, *_ in self._columns} | set(hidden)
        self._hidden = set(hidden)
        self._keys = {key: properties[key] for key in keys if key in properties}
        self._logger = logger
        self._told: set[str] = set()

    def shape(self, row: Mapping[str, t.Any]) -> Record:
        """Shape one record.

        Args:
            row: The object as OnceHub sent it.

        Returns:
            A record with every column of the schema; what is absent is None.
        """
        extra: Record = {}
        record: Record = {}
        for name, plain, convert in self._columns:
            value = row.get(name)
            fits = value is None or type(value) is plain
            record[name] = value if fits else convert(value, extra, name)
        if extra:
            self._tell(extra, "does not fit its column")
        if not row.keys() <= self._known:
            unknown = {name: row[name] for name in row if name not in self._known}
            self._tell(unknown, "is new")
            extra.update(unknown)
        for key, part in self._keys.items():
            if record[key] in {None, ""}:
                self._tell({key: None}, "is missing, a stand-in is written")
                record[key] = _stand_in(row, part)
        if EXTRA not in self._hidden:
            record[EXTRA] = extra or None
        return record

    def _tell(self, names: Mapping[str, t.Any], what: str) -> None:
        new = [n for n in names if n not in self._told]
        for name in new[: _NAMES_TOLD - len(self._told)]:
            self._told.add(name)
            self._logger.warning(
                "The field %.100r %s; what OnceHub sent is kept in %s",
                name,
                what,
                EXTRA,
            )


def _stand_in(row: Mapping[str, t.Any], part: Mapping[str, t.Any]) -> str:
    """Make a key for a record without one; the same record gets the same key."""
    digest = hashlib.sha256(ENCODER.encode(row)).hexdigest()
    if part.get("format") == "date-time":
        return f"1970-01-01T00:00:00.{int(digest, 16) % 10**6:06d}Z"
    return f"missing-{digest[:32]}"
