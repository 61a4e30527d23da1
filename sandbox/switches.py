"""What is not known about the API, or not always so: each can be switched."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

REFUSALS = (400, 402, 404, 409, 410, 422)
"""Statuses that say that one object, or what belongs to it, is not to be had."""
_CHOICES: dict[str, tuple[str | int | None, ...]] = {
    "order": ("created", "updated", "oldest", "starting"),
    "deleted_cursor": ("400", "404", "start", "empty", "position"),
    "time_filters": ("times", "dates", "days", "whole_days"),
    "date_header": ("right", "none", "ahead", "stuck"),
    "webhook_events": (None, "objects", "strings", "objects_array", "strings_array"),
    "time_slots_envelope": ("array", "data"),
    "terms_field": ("terms_of_sevice", "terms_of_service"),
    "secret_field": ("secret", "signing_secret"),
    "unpublished_calendar": REFUSALS,
    "seatless_calendar": REFUSALS,
    "seatless_user": (None, *REFUSALS),
    "refused_object": (None, *REFUSALS),
}


@dataclass(frozen=True)
class Switches:
    """How the sandbox behaves where the facts leave it open.

    Attributes:
        plan_without_api: the key is right, but the plan has no API access: 403.
        plan_without_sms: the plan has no text messages: 403 for the SMS list only.
        order: lists come newest "created" first, last "updated" first, "oldest" first, or
            bookings by "starting" time, latest first.
        page_cap: the most objects on a page, whatever `limit` asks for; None is no cap.
        has_more: lists carry `has_more`, but for the SMS list.
        has_more_always_false: it says false on every page, and no page has a next link.
        link: lists carry a `Link` header when there is a neighbouring page.
        link_with_v2: its URLs have the `/v2` that the vendor's example lacks.
        deleted_cursor: what `after`/`before` with an object that is not in the list, or
            no longer matches its filters, gives: "400", "404", "start" (as without
            cursor), "empty", or "position" (its place is known).
        time_filters: filters take "times" and dates, or dates alone, which mean their
            midnight ("dates") or are compared with the date of a time ("days"); with
            "whole_days" times are taken, too, but compared by their date.
        date_header: the `Date` of answers is "right", an hour "ahead", "stuck" in 2020, or
            there is "none".
        deleted_is_404: what is deleted is a 404 when asked for by id, and not redacted.
        webhook_events: None is 404; else the shape of the list.
        time_slots_envelope: "array" is bare, "data" has an envelope.
        slots_strict: a start in the past, and an end not after the start, is a 400.
        slot_ends_inclusive: a slot exactly at `end_time` belongs to the answer, and
            there is one at the end of every request, so that seams are tested.
        older_expansions: `/bookings` expands what it did until August 2026, which was no
            contact and no conversation.
        expand_by_id: a booking by id is expanded on demand, as the guide has it;
            otherwise the plain ids come all the same.
        unpublished_calendar: the status that refuses the slots of such a calendar.
        seatless_calendar: the same for one in seven calendars, whose host has no seat.
        seatless_user: the same for the schedules of one in five users; None is no such user.
        refused_object: the status that refuses one in seven bookings and calendars asked
            for by id; None is no such object.
        gzip: answers are compressed for who accepts it.
        redirect: API path to URL; asked for the path the server sends a 302 there.
        terms_field: how contacts spell it.
        secret_field: how webhooks call the key that signs.
        unknown_fields: nasty objects may carry fields nobody has documented.
        missing_fields: nasty objects may lack fields.
        wrong_types: nasty objects may carry values of other types than documented.
        nul_characters: nasty texts contain U+0000.
        lone_surrogates: nasty texts contain halves of surrogate pairs, as escapes.
    """

    plan_without_api: bool = False
    plan_without_sms: bool = False
    order: str = "created"
    page_cap: int | None = None
    has_more: bool = True
    has_more_always_false: bool = False
    link: bool = True
    link_with_v2: bool = False
    deleted_cursor: str = "400"
    time_filters: str = "times"
    date_header: str = "right"
    deleted_is_404: bool = False
    webhook_events: str | None = None
    time_slots_envelope: str = "array"
    slots_strict: bool = False
    slot_ends_inclusive: bool = False
    older_expansions: bool = False
    expand_by_id: bool = True
    unpublished_calendar: int = 422
    seatless_calendar: int = 402
    seatless_user: int | None = None
    refused_object: int | None = None
    gzip: bool = True
    redirect: dict[str, str] = field(default_factory=dict)
    terms_field: str = "terms_of_sevice"
    secret_field: str = "secret"  # noqa: S105
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

    @property
    def looks(self) -> tuple[bool | str, ...]:
        """Return the switches that decide how objects look."""
        return (
            self.unknown_fields,
            self.missing_fields,
            self.wrong_types,
            self.nul_characters,
            self.lone_surrogates,
            self.terms_field,
            self.secret_field,
        )

    def changed(self, **values: Any) -> Switches:
        """Return a copy with some switches set."""
        unknown = values.keys() - {item.name for item in fields(self)}
        if unknown:
            message = f"unknown switch: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        return replace(self, **values)
