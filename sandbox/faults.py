"""Things that go wrong on purpose."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from sandbox.answers import BODIES

KINDS = (
    "reset", "close", "timeout", "slow", "truncated", "half_json",  # on the connection
    "same_page", "cycle", "bom",  # in lists
    *BODIES,
)  # fmt: skip


@dataclass
class Fault:
    """One thing that goes wrong."""

    kind: str  # one of `KINDS`, or an HTTP status as a string
    path: str | None = None  # the API path it happens on, `*` and `?` as in file names; None is all
    # a parameter that the request must have, or `name=value`, as in file names
    query: str | None = None
    times: int | None = 1  # how often; None is always
    after: int = 0  # how many matching requests pass first
    probability: float = 1.0  # how likely it is for each of the requests
    seed: int | None = None  # makes the chance reproducible
    seconds: float = 60.0  # how long a "timeout" or a "slow" answer takes
    retry_after: str | None = None  # a `Retry-After` header for an HTTP status
    location: str | None = None  # a `Location` header for an HTTP status
    hits: int = 0  # how often it happened
    _seen: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist."""
        if self.kind not in KINDS and self.status not in range(300, 600):
            message = f"no such fault: {self.kind}; there are {', '.join(KINDS)}, 300 to 599"
            raise ValueError(message)
        self._random.seed(self.seed)

    def strikes(self, path: str, query: Mapping[str, str]) -> bool:
        """Decide about one request."""
        name, _, value = (self.query or "").partition("=")
        if not fnmatchcase(path, self.path or "*") or not (
            not name or (name in query and fnmatchcase(query[name], value or "*"))
        ):
            return False
        self._seen += 1
        due = self._seen > self.after and (self.times is None or self.hits < self.times)
        struck = due and self._random.random() < self.probability
        self.hits += struck
        return struck

    @property
    def status(self) -> int | None:
        """Return the HTTP status that it is, if it is one."""
        return int(self.kind) if self.kind.isdecimal() else None


class Faults:
    """All faults of a server; the first that strikes wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, kind: str | int, path: str | None = None, **options: Any) -> Fault:
        """Add a fault; the options are the attributes of `Fault`."""
        fault = Fault(str(kind), path, **options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Let everything go well from now on."""
        with self._lock:
            self._faults.clear()

    def strike(self, path: str, query: Mapping[str, str]) -> Fault | None:
        """Return the fault that happens to a request, if one does."""
        with self._lock:
            return next((fault for fault in self._faults if fault.strikes(path, query)), None)
