"""Logs hold neither the API key nor a customer's address, in any run of the tests."""

import re
import subprocess
import typing as t
from pathlib import Path

KEY = "sandbox-key-7c1f9a"
_ADDRESS = re.compile(rb"[\w.+-]+@[\w-]+\.[\w.-]+")
_PROGRAMS = ("tap-oncehub", "target-duckdb", "meltano")

Communicate: t.TypeAlias = t.Callable[..., tuple[t.Any, t.Any]]


def assert_discreet(log: bytes | str | None) -> None:
    """Find neither the key nor anything that looks like an e-mail address in a log."""
    text = _bytes(log)
    assert KEY.encode() not in text, "the log holds the API key"
    found = _ADDRESS.search(text)
    assert found is None, f"the log holds an address: {found}"


def _bytes(text: bytes | str | None) -> bytes:
    return text.encode() if isinstance(text, str) else text or b""


def watching(communicate: Communicate) -> Communicate:
    """Wrap ``Popen.communicate``, through which all runs of programs pass."""

    def watched(
        process: subprocess.Popen[bytes], *args: t.Any, **kwargs: t.Any
    ) -> tuple[t.Any, t.Any]:
        output, log = communicate(process, *args, **kwargs)
        if _program(process) in _PROGRAMS:
            assert_discreet(log)
            assert KEY.encode() not in _bytes(output), "the output holds the API key"
        return output, log

    return watched


def _program(process: subprocess.Popen[bytes]) -> str:
    args = process.args
    first = args[0] if isinstance(args, (list, tuple)) else args
    return Path(str(first)).name
