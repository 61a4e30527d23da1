"""What is OnceHub's: address, key, envelope, parameters, sound bodies, what a refusal means."""

import typing as t
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import parse_qs, quote

import requests
from singer_sdk.authenticators import APIKeyAuthenticator
from singer_sdk.helpers.types import Context, Record
from singer_sdk.pagination import JSONPathPaginator
from singer_sdk.schema.source import StreamSchema
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL
from singer_sdk.streams.rest import HTTPRequest, PageContext
from typing_extensions import override

from tap_oncehub.engine.errors import RefusedError, SettingsError, TapError
from tap_oncehub.engine.readers import Request, as_id
from tap_oncehub.engine.response import JsonResponse
from tap_oncehub.engine.stream import ResumableStream
from tap_oncehub.schemas import SCHEMAS
from tap_oncehub.settings import DEFAULT_API_URL, KEYS_PAGE

_CLASSIC = {"bookingpage", "masterpage", "eventtype"}
_KINDS = {"booking", "bookingcalendar", "contact", "conversation", "notification", "schedule"}
_KINDS |= {"team", "user", "webhook"} | _CLASSIC


class EnvelopePaginator(JSONPathPaginator):
    """Asks after the last but one object of ``data``, so that pages overlap by one.

    More pages exist if ``has_more`` says so or ``Link`` has a ``next``. A page that is
    exactly full is asked for once more even where they deny it, and where both are absent,
    a list ends with an empty page.
    """

    def __init__(self, page_size: int) -> None:
        super().__init__("$.data[-2:].id")
        self._page_size = page_size
        self.promised = False  # whether the latest page said that there are more

    @override
    def has_more(self, response: requests.Response) -> bool:
        body = response.json()
        if not isinstance(body, dict):
            return False  # a bare array has no pages
        claim = body.get("has_more")
        self.promised = claim is True or "next" in response.links
        denied = claim is False or "previous" in response.links
        return self.promised or not denied or len(body["data"]) >= self._page_size

    @override
    def get_next(self, response: requests.Response) -> str | None:
        """Return the id to ask after, or where objects have none, the cursor in ``Link``."""
        found = as_id(super().get_next(response))
        # Of the address only the query is taken: the host may be another's.
        link = response.links.get("next", {}).get("url", "").partition("#")[0]
        return found or next(iter(parse_qs(link.partition("?")[2]).get("after", [])), None)


class OnceHubStream(ResumableStream):
    """One endpoint of the OnceHub API."""

    primary_keys: t.Sequence[str] = ("id",)
    records_jsonpath = "$.data[*]"
    schema = StreamSchema(SCHEMAS)
    updated_key = "last_updated_time"
    created_key = "creation_time"
    time_filters: t.ClassVar[frozenset[str]] = frozenset()  # all possible replication keys

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"]).rstrip("/")

    @property
    @override
    def authenticator(self) -> APIKeyAuthenticator:
        return APIKeyAuthenticator(key="API-Key", value=self.config["api_key"], location="header")

    @property
    def page_size(self) -> int:
        """Objects to ask for in one request: pages of one could not overlap."""
        return max(2, int(self.config["page_size"]))

    @override
    def get_new_paginator(self) -> EnvelopePaginator:
        return EnvelopePaginator(self.page_size)

    @override
    def get_url(self, context: Context | None) -> str:
        request = context or {}
        identifier = quote(str(request.get("id", "")), safe="", errors="replace")
        return self.url_base + str(request.get("path") or self.path).replace("{id}", identifier)

    @override
    def get_http_request(self, *, page: PageContext[str]) -> HTTPRequest:
        http = super().get_http_request(page=page)
        request = dict(page.stream_context or {})
        http.params |= request.get("params", {})
        if "path" not in request:  # one object
            return http
        http.params |= {"limit": self.page_size, "after": page.next_page_token}
        if value := request["filter"]:
            name, _, http.params[name] = value.partition("=")
        if request["timed"]:
            http.params[f"{self.key}.gt"] = self.sync_pass.since
        return http

    @override
    def check_body(self, request: Request, body: t.Any) -> str | None:
        check = self.check_list if "path" in request else self.check_object
        return check(request, body)

    def check_object(self, request: Request, body: t.Any) -> str | None:
        """Return what is wrong with what is no list; None if nothing is."""
        if not isinstance(body, dict):
            return "the response is not a JSON object"
        asked = str(request.get("id", ""))
        if self.path.endswith("{id}") and str(body.get("id")).upper() != asked.upper():
            return "the response does not hold the object"
        return _other_kinds(self.path, [body])

    def check_list(self, request: Request, body: t.Any) -> str | None:
        """Return what is wrong with a list's envelope; None if nothing is."""
        data: t.Any = body.get("data") if isinstance(body, dict) else None
        no_list = no_list_of("objects in data", data)
        return no_list or _other_kinds(request.get("path", self.path), data)

    @override
    def parse_response(self, response: JsonResponse) -> list[Record]:  # type: ignore[override]
        return t.cast("list[Record]", response.body["data"])

    def check_catalog(self) -> None:
        """Refuse a replication that the endpoint cannot do, and say what it can."""
        if self.named_ids and not self.selected:
            what = "%s is set, but the stream %s is not selected: nothing is read for it"
            self.logger.warning(what, self.ids_setting, self.name)
        method, key = self.replication_method, self.replication_key
        is_possible = method == REPLICATION_INCREMENTAL and key in self.time_filters
        if not is_possible and method != REPLICATION_FULL_TABLE:
            asked = f"The catalog asks for {self.name} with replication method {method}, key {key}"
            can = ", ".join(sorted(self.time_filters)) or "none, use FULL_TABLE"
            raise SettingsError(f"{asked}; possible replication keys: {can}.")


def _other_kinds(path: str, found: Sequence[Record]) -> str | None:
    """Say which known kinds of objects do not belong where a path's first part leads."""
    asked = path.split("/")[1].replace("-", "").removesuffix("s")
    names = {"".join(filter(str.isalpha, str(row.get("object")).lower())) for row in found}
    others = (names & _KINDS) - (_CLASSIC if asked in _CLASSIC else {asked})
    return f"the response holds something else ({', '.join(sorted(others))})" if others else None


def no_list_of(what: str, rows: t.Any, kinds: tuple[type, ...] = (dict,)) -> str | None:
    """Say that rows are no list, or hold other kinds of values; None if they are as they should."""
    is_sound = isinstance(rows, list) and all(isinstance(row, kinds) for row in rows)
    return None if is_sound else f"the response holds no list of {what}"


def rows_in(body: t.Any) -> t.Any:
    """Return the rows of a body that is a bare array, or that has them in ``data``."""
    return body.get("data") if isinstance(body, dict) else body


def error_for_response(response: JsonResponse, path: str, text: str, check_path: str) -> TapError:
    """Return what a refusal means; at ``check_path`` it is about key, plan or address."""
    status, checks_key = response.status_code, path == check_path
    if status == HTTPStatus.UNAUTHORIZED:
        text = f"OnceHub does not accept the API key: {text}."
        return TapError(f"{text} Set api_key to a valid key, made in {KEYS_PAGE}.")
    if status == HTTPStatus.FORBIDDEN and checks_key:
        text = f"OnceHub refuses access to its API: {text}."
        return TapError(f"{text} The account's plan must include API access.")
    if status < HTTPStatus.BAD_REQUEST:
        text += ", a redirect, which is not followed"
    if checks_key and (status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.NOT_FOUND):
        return TapError(f"{text}. Check api_url, {DEFAULT_API_URL} is the usual one.")
    if status == HTTPStatus.FORBIDDEN:
        text += ". If the account's plan does not include this, deselect the stream"
    return RefusedError(text, status=status)
