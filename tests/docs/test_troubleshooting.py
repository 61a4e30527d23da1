"""docs/troubleshooting.md: its messages are those of real runs.

All runs go beside each other: most of their time is the start of a process.
"""

from __future__ import annotations

import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, network, programs, raw

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

PAGE = programs.ROOT.joinpath("docs/troubleshooting.md").read_text("utf-8")
AT_ONCE = 3
ANY = "..."
SECURE = "self-signed"
"""Stands for the address of a server whose certificate nobody has signed."""
ELSEWHERE = "elsewhere"
"""Stands for the address of a server that is not OnceHub's."""
FOREVER: dict[str, t.Any] = {"times": None, "seconds": 3.0}


@dataclass
class Trouble:
    """What brings about the message.

    The fault is one of the sandbox's, with its path; a catalog of None selects what the tap
    selects itself; `status` is the exit status.
    """

    settings: dict[str, t.Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    fault: tuple[str, str] | None = None
    switches: dict[str, t.Any] = field(default_factory=dict)
    catalog: dict[str, t.Any] | None = None
    status: int = 1


UNKNOWN = {"booking_ids": ["BKNG-NONE"]}
OFFICIAL = {"api_url": "https://api.oncehub.com/v2"}
REFUSED = Trouble({"rate_limit_window_seconds": 1}, fault=("429", "*"))
NO_PROXY = Trouble(OFFICIAL, {"HTTPS_PROXY": "http://127.0.0.1:9"})
TROUBLES: dict[str, list[Trouble]] = {
    "The key is missing": [Trouble({"api_key": ""})],
    "401: the key is not accepted": [Trouble({"api_key": "wrong"})],
    "403: the plan": [
        Trouble(switches={"plan_without_api": True}),
        Trouble(switches={"plan_without_sms": True}),
    ],
    "404: not the API's address": [
        Trouble({"api_url": ELSEWHERE}),
        Trouble({"api_url": "/v2"}),
    ],
    "404: a single object": [
        Trouble(UNKNOWN, catalog=inside.catalog("booking", settings=UNKNOWN), status=0)
    ],
    "A redirect": [Trouble(fault=("308", "*"))],
    "429: rate-limited": [REFUSED, REFUSED],
    "No answer at all": [Trouble({"api_url": "https://oncehub.invalid/v2"})],
    "A proxy": [NO_PROXY, Trouble(OFFICIAL, {"HTTPS_PROXY": "socks5://127.0.0.1:9"})],
    "A certificate that cannot be trusted": [
        Trouble({"api_url": SECURE}),
        Trouble({"api_url": SECURE}, {"REQUESTS_CA_BUNDLE": "nowhere.pem"}),
    ],
    "Time-outs and broken answers": [
        Trouble({"request_timeout_seconds": 0.5}, fault=("timeout", "/contacts"))
    ],
    "Some streams failed": [Trouble(fault=("503", "/contacts"))],
    "A field is new": [Trouble(status=0)],
}
ELSEWHERE_TESTED = (
    "The loader has ended",  # test_bad_input.py
    "The DuckDB file is open elsewhere",  # test_make_run.py
    "PostgreSQL lets nobody in",  # test_check.py
    "The state of another account",  # test_hostile.py
    "Stopped by a signal",  # test_resume.py
    "This is a bug of tap-oncehub",  # test_secrecy.py
)


def sections() -> dict[str, str]:
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts}


def messages(heading: str) -> list[str]:
    return re.findall(r"^```text\n(.*)\n```", sections()[heading], re.MULTILINE)


CASES = [
    pytest.param(heading, number, id=f"{heading} {number}")
    for heading, troubles in TROUBLES.items()
    for number, _ in enumerate(troubles)
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    certificate = network.make_certificate(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    with (
        raw.raw_server(raw.website) as website,
        network.serving(network.secure(9, certificate)) as secure,
    ):
        yield {
            ELSEWHERE: f"http://127.0.0.1:{website.port}/wrong",
            SECURE: f"https://127.0.0.1:{secure.port}/v2",
        }


def play(trouble: Trouble, servers: dict[str, str], folder: Path) -> programs.Run:
    account = Account(seed=1, bookings=5, nasty=False)
    account.edit("contacts", account.objects("contacts")[0]["id"], colour="green")
    with Sandbox(account, key=programs.KEY, **trouble.switches) as api:
        if trouble.fault:
            api.faults.add(*trouble.fault, **FOREVER)
        settings = {"max_wait_seconds": 1, **trouble.settings}
        given = settings.pop("api_url", "")
        address = servers.get(given, given)
        url = address if address.startswith("http") else api.url + address
        made = programs.settings_for(url, **settings)
        return programs.run_tap(folder, made, catalog=trouble.catalog, env=trouble.env)


@pytest.fixture(scope="module")
def played(
    servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, int], Future[programs.Run]]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (heading, number): pool.submit(
                play, trouble, servers, tmp_path_factory.mktemp("trouble")
            )
            for heading, troubles in TROUBLES.items()
            for number, trouble in enumerate(troubles)
        }


@pytest.mark.parametrize(("heading", "number"), CASES)
def test_the_message_is_that_of_a_real_run(
    played: dict[tuple[str, int], Future[programs.Run]], heading: str, number: int
) -> None:
    run = played[heading, number].result()
    assert run.status == TROUBLES[heading][number].status, run.log
    pattern = ".+?".join(map(re.escape, messages(heading)[number].split(ANY)))
    said = [line.split(" | ", 3)[-1] for line in run.log.splitlines()]
    assert any(re.fullmatch(pattern, line) for line in said), (pattern, run.log)
    if run.status:
        assert "| ERROR" in run.log.splitlines()[-1]


def test_every_message_is_tested() -> None:
    for heading in sections():
        shown = len(messages(heading))
        assert shown == len(TROUBLES.get(heading, [])) or heading in ELSEWHERE_TESTED
