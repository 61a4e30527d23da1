"""Single objects, asked for by their id."""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timezone
from urllib.parse import quote

from tap_oncehub.errors import RequestRefusedError
from tap_oncehub.streams.base import OnceHubStream
from tap_oncehub.streams.children import ChildStream

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_oncehub.api.response import Answer

_NOT_FOUND = 404


class SingleStream(OnceHubStream):
    """An endpoint that answers with one object."""

    def parse_response(self, response: Answer) -> Iterable[Record]:  # type: ignore[override]
        """Give the object.

        Args:
            response: The answer.
        """
        yield response.body


class WholeStream(SingleStream):
    """A stream that is read whole, in one run, without a parent."""

    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Read everything as one version.

        Args:
            context: Not used.
        """
        now = time.time()
        began = datetime.fromtimestamp(now, tz=timezone.utc)
        self.open_version(int(now * 1000), began)
        yield from self.rows(context)
        self.close_version()

    def rows(self, context: Context | None) -> Iterable[Record]:
        """Give the rows of the endpoint.

        Args:
            context: Not used.
        """
        yield from self.request_records(context)


class ObjectStream(ChildStream, SingleStream):
    """One request for each object of a list."""

    def rows_of(self, parent_id: str) -> Iterator[Record]:
        """Ask for one object; one that was just removed for good has no row.

        Args:
            parent_id: Id of the object.
        """
        yield from _object(self, parent_id)


class ObjectByIdStream(WholeStream):
    """The objects whose ids stand in a setting.

    Attributes:
        ids_setting: The setting.
    """

    ids_setting: t.ClassVar[str]

    def check_catalog(self) -> None:
        """Say it if objects are named in vain."""
        super().check_catalog()
        if not self.selected:
            what = "%s is set, but the stream %s is not selected: nothing is fetched for it"
            self.logger.warning(what, self.ids_setting, self.name)

    def rows(self, context: Context | None) -> Iterator[Record]:
        """Ask for one object after the other.

        Args:
            context: Not used.
        """
        del context
        for identifier in self.config[self.ids_setting]:
            yield from _object(self, identifier)


def _object(stream: SingleStream, identifier: str) -> Iterator[Record]:
    """Ask for one object; that it does not exist is worth a warning."""
    try:
        rows = list(stream.request_records({"id": quote(identifier, safe="")}))
    except RequestRefusedError as error:
        if error.status != _NOT_FOUND:
            raise
        stream.logger.warning("OnceHub has no %s with the id %s", stream.name, identifier)
        return
    yield from rows
