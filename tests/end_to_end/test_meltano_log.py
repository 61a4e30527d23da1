"""What a person sees of the tap through Meltano: progress, and errors in one line."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import programs
from tests.support.project import Project

if t.TYPE_CHECKING:
    from pathlib import Path

PAIR = ("--log-format=uncolored", "run", "tap-oncehub", "target-duckdb")
"""With the form plain, Meltano 4.4 trips over its own message and shows a traceback."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Project(tmp_path / "project", "").folder


@pytest.mark.slow
def test_progress_is_told_through_meltano(project: Path) -> None:
    account = Account(seed=1, bookings=30)
    with Sandbox(account, key=programs.KEY) as api:
        api.faults.add(429, "/bookings", times=1, after=2, retry_after="10")
        run = programs.run_meltano(project, api.url, *PAIR, TAP_ONCEHUB_PAGE_SIZE="10")
    assert run.status == 0, run.log
    told = [line for line in run.log.splitlines() if "records, " in line]
    assert any("waiting until" in line for line in told)
    assert any("bookings: 30 records" in line for line in told)


def test_an_error_is_one_line_through_meltano_too(project: Path) -> None:
    with Sandbox(Account(seed=1, bookings=30), key="another") as api:
        run = programs.run_meltano(project, api.url, *PAIR)
    assert run.status == 1
    says = "OnceHub does not accept the API key: /v2/"
    assert sum(says in line for line in run.log.splitlines()) == 1
    assert "[error    ] tap-oncehub" in run.log
    assert 'File "' not in run.log


def test_metrics_and_figures_are_for_programs(project: Path) -> None:
    with Sandbox(Account(seed=1, bookings=30), key=programs.KEY) as api:
        run = programs.run_meltano(project, api.url, "--log-format=json", *PAIR[1:])
    assert run.status == 0, run.log
    entries = [json.loads(line) for line in run.log.splitlines() if line.startswith("{")]
    counted = [
        entry["metric_info"]["value"]
        for entry in entries
        if entry.get("metric_info", {}).get("metric") == "record_count"
        and entry["metric_info"]["tags"]["stream"] == "bookings"
    ]
    assert counted == [30]
    stats = {e["stream_stats"]["stream"]: e["stream_stats"] for e in entries if "stream_stats" in e}
    assert stats["bookings"] == {
        "stream": "bookings",
        "is_absent": False,
        "records": 30,
        "requests": 1,
    }
    assert [name for name, found in stats.items() if found["is_absent"]] == ["webhook_events"]
    (run_stats,) = [entry["run_stats"] for entry in entries if "run_stats" in entry]
    assert run_stats["requests"] == len(api.log)
