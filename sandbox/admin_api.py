"""The admin path: change and question a running sandbox from outside."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from sandbox.answers import Answer, ok
from sandbox.collection import encode
from sandbox.limits import Limits

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


def _objects(service: Service, payload: Payload) -> list[Any]:
    return service.account.objects(payload["stream"])


def _object(service: Service, payload: Payload) -> Any:
    return service.account.object(payload["stream"], payload["id"])


def _add(service: Service, payload: Payload) -> list[str]:
    fields = payload.get("fields") or {}
    return service.account.add(payload["stream"], payload.get("n", 1), **fields)


def _edit(service: Service, payload: Payload) -> str:
    fields = payload.get("fields") or {}
    return service.account.edit(payload["stream"], payload["id"], **fields)


def _delete(service: Service, payload: Payload) -> str:
    return service.account.delete(payload["stream"], payload["id"])


def _random_changes(service: Service, payload: Payload) -> list[Any]:
    rng = random.Random(payload.pop("seed", None))
    return list(service.account.random_changes(rng, **payload))


def _faults_add(service: Service, payload: Payload) -> Payload:
    return service.faults.add(**payload).report()


def _faults_clear(service: Service, _payload: Payload) -> None:
    service.faults.clear()


def _limits_set(service: Service, payload: Payload | None) -> None:
    service.limiter.set(Limits(**payload) if payload else None)


def _limits_use_up(service: Service, payload: Payload) -> None:
    service.limiter.use_up(**payload)


def _switches_set(service: Service, payload: Payload) -> Payload:
    service.account.set_switches(service.account.switches.changed(**payload))
    return vars(service.account.switches)


def _clock_set(service: Service, payload: Payload) -> None:
    service.account.clock.offset_seconds = float(payload["offset_seconds"])


def _log_reset(service: Service, _payload: Payload) -> None:
    service.log.clear()
    service.refused = 0


_ACTIONS: dict[str, Callable[[Service, Any], Any]] = {
    "report": _report,
    "objects": _objects,
    "object": _object,
    "add": _add,
    "edit": _edit,
    "delete": _delete,
    "random_changes": _random_changes,
    "faults/add": _faults_add,
    "faults/clear": _faults_clear,
    "limits/set": _limits_set,
    "limits/use_up": _limits_use_up,
    "switches/set": _switches_set,
    "clock/set": _clock_set,
    "log/reset": _log_reset,
}
