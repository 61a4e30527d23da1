"""What is not known about the API, or not always so: each can be switched."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_type_hints


@dataclass(frozen=True)
class Switches:
    """How the sandbox behaves where the facts leave it open."""

    plan_without_api: bool = False  # the key is right, but the plan has no API access: 403
    plan_without_sms: bool = False  # the plan has no text messages: 403 for the SMS list only
    # lists come newest "created" first, last "updated" first, "oldest" first, or bookings by
    # "starting" time, latest first
    order: Literal["created", "updated", "oldest", "starting"] = "created"
    # that there is more say "both" the body, but of text messages, and the Link header, the "link"
    # only, or "none" of them; or the body "denied" it on every page
    has_more: Literal["both", "link", "none", "denied"] = "both"
    link_with_v2: bool = False  # its URLs have the `/v2` that the vendor's example lacks
    # what `after` with an object that is not in the list, or no longer matches its filters, gives:
    # "400", "404", "start" (as without cursor), "empty", or "position" (its place is known)
    deleted_cursor: Literal["400", "404", "start", "empty", "position"] = "400"
    # filters take "times" and dates, or dates alone, which mean their midnight ("dates") or are
    # compared with the date of a time ("days"); with "whole_days" times are taken, too, but
    # compared by their date
    time_filters: Literal["times", "dates", "days", "whole_days"] = "times"
    # the `Date` of answers is "right", an hour "ahead", "stuck" in 2020, or there is "none"
    date_header: Literal["right", "none", "ahead", "stuck"] = "right"
    deleted_is_404: bool = False  # what is deleted is a 404 when asked for by id, and not redacted
    # "none" is 404; else the shape of the list
    webhook_events: Literal["none", "objects", "strings", "objects_array", "strings_array"] = "none"
    # "array" is bare, "data" has an envelope
    time_slots_envelope: Literal["array", "data"] = "array"
    slots_strict: bool = False  # a start in the past, and an end not after the start, is a 400
    # a booking by id is expanded on demand, as the guide has it; otherwise the plain ids come all
    # the same
    expand_by_id: bool = True
    # the status that refuses the slots of unpublished calendars and of one in seven whose host has
    # no seat, the schedules of one in five users, and one in seven bookings and calendars asked for
    # by id. 0: as documented, which is 422 and 402 for the slots, and nothing else
    refusal: Literal[0, 400, 402, 404, 409, 410, 422] = 0
    # how contacts spell it
    terms_field: Literal["terms_of_sevice", "terms_of_service"] = "terms_of_sevice"
    # how webhooks call the key that signs
    secret_field: Literal["secret", "signing_secret"] = "secret"  # noqa: S105
    nul_characters: bool = False  # nasty texts contain U+0000

    def changed(self, **values: Any) -> "Switches":
        """Return a copy with some switches set; refuse what means nothing."""
        known = get_type_hints(Switches)
        for name, value in values.items():
            choices = get_args(known.get(name, ())) or (False, True)
            if name not in known or value not in choices:
                message = f"{name} must be one of {choices}" if name in known else "unknown switch"
                raise ValueError(message)
        return replace(self, **values)

    @property
    def looks(self) -> tuple[bool | str, ...]:
        """Return the switches that decide how objects look."""
        return self.nul_characters, self.terms_field, self.secret_field
