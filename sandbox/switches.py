"""What is not known about the API, or not always so: each can be switched."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

_CHOICES: dict[str, tuple[str | None, ...]] = {
    "deleted_cursor": ("400", "404", "start", "empty", "position"),
    "webhook_events": (None, "objects", "strings", "objects_array", "strings_array"),
    "time_slots_envelope": ("array", "data"),
}


@dataclass(frozen=True)
class Switches:
    """How the sandbox behaves where the facts leave it open.

    Attributes:
        plan_without_api: the key is right, but the plan has no API access: 403.
        has_more: lists carry `has_more`.
        sms_has_more: the SMS list carries it too.
        link: lists carry a `Link` header when there is a neighbouring page.
        link_with_v2: its URLs have the `/v2` that the vendor's example lacks.
        deleted_cursor: what `after`/`before` with a deleted object gives: "400", "404",
            "start" (as without cursor), "empty", or "position" (its place is known).
        webhook_events: None is 404; else the shape of the list.
        time_slots_envelope: "array" is bare, "data" has an envelope.
        slot_ends_inclusive: a slot exactly at `end_time` belongs to the answer, and
            there is one at the end of every request, so that seams are tested.
        gzip: answers are compressed for who accepts it.
        redirect: API path to URL; asked for the path the server sends a 302 there.
        unknown_fields: nasty objects may carry fields nobody has documented.
        missing_fields: nasty objects may lack fields.
        wrong_types: nasty objects may carry values of other types than documented.
        nul_characters: nasty texts contain U+0000.
        lone_surrogates: nasty texts contain halves of surrogate pairs, as escapes.
    """

    plan_without_api: bool = False
    has_more: bool = True
    sms_has_more: bool = False
    link: bool = True
    link_with_v2: bool = False
    deleted_cursor: str = "400"
    webhook_events: str | None = None
    time_slots_envelope: str = "array"
    slot_ends_inclusive: bool = False
    gzip: bool = True
    redirect: dict[str, str] = field(default_factory=dict)
    unknown_fields: bool = True
    missing_fields: bool = True
    wrong_types: bool = False
    nul_characters: bool = False
    lone_surrogates: bool = False

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                message = f"{name} must be one of {choices}"
                raise ValueError(message)
        for item in fields(self):
            expects_bool = isinstance(item.default, bool)
            if expects_bool and not isinstance(getattr(self, item.name), bool):
                message = f"{item.name} must be true or false"
                raise ValueError(message)

    @property
    def looks(self) -> tuple[bool, ...]:
        """Give the switches that decide how objects look."""
        return (
            self.unknown_fields,
            self.missing_fields,
            self.wrong_types,
            self.nul_characters,
            self.lone_surrogates,
        )

    def changed(self, **values: Any) -> Switches:
        """Give a copy with some switches set.

        Raises:
            ValueError: there is no such switch, or the value means nothing to it.
        """
        unknown = values.keys() - {item.name for item in fields(self)}
        if unknown:
            message = f"unknown switch: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        if isinstance(values.get("deleted_cursor"), int):
            values["deleted_cursor"] = str(values["deleted_cursor"])
        return replace(self, **values)
