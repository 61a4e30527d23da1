"""Single objects, asked for by their id."""

from __future__ import annotations

import typing as t
from http import HTTPStatus

from typing_extensions import override

from tap_oncehub.engine.errors import EndpointError, RefusedError
from tap_oncehub.state.checkpoint import next_version, record_version
from tap_oncehub.streams.base import OnceHubStream
from tap_oncehub.streams.children import ChildStream, is_refused_object

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.types import Context, Record

    from tap_oncehub.engine.response import JsonResponse


class SingleStream(OnceHubStream):
    """An endpoint that answers with one object."""

    @override
    def parse_response(self, response: JsonResponse) -> Iterable[Record]:  # type: ignore[override]
        yield response.body


class WholeStream(SingleStream):
    """A stream that is read whole, in one run, without a parent."""

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        version = next_version([self.stream_state])
        self.start_version(version)
        yield from self.request_records(context)
        self.activate_version()
        record_version(self.stream_state, version)


class ObjectStream(ChildStream, SingleStream):
    """One request for each object of a list."""

    @override
    def rows_of(self, parent_id: str) -> Iterable[Record]:
        return _object(self, parent_id)


class ObjectByIdStream(SingleStream):
    """The objects whose ids stand in a setting; those of other runs are not gone.

    Attributes:
        ids_setting: The setting.
    """

    ids_setting: t.ClassVar[str]
    _refused: RefusedError | None = None

    @override
    def check_catalog(self) -> None:
        super().check_catalog()
        if not self.selected:
            what = "%s is set, but the stream %s is not selected: nothing is read for it"
            self.logger.warning(what, self.ids_setting, self.name)

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        for identifier in self.config[self.ids_setting]:
            yield from self._rows_of(identifier)
        if self._refused and not self.answered:
            msg = f"not one of the {self.ids_setting} was answered: {self._refused}"
            raise EndpointError(msg)

    def _rows_of(self, identifier: str) -> list[Record]:
        """Read one object; that it does not exist is worth a warning."""
        try:
            return _object(self, identifier)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                what = "%s: OnceHub has no object with the id %s"
                self.logger.warning(what, self.name, identifier)
                return []
            if not is_refused_object(error):
                raise
            text = f"objects skipped: refused by OnceHub ({error.status})"
            self.sync_context.notices.add(self.name, text, identifier)
            self._refused = error
        return []


def _object(stream: SingleStream, identifier: str) -> list[Record]:
    return list(stream.request_records({"id": identifier}))
