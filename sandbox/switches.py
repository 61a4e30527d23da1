"""What is not known about the API, or not always so: each can be switched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Switches:
    """How the sandbox behaves where the facts leave it open.

    Attributes:
        plan_without_api: the key is right, but the plan has no API access: 403.
        plan_without_sms: the plan has no text messages: 403 for the SMS list only.
        order: lists come newest "created" first, last "updated" first, "oldest" first, or
            bookings by "starting" time, latest first.
        has_more: that there is more say "both" the body, but of text messages, and the Link
            header, the "link" only, or "none" of them; or the body "denied" it on every page.
        link_with_v2: its URLs have the `/v2` that the vendor's example lacks.
        deleted_cursor: what `after` with an object that is not in the list, or no longer
            matches its filters, gives: "400", "404", "start" (as without cursor), "empty",
            or "position" (its place is known).
        time_filters: filters take "times" and dates, or dates alone, which mean their
            midnight ("dates") or are compared with the date of a time ("days"); with
            "whole_days" times are taken, too, but compared by their date.
        date_header: the `Date` of answers is "right", an hour "ahead", "stuck" in 2020, or
            there is "none".
        deleted_is_404: what is deleted is a 404 when asked for by id, and not redacted.
        webhook_events: "none" is 404; else the shape of the list.
        time_slots_envelope: "array" is bare, "data" has an envelope.
        slots_strict: a start in the past, and an end not after the start, is a 400.
        older_expansions: `/bookings` expands what it did until August 2026, which was no
            contact and no conversation.
        expand_by_id: a booking by id is expanded on demand, as the guide has it;
            otherwise the plain ids come all the same.
        refusal: the status that refuses the slots of unpublished calendars and of one in
            seven whose host has no seat, the schedules of one in five users, and one in
            seven bookings and calendars asked for by id. 0: as documented, which is
            422 and 402 for the slots, and nothing else.
        terms_field: how contacts spell it.
        secret_field: how webhooks call the key that signs.
        wrong_types: nasty objects may carry values of other types than documented.
        nul_characters: nasty texts contain U+0000.
        lone_surrogates: nasty texts contain halves of surrogate pairs, as escapes.
    """

    plan_without_api: bool = False
    plan_without_sms: bool = False
    order: Literal["created", "updated", "oldest", "starting"] = "created"
    has_more: Literal["both", "link", "none", "denied"] = "both"
    link_with_v2: bool = False
    deleted_cursor: Literal["400", "404", "start", "empty", "position"] = "400"
    time_filters: Literal["times", "dates", "days", "whole_days"] = "times"
    date_header: Literal["right", "none", "ahead", "stuck"] = "right"
    deleted_is_404: bool = False
    webhook_events: Literal["none", "objects", "strings", "objects_array", "strings_array"] = "none"
    time_slots_envelope: Literal["array", "data"] = "array"
    slots_strict: bool = False
    older_expansions: bool = False
    expand_by_id: bool = True
    refusal: Literal[0, 400, 402, 404, 409, 410, 422] = 0
    terms_field: Literal["terms_of_sevice", "terms_of_service"] = "terms_of_sevice"
    secret_field: Literal["secret", "signing_secret"] = "secret"  # noqa: S105
    wrong_types: bool = False
    nul_characters: bool = False
    lone_surrogates: bool = False

    def changed(self, **values: Any) -> Switches:
        """Return a copy with some switches set; refuse what means nothing."""
        known = get_type_hints(Switches)
        for name, value in values.items():
            if name not in known:
                message = f"unknown switch: {name}"
                raise ValueError(message)
            choices = get_args(known[name]) or (False, True)
            if value not in choices:
                message = f"{name} must be one of {choices}"
                raise ValueError(message)
        return replace(self, **values)

    @property
    def looks(self) -> tuple[bool | str, ...]:
        """Return the switches that decide how objects look."""
        shapes = self.wrong_types, self.nul_characters, self.lone_surrogates
        return *shapes, self.terms_field, self.secret_field
