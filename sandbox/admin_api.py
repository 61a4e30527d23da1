"""The admin path: change and question a running sandbox from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.answers import Answer, ok
from sandbox.collection import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.service import Service

PREFIX = "/_admin/"

Payload = dict[str, Any]


def answer(service: Service, path: str, body: bytes) -> Answer:
    """Do what an admin asks for; mistakes are a 400 that says which."""
    action = _ACTIONS.get(path.removeprefix(PREFIX))
    if action is None:
        return Answer(404, encode({"message": f"there are: {', '.join(sorted(_ACTIONS))}"}))
    try:
        payload = json.loads(body or b"{}")
        return ok(action(service, payload))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        return Answer(400, encode({"message": f"{type(error).__name__}: {error}"}))


def report(service: Service) -> Payload:
    """Sum up what the server was asked."""
    log = service.log
    return {
        "requests": len(log),
        "refused": service.refused,
        "by_path": log.by_path(),
        "seconds": sum(entry.seconds for entry in log.copy()),
        "bytes": sum(entry.sent for entry in log.copy()),
        "sizes": {name: len(found) for name, found in service.account.collections.items()},
        "faults": service.faults.report(),
        "limits": vars(service.limiter.limits) if service.limiter.limits else None,
        "switches": vars(service.account.switches),
        "clock_offset_seconds": service.account.clock.offset_seconds,
    }


def _report(service: Service, payload: Payload) -> Payload:
    found = report(service)
    return {**found, "log": service.log.report()} if payload.get("log") else found


def _edit(service: Service, payload: Payload) -> str:
    fields = payload.get("fields") or {}
    return service.account.edit(payload["stream"], payload["id"], **fields)


def _log_reset(service: Service, _payload: Payload) -> None:
    service.log.clear()
    service.refused = 0


_ACTIONS: dict[str, Callable[[Service, Any], Any]] = {
    "report": _report,
    "edit": _edit,
    "log/reset": _log_reset,
}
