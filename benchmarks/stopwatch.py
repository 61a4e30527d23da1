"""Run a pipeline of programs to its end, and say how long it took and how much memory.

A program of its own, with nothing but the standard library: Linux counts the memory of
whoever starts a process as the process's, so that whoever starts it must be small.

    python -I -S stopwatch.py < pipeline.json

The input has `commands` (a list of argument lists; each reads what the one before
writes), `environment`, `folder`, `output` (a file for the last one's output),
`log` (a file for what all of them say), `seconds` (the patience) and perhaps `memory`
(bytes that each process may map). The output has
`seconds`, and for each program its exit `status`, `cpu_seconds` and `peak_bytes`: the
most memory that the program, or any one process that it started and waited for, had
in use at once (ru_maxrss of wait4). `status` is null where patience ran out.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from typing import Any

_KIB = 1024


def main() -> None:
    """Do what standard input says."""
    asked = json.load(sys.stdin)
    with open(asked["output"], "wb") as output, open(asked["log"], "ab") as log:  # noqa: PTH123
        json.dump(_measure(asked, output, log), sys.stdout)


def _measure(asked: dict[str, Any], output: Any, log: Any) -> dict[str, Any]:
    if "memory" in asked:
        resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
    started = time.perf_counter()
    processes: list[subprocess.Popen[bytes]] = []
    for number, command in enumerate(asked["commands"], 1):
        before = processes[-1].stdout if processes else subprocess.DEVNULL
        after = output if number == len(asked["commands"]) else subprocess.PIPE
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=before,
            stdout=after,
            stderr=log,
            env=asked["environment"],
            cwd=asked["folder"],
            start_new_session=True,
        )
        if processes and processes[-1].stdout:
            processes[-1].stdout.close()
        processes.append(process)
    patience = _Patience(processes, asked["seconds"])
    ended = [_wait(process, patience) for process in processes]
    signal.alarm(0)
    return {"seconds": time.perf_counter() - started, "programs": ended}


class _Patience:
    """Kills all programs when their time is over."""

    def __init__(self, processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
        self._processes = processes
        self.over = False
        signal.signal(signal.SIGALRM, self._end)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def _end(self, *_: object) -> None:
        self.over = True
        for process in self._processes:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], patience: _Patience) -> dict[str, Any]:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "status": None if patience.over else process.returncode,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * _KIB,
    }


if __name__ == "__main__":
    main()
