"""The measures: start-up, requests, speed and memory, rate limits."""

from __future__ import annotations

import sys
import time
import typing as t
from collections import deque

from benchmarks import places, sandboxes
from benchmarks.contenders import CONTENDERS, Job
from benchmarks.runs import FailedRunError, measure, must_succeed, run

if t.TYPE_CHECKING:
    from benchmarks.contenders import Contender
    from benchmarks.plan import Plan
    from benchmarks.results import Figures, Results
    from benchmarks.runs import Sample
    from benchmarks.sandboxes import Sandbox

_WINDOW, _PER_WINDOW, _PER_SECOND = 300.0, 200, 5
_LIMITED = ("tap", "airbyte", "dlt-tuned", "dlt-default")
_HEEDS_RETRY_AFTER = {"tap", "dlt-tuned", "dlt-default"}
_PATIENCE_IN_FLOORS, _LOADING_SECONDS = 4, 240


def startup(plan: Plan, results: Results) -> None:
    """Time commands that do nothing but start."""
    found = results.begin("startup")
    with places.scratch() as folder:
        config = folder / "config.json"
        config.write_text('{"api_key": "none"}')
        python, tap = str(places.PYTHON), str(places.TAP)
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "python -c 'import singer_sdk'": [python, "-c", "import singer_sdk"],
            "tap-oncehub --version": [tap, "--version"],
            "tap-oncehub --discover": [tap, f"--config={config}", "--discover"],
        }
        for number in range(plan.starts + 1):
            for name, command in commands.items():
                sample = measure([command], folder)
                if number:  # the first one warms up
                    found.setdefault(name, []).append(sample.seconds)
    results.save()
    _say(f"start-up: {plan.starts} runs of {len(commands)} commands")


def by_size(plan: Plan, results: Results) -> None:
    """Count requests, time runs and measure memory, with each account in turn."""
    for size in plan.sizes:
        counted = "requests" in plan.pieces and size in plan.sizes_for_requests
        timed = "speed" in plan.pieces and size in plan.sizes_for_speed
        if not counted and not timed:
            continue
        with sandboxes.running(size) as account:
            about = results.begin("accounts", size)
            about["records"] = account.records
            about["fewest_requests"] = account.fewest_requests
            about["pages_a_second"] = account.pages_a_second()
            if timed:
                results.begin("speed", size)
            if counted:
                results.begin("requests", size)
                _requests(plan, results, account, size, timed=timed)
            if timed:
                _speed(plan, results, account, size)


def _taking_part(plan: Plan, size: int) -> list[Contender]:
    chosen = [CONTENDERS[name] for name in plan.contenders]
    return [contender for contender in chosen if size <= contender.largest]


def _requests(plan: Plan, results: Results, account: Sandbox, size: int, *, timed: bool) -> None:
    """Sync twice, with some bookings edited between; check that everything arrived."""
    for contender in _taking_part(plan, size):
        found = results.at("requests", size).setdefault(contender.name, {})
        with results.failures(size), places.scratch() as folder:
            account.admin.reset_log()
            job = Job(folder, account.url)
            sample = run(contender, job, keep_output=True)
            must_succeed(sample, contender, job)
            found["first"] = account.admin.report()["requests"]
            found["arrived"] = contender.arrived(job)["records"]
            _check(contender, found["arrived"], account.records)
            if timed and contender.loads:
                _keep(results, size, contender, sample)
            mark = f"edited for {contender.name}"
            account.edit(mark)
            account.admin.reset_log()
            job = Job(folder, account.url, second=True)
            must_succeed(run(contender, job, keep_output=True), contender, job)
            found["second"] = account.admin.report()["requests"]
            _check(contender, contender.arrived(job, mark)["marked"], sandboxes.EDITED)
            counted = f"{found['first']}, then {found['second']} requests"
            _say(f"{size:>7,} {contender.label}: {counted}")
        results.save()


def _speed(plan: Plan, results: Results, account: Sandbox, size: int) -> None:
    """Let everybody read the account in turn, several times."""
    most = plan.runs_with(size)
    for number in range(1, most + 1):
        for contender in _taking_part(plan, size):
            done = len(results.at("speed", size).get(contender.name, []))
            if done >= min(number, contender.runs):
                continue
            with results.failures(size), places.scratch() as folder:
                job = Job(folder, account.url)
                sample = run(contender, job, keep_output=False)
                must_succeed(sample, contender, job)
                if contender.loads:
                    _check(contender, contender.arrived(job)["records"], account.records)
                _keep(results, size, contender, sample)
                rate = account.records / sample.seconds
                _say(
                    f"{size:>7,} {contender.label}: {sample.seconds:.1f} s, "
                    f"{rate:,.0f} records/s, {sample.peak_bytes / 1e6:.0f} MB"
                )
            results.save()


def _keep(results: Results, size: int, contender: Contender, sample: Sample) -> None:
    results.at("speed", size).setdefault(contender.name, []).append(sample.as_dict())


def _check(contender: Contender, arrived: int, expected: int) -> None:
    if arrived != expected:
        msg = f"{contender.label}: {arrived:,} records arrived, not {expected:,}"
        raise FailedRunError(msg)


def limits(plan: Plan, results: Results) -> None:
    """Read an account under the published limits, in a faster clock."""
    found = results.begin("limits")
    factor = plan.clock_factor
    found.update(clock_factor=factor, bookings=plan.limited_bookings, runs=[])
    for retry_after in ("none", "seconds"):
        options = ("--limits", f"--clock-factor={factor}", f"--retry-after={retry_after}")
        with sandboxes.running(plan.limited_bookings, *options) as account:
            found["records"] = account.records
            limit = floor(account.fewest_requests, factor)
            for name in (n for n in _LIMITED if n in plan.contenders):
                if retry_after == "none" or name in _HEEDS_RETRY_AFTER:
                    # Whoever came before must not have used up the limits.
                    time.sleep(_WINDOW / factor)
                    contender = CONTENDERS[name]
                    figures = _limited(contender, account, factor, retry_after, limit)
                    found["runs"].append(figures)
                    results.save()
                    _say(
                        f"limits, Retry-After {retry_after}, {contender.label}: "
                        f"{figures['arrived']:,} records, {figures['refused']} refused"
                    )


def _limited(
    contender: Contender, account: Sandbox, factor: float, retry_after: str, limit: float
) -> Figures:
    account.admin.reset_log()
    with places.scratch() as folder:
        # A Retry-After is in the fast clock's seconds already.
        job = Job(
            folder,
            account.url,
            clock_factor=factor,
            scaled_waits=retry_after == "none",
        )
        patience = _PATIENCE_IN_FLOORS * limit + _LOADING_SECONDS
        sample = run(contender, job, keep_output=True, patience=patience)
        arrived = contender.arrived(job)["records"]
    log = account.admin.report(log=True)["log"]
    times = [entry["time"] for entry in log if entry["status"] != 429]  # noqa: PLR2004
    return {
        "contender": contender.name,
        "retry_after": retry_after,
        "arrived": arrived,
        "requests": len(times),
        "refused": len(log) - len(times),
        "span": times[-1] - times[0],
        "floor": floor(len(times), factor),
        "seconds": sample.seconds,
        "status": sample.status,
    }


def floor(requests: int, factor: float) -> float:
    """Give the least seconds between the first and the last of so many requests.

    Args:
        requests: How many, none of them refused.
        factor: How much faster the clock runs.
    """
    times: deque[float] = deque(maxlen=_PER_WINDOW)
    for number in range(requests):
        earliest = 0.0
        if number >= _PER_SECOND:
            earliest = times[-_PER_SECOND] + 1.0
        if number >= _PER_WINDOW:
            earliest = max(earliest, times[0] + _WINDOW)
        times.append(earliest)
    return times[-1] / factor if times else 0.0


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
