"""How a stream is to be read: from which time on, and when over the whole list again."""

import hashlib
import json
import typing as t
from datetime import datetime, timedelta

from tap_oncehub.engine.readers import Record, Stream, Warn
from tap_oncehub.engine.state import SavedPass, State, last_full_pass
from tap_oncehub.engine.times import before, moment_of

_TOLERANCE = 0.95  # A daily run comes to a stream a little earlier one day than the day before
_INSTANT = timedelta(milliseconds=1)
_DIGESTED = (
    "emit_activate_version_messages",
    "flattening_enabled",
    "flattening_max_depth",
    "stream_map_config",
    "stream_maps",
)
"""Settings that all rows depend on."""


class Clocks(t.NamedTuple):
    """What this machine and the server take for now."""

    machine: datetime
    server: datetime

    @property
    def days(self) -> list[str]:
        """The day by each of them."""
        return [moment.date().isoformat() for moment in self]


class Plan(t.NamedTuple):
    """How a stream is to be read."""

    key: str | None = None  # the replication key; None reads the list whole
    start_date: str | None = None  # what is older by the key is not wanted
    lookback: timedelta = timedelta(0)  # how far behind the bookmark to start again
    versioned: bool = False  # whether records carry a version, so that a loader tells what is gone
    max_age: timedelta | None = None  # at which the whole list is read again; None is never
    digest: str = ""  # stands for the settings that the rows depend on

    @classmethod
    def of(cls, stream: Stream) -> "Plan":
        """Return what a stream's class, the settings and the catalog say."""
        config, key, setting = stream.config, stream.key, stream.max_age_setting
        start = config.get("start_date") if key else None
        lookback = timedelta(seconds=config["lookback_seconds"])
        versioned = stream.tells_deletes and config["emit_activate_version_messages"]
        age = timedelta(**{setting.rpartition("_")[2]: config[setting]})
        tells = versioned and stream.run.may_tell_deletes and not stream.filters
        never = key and (start or not tells or not age)
        names = (*_DIGESTED, *stream.row_settings)
        digested = [[(name, config.get(name)) for name in names], sorted(stream.mask.items())]
        text = json.dumps(digested, sort_keys=True, default=str)
        return cls(
            key=key,
            start_date=start,
            lookback=max(lookback, stream.min_lookback),
            versioned=versioned,
            max_age=None if never else age,
            digest=hashlib.blake2b(text.encode(), digest_size=4).hexdigest(),
        )

    def start(self, state: State, clocks: Clocks, warn: Warn) -> datetime | None:
        """Return the time after which to ask; None asks for everything."""
        if not self.key:
            return None
        wanted, bookmark = moment_of(self.start_date), moment_of(state["replication_key_value"])
        # The filter is strict: what was updated at start_date itself is wanted too.
        first = before(wanted, _INSTANT) if wanted else None
        if bookmark and bookmark > max(clocks):
            warn("the bookmark in the state is later than now; reading everything again")
            bookmark = state["replication_key_value"] = None
        if bookmark is None or self.is_moved_back(state):
            return first
        behind = before(bookmark, self.lookback)
        return max(behind, first) if first else behind

    def is_moved_back(self, state: State) -> bool:
        """Return whether start_date reaches further back than what was read."""
        covered, wanted = moment_of(state["start_date"]), moment_of(self.start_date)
        return covered is not None and (wanted is None or wanted < covered)

    def is_wanted(self, found: Record) -> bool:
        """Return whether an object is not older than the start date."""
        start = moment_of(self.start_date) if self.key else None
        moment = moment_of(found.get(self.key or "")) if start else None
        return not (start and moment and moment < start)

    def version(self, state: State) -> int | None:
        """Return what records carry: the version of the full pass in progress, or of the last."""
        version = SavedPass(*state["resume"]).version or last_full_pass(state).version
        return version if self.versioned and version else None

    def is_full_pass_due(self, state: State, clocks: Clocks) -> bool:
        """Return whether the whole list is to be read again, by either clock: one may be wrong."""
        if not state["full_pass"] or self.max_age is None:
            return not self.key
        last = last_full_pass(state)
        if not self.key and last.digest != self.digest:
            return True
        begun = zip(clocks, map(moment_of, last.begun), strict=True)
        ages = [abs(now - then) if then else timedelta.max for now, then in begun]
        return max(ages) >= self.max_age * _TOLERANCE

    def next_full_pass(self, state: State) -> datetime | None:
        """Return when the whole list will be due to be read again; None if it never was."""
        begun = moment_of(last_full_pass(state).begun[1])
        return begun + (self.max_age or timedelta(0)) * _TOLERANCE if begun else None
