"""Bad input, networks and outputs of every kind: one line that says what to do, and status 1.

What else settings, catalogs and states can get wrong: tests/unit/test_settings.py and
test_catalog.py; what the troubleshooting page names: tests/docs/test_messages.py.
"""

import json
import os
import re
import signal
import subprocess
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, network, programs

WRONG = {
    "start_date": "yesterday",
    "page_size": 101,
    "booking_ids": ["../users"],
    "include_webhook_secrets": "perhaps",
    "user_agent": "x\r\nAPI-Key: y",
    "api_url": "http://api.oncehub.com/v2",
}
BY_SUBJECT = {"replication-key": "subject", "replication-method": "INCREMENTAL"}
UNKNOWN = {"streams": [{"tap_stream_id": "nosuch", "schema": {"properties": {}}}]}
CASES: dict[str, tuple[dict[str, t.Any], list[str]]] = {
    "everything at once": (WRONG, [f"{name} " for name in WRONG]),
    "an unknown stream": (
        {"--catalog": json.dumps(UNKNOWN)},
        ["unknown stream 'nosuch'; known are: ", " bookings, "],
    ),
    "a key that cannot be filtered by": (
        {"--catalog": json.dumps(inside.catalog("bookings", metadata={"bookings": BY_SUBJECT}))},
        ["The catalog asks for bookings", "possible replication keys: "],
    ),
    "settings that are binary": ({"--config": "\udcff\x00"}, ["are not a JSON object"]),
    "no settings file": ({"--config": None}, ["The settings cannot be", "no such file"]),
    "no catalog file": ({"--catalog": None}, ["catalog.json", "No such file"]),
    "an unknown option": ({"--bogus": None}, ["No such option", "--bogus"]),
    "no TLS at the other end": ({"api_url": "https"}, ["a secure connection was not possible"]),
}
"""What differs from good settings, files by their option, and what the one error line says."""


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        yield api


def told(run: programs.Run) -> str:
    """Return the one line of an error, which is the last."""
    assert run.status == 1, run.log
    (error,) = run.errors
    assert "Traceback" not in run.log
    *_, last = [line for line in run.log.splitlines() if not re.search(r"\| INFO  ", line)]
    assert last == error
    assert len(error) < 2000
    return error


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_to_do(tmp_path: Path, api: Sandbox, name: str) -> None:
    given, says = CASES[name]
    config = programs.settings_for(api.url, max_wait_seconds=1)
    config |= {key: value for key, value in given.items() if not key.startswith("--")}
    if config["api_url"] == "https":
        config["api_url"] = api.url.replace("http:", "https:")
    api.reset_log()
    arguments = []
    for option, text in {"--config": json.dumps(config), **given}.items():
        if option.startswith("--"):
            file = tmp_path / f"{option[2:]}.json"
            if text is not None:
                file.write_bytes(text.encode(errors="surrogateescape"))
            arguments += [option, str(file)]
    run = programs.fork_tap(tmp_path, *arguments)
    error = told(run)
    assert all(part in error for part in says), error
    assert not api.log
    assert not [m for m in run.messages if m["type"] == "RECORD"]


def test_variables_without_a_key_and_a_number(tmp_path: Path) -> None:
    error = told(programs.fork_tap(tmp_path, TAP_ONCEHUB_PAGE_SIZE="many"))
    assert "api_key is missing: set TAP_ONCEHUB_API_KEY, in the" in error
    assert "page_size is not usable" in error


def test_key_check_is_one_request_and_names_no_account(tmp_path: Path, api: Sandbox) -> None:
    api.reset_log()
    run = programs.run_tap(tmp_path, programs.settings_for(api.url), "--test")
    assert [entry.path for entry in api.log] == ["/v2/test"]
    assert (run.status, run.output) == (0, b"The API key is valid.\n")


def test_batches_of_files_are_not_written(tmp_path: Path, api: Sandbox) -> None:
    batch = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}}
    assert len(inside.sync(api, "bookings", batch_config=batch).records("bookings")) == 10


# --- proxies and certificates, as the environment names them


NAME = "oncehub.invalid"
"""A host that no name service knows: only a proxy leads to it."""
PROXY = {"HTTPS_PROXY": "http://127.0.0.1:{proxy.port}"}
BUNDLE = {"REQUESTS_CA_BUNDLE": "{certificate}"}
NO_WAY = {
    "the host name is not known": (NAME, {**PROXY, "NO_PROXY": f"localhost,{NAME}"}),
    "(self-signed certificate). Behind a proxy that inspects traffic, set ": (NAME, PROXY),
    "is not valid for 'localhost'": ("localhost", BUNDLE),
    "REQUESTS_CA_BUNDLE": ("127.0.0.1", {"REQUESTS_CA_BUNDLE": __file__}),
    "not usable. Check HTTPS_PROXY.": (NAME, {"HTTPS_PROXY": "http://127.0.0.1:port"}),
    "the proxy does not work.": (NAME, {"HTTPS_PROXY": "http://user:password@127.0.0.1:9"}),
}


class Way(t.NamedTuple):
    """What stands between the tap and the sandbox."""

    front: network.Tunnels
    proxy: network.Tunnels
    certificate: Path

    def run(self, folder: Path, env: dict[str, str], host: str = NAME) -> programs.Run:
        """Run the tap, with the name of the sandbox's host."""
        settings = programs.settings_for(f"https://{host}:{self.front.port}/v2", max_wait_seconds=1)
        variables = {name: text.format(**self._asdict()) for name, text in env.items()}
        return programs.run_tap(folder, settings, env=variables)


@pytest.fixture(scope="module")
def way(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    certificate = network.make_certificate(tmp_path_factory.mktemp("certificate"), NAME)
    port = int(api.url.split(":")[2].partition("/")[0])
    with (
        network.serving(network.secure(port, certificate)) as front,
        network.serving(network.Tunnels()) as proxy,
    ):
        yield Way(front, proxy, certificate)


def test_sync_through_a_proxy(tmp_path: Path, api: Sandbox, way: Way) -> None:
    done = way.run(tmp_path, PROXY | BUNDLE)
    assert done.status == 0, done.log
    found = [row["id"] for row in done.records("bookings")]
    assert found == [item["id"] for item in api.account.objects("bookings")]
    assert set(way.proxy.asked) == {f"{NAME}:{way.front.port}"}


@pytest.mark.parametrize("says", NO_WAY)
def test_a_way_that_cannot_work_is_told(tmp_path: Path, way: Way, says: str) -> None:
    host, env = NO_WAY[says]
    done = way.run(tmp_path, env, host)
    assert says in told(done)
    assert "password" not in done.log
    assert "certificate" not in says or "retry" not in done.log


# --- signals before the first request, an output that takes nothing


@pytest.mark.parametrize(
    ("number", "argument", "delay"),
    [
        (signal.SIGINT, "--discover", 0),
        (signal.SIGINT, "--discover", 0.3),
        (signal.SIGTERM, "--version", 0.1),
        (signal.SIGTERM, "--test", 0.6),
    ],
)
def test_signal_at_any_moment(number: int, argument: str, delay: float) -> None:
    env, pipe = programs.environment(TAP_ONCEHUB_API_KEY="k"), subprocess.PIPE
    command = [programs.TAP, argument]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=env) as tap:
        while tap.poll() is None and not is_ready(tap.pid):
            time.sleep(0.001)
        time.sleep(delay)
        tap.send_signal(number)
        output, log = tap.communicate(timeout=programs.PATIENCE)
    assert b"Traceback" not in log
    interrupted = [line for line in log.splitlines() if b"Interrupted" in line]
    if delay < 0.2 or tap.returncode == 128 + number:
        assert (tap.returncode, len(interrupted)) == (128 + number, 1)
        assert log.splitlines()[-1:] == interrupted
        assert output[-1:] in {b"", b"\n"}
    else:  # it had ended before
        assert not interrupted


def is_ready(pid: int) -> bool:
    """Whether the tap's own handler is set: before, Python itself answers a SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.parametrize(
    ("argument", "unbuffered", "says"),
    [
        ("--discover", "", "Standard output cannot be written: No space left on device."),
        ("--test=schema", "1", "Standard output cannot be written: No space left on device."),
        ("", "", "The loader has ended: see its own messages."),
    ],
)
def test_output_that_takes_nothing(
    tmp_path: Path, api: Sandbox, argument: str, unbuffered: str, says: str
) -> None:
    command = programs.tap_command(
        tmp_path, programs.settings_for(api.url), *filter(None, [argument])
    )
    read, write = os.pipe()
    os.close(read)
    full = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(
        command,
        check=False,
        stdout=full if argument else write,
        stderr=subprocess.PIPE,
        env=programs.environment(PYTHONUNBUFFERED=unbuffered),
    )
    os.close(write)
    os.close(full)
    assert told(programs.Run(done.returncode, b"", done.stderr.decode())).endswith(f"| {says}")


def test_level_of_the_log_that_does_not_exist(tmp_path: Path) -> None:
    run = programs.fork_tap(tmp_path, "--discover", TAP_ONCEHUB_LOGLEVEL="nonsense")
    assert (run.status, run.output) == (1, b"")
    assert run.log == "LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or CRITICAL.\n"
