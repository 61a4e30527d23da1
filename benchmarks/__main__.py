"""`make bench`: measure, then write results.md and its chart."""

import argparse
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from benchmarks import places, report, sandboxes
from benchmarks.contenders import CONTENDERS, OUTPUT, Contender, Job, tap
from benchmarks.sandboxes import SandboxProcess

ROUNDS = {2_000: 3, 20_000: 3, 200_000: 1}
_EDITED = 5_000
_PATIENCE = 1800.0
_STOPWATCH = Path(__file__).with_name("stopwatch.py")
_LOG = "log.txt"
# Whoever wants more fails, instead of this machine.
_MEMORY = int(0.8 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))

Figures: t.TypeAlias = dict[str, t.Any]


def main() -> int:
    """Measure what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="make bench BENCH_ARGS=...",
        description="Measure the tap and others. Accounts that are not measured now stay in the "
        "results as they were.",
    )
    add = parser.add_argument
    add("--sizes", default="2000,20000,200000", metavar="N,M", help="bookings of the accounts")
    names = ",".join(CONTENDERS)
    add("--contenders", default=names, metavar="A,B", help=f"some of {names}")
    add("--rounds", type=int, help="runs of each with each account")
    add("--folder", type=Path, default=Path(__file__).parent, help="where the results go")
    options = parser.parse_args()
    chosen = {name: CONTENDERS[name] for name in options.contenders.split(",")}
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / "results.json"
    results: Figures = json.loads(file.read_text()) if file.exists() else {}
    for size in map(int, options.sizes.split(",")):
        with sandboxes.running(size) as account:
            taking_part = {n: c for n, c in chosen.items() if size <= c.largest}
            rounds = options.rounds or ROUNDS.get(size, 1)
            results[str(size)] = _account(account, size, taking_part, rounds)
        file.write_text(json.dumps(results, indent=1) + "\n")
        report.write(results, options.folder)
    return 0


def _account(
    account: SandboxProcess, size: int, contenders: dict[str, Contender], rounds: int
) -> Figures:
    """Let everybody sync an account in turn, and again after edits."""
    edited = min(_EDITED, size // 4)
    found: Figures = {"records": account.records, "edited": edited, "contenders": {}}
    found["load"] = round(os.getloadavg()[0], 1)
    with places.scratch() as folder:
        first = Job(folder, account.url, folder / OUTPUT)
        if any(not contender.syncs_again for contender in contenders.values()):
            _measure(tap(first), first, {})
        for number in range(rounds):
            for name, contender in contenders.items():
                job = Job(folder / f"{name}-{number}", account.url, first.messages)
                job.folder.mkdir()
                figures = _run(account, contender, job)
                _check(contender, contender.arrived(job), account.records)
                found["contenders"].setdefault(name, {"first": []})["first"].append(figures)
        account.edit(edited, "edited")
        for name, contender in contenders.items():
            if contender.syncs_again:
                last = folder / f"{name}-{rounds - 1}"
                job = Job(last, account.url, first.messages, second=True)
                found["contenders"][name]["second"] = _run(account, contender, job)
                _check(contender, contender.arrived(job, "edited"), edited)
    return found


def _run(account: SandboxProcess, contender: Contender, job: Job) -> Figures:
    account.requests()
    figures = _measure(contender.commands(job), job, contender.environment(job))
    figures["requests"] = account.requests()
    what = f"{contender.label}{', second sync' if job.second else ''}"
    megabytes = figures["megabytes"]
    sys.stderr.write(f"{time.strftime('%X')} {what}: {figures['seconds']:.1f} s, {megabytes} MB\n")
    return figures


def _measure(commands: list[list[str]], job: Job, environment: dict[str, str]) -> Figures:
    asked = {
        "commands": commands,
        "environment": places.environment(**environment),
        "folder": str(job.folder),
        "output": str(job.folder / OUTPUT),
        "log": str(job.folder / _LOG),
        "seconds": _PATIENCE,
        "memory": _MEMORY,
    }
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-S", str(_STOPWATCH)],
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(done.stdout)
    programs = found["programs"]
    if any(program["status"] != 0 for program in programs):
        sys.exit(job.folder.joinpath(_LOG).read_text(errors="replace")[-2000:])
    return {
        "seconds": round(found["seconds"], 2),
        "cpu_seconds": round(sum(program["cpu_seconds"] for program in programs), 2),
        "megabytes": [round(program["peak_bytes"] / 1e6) for program in programs],
    }


def _check(contender: Contender, arrived: int, expected: int) -> None:
    if arrived != expected:
        sys.exit(f"{contender.label}: {arrived:,} records arrived, not {expected:,}")


if __name__ == "__main__":
    sys.exit(main())
