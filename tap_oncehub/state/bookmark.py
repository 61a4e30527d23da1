"""Singer bookmarks: up to when a stream is complete, and where to start again."""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from tap_oncehub.engine.errors import SettingsError
from tap_oncehub.engine.times import earliest, latest, moment_of, utc_text

if t.TYPE_CHECKING:
    from collections.abc import Collection

    State: t.TypeAlias = dict[str, t.Any]

_ACCOUNT = re.compile(r"\baccount\b[:\s]*(\S.*)", re.IGNORECASE)
_ACCOUNT_HASH = "account"
_KEY, _VALUE, _START = "replication_key", "replication_key_value", "start_date"
_NEWEST = "newest_value"
_FOREIGN = (
    "partitions",
    "progress_markers",
    "replication_key_signpost",
    "starting_replication_value",
)
"""What the SDK's own taps keep in a state; a bookmark beside it holds."""


@dataclass
class Bookmark:
    """The bookmark of one stream, and the start date that it was made with.

    Attributes:
        state: The writable state of the stream.
        key: What the bookmark is a value of.
        start_date: Nothing that was updated before is wanted.
        lookback: How far behind the bookmark to start again.
        now: No bookmark can be later; one that is says nothing.
    """

    state: State
    key: str
    start_date: str | None
    lookback: timedelta
    now: datetime | None = None

    @property
    def start(self) -> datetime | None:
        """What to ask for: everything after this time; None is everything."""
        wanted = moment_of(self.start_date)
        # The filter is strict: what was updated at start_date itself is wanted too.
        first = _before(wanted, timedelta(milliseconds=1)) if wanted else None
        if self.value is None or self._moved_back:
            return first
        behind = _before(self.value, self.lookback)
        return max(behind, first) if first else behind

    def advance(self, newest: str | None, began: str | None) -> None:
        """Move the bookmark to the newest key, but not past the time at which the pass began."""
        covered = self._covered
        before = None if self.ahead else self.state.get(_VALUE)
        newest = latest([before, newest]) or (began if self.ahead else None)
        if value := newest and earliest([newest, began]):
            self.state.update({_KEY: self.key, _VALUE: utc_text(value), _START: covered})
            self.state.pop(_NEWEST, None)
            if value != newest:
                self.state[_NEWEST] = utc_text(newest)

    @property
    def value(self) -> datetime | None:
        """Up to when the stream is complete; None if that is not known."""
        return None if self.ahead else self._saved

    @property
    def newest(self) -> datetime | None:
        """The replication key of the newest record that was read; it may be after the bookmark."""
        moments = [moment_of(self.state.get(_NEWEST)), self.value]
        return max((moment for moment in moments if moment), default=None)

    @property
    def ahead(self) -> bool:
        """Whether the bookmark is later than now: what it says cannot be true."""
        return bool(self.now and self._saved and self._saved > self.now)

    @property
    def _saved(self) -> datetime | None:
        if self.state.get(_KEY, self.key) != self.key:
            return None
        return moment_of(self.state.get(_VALUE))

    @property
    def _moved_back(self) -> bool:
        """Whether start_date now reaches further back than what was read."""
        wanted = moment_of(self.start_date)
        if _START not in self.state or (wanted and self.value and wanted >= self.value):
            return False
        covered = moment_of(self.state[_START])
        return covered is not None and (wanted is None or wanted < covered)

    @property
    def _covered(self) -> str | None:
        """The start date from which on the stream is complete up to its bookmark."""
        wanted, bookmark = moment_of(self.start_date), self.value
        if bookmark is None or _START not in self.state:
            return self.start_date
        covered = moment_of(self.state[_START])
        reaches = covered is None or (wanted is not None and covered <= wanted)
        if reaches and (wanted is None or wanted <= bookmark):
            return t.cast("str | None", self.state[_START])
        return self.start_date


def check_account(state: State, message: str) -> None:
    """Refuse the state of another account than OnceHub's message names; record that one.

    Raises:
        SettingsError: If the key is another account's.
    """
    named = _ACCOUNT.search(message)
    if named is None:
        return
    account = hashlib.blake2b(named[1].strip().encode(), digest_size=8).hexdigest()
    holder = state.setdefault("bookmarks", {}).setdefault("test_auth", {})
    if holder.setdefault(_ACCOUNT_HASH, account) != account:
        msg = (
            "The state belongs to another OnceHub account than the API key. Give each account a "
            "state of its own (--state-id-suffix), or clear this one (meltano state clear). If the "
            "account was only renamed, remove test_auth from the state."
        )
        raise SettingsError(msg)


def check_state(state: t.Any, streams: Collection[str]) -> None:
    """Refuse a state whose bookmarks cannot be used; drop what other taps add.

    Raises:
        SettingsError: Naming the stream whose bookmark is no time, and what is wrong.
    """
    others = state.keys() - {"bookmarks", "currently_syncing"} if isinstance(state, dict) else ()
    is_state = isinstance(state, dict) and ("bookmarks" in state or not others)
    bookmarks = state.get("bookmarks", {}) if is_state else None
    if not isinstance(bookmarks, dict):
        msg = 'The state must look like {"bookmarks": {"STREAM": {…}}}.'
        raise SettingsError(msg)
    for stream, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict):
            msg = f"The state of {stream} must be an object."
            raise SettingsError(msg)
        for name in _FOREIGN:
            bookmark.pop(name, None)
        for name in (_VALUE, _START):
            value = bookmark.get(name)
            if stream in streams and value is not None and moment_of(value) is None:
                msg = f"The {name} of {stream} in the state is not a time: write it like "
                raise SettingsError(msg + "2026-01-31T00:00:00Z.")


def _before(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment - span
    except OverflowError:
        return datetime.min.replace(tzinfo=timezone.utc)
