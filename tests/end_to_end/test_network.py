"""Proxies and certificates, as the environment names them."""

from __future__ import annotations

import typing as t

import pytest

from sandbox import Account, Sandbox
from tests.support import inside, network, programs

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "oncehub.invalid"
"""A host that no name service knows: only a proxy leads to it."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(network.make_certificate(tmp_path_factory.mktemp("certificate"), NAME))


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        yield api


@pytest.fixture(scope="module")
def front(api: Sandbox, certificate: str) -> Iterator[network.Tunnels]:
    port = int(api.url.rpartition(":")[2].partition("/")[0])
    with network.serving(network.secure(port, certificate)) as front:
        yield front


@pytest.fixture
def proxy() -> Iterator[network.Tunnels]:
    with network.serving(network.Tunnels()) as proxy:
        yield proxy


def run(folder: Path, host: str, port: int, **env: str) -> programs.Run:
    settings = programs.settings_for(f"https://{host}:{port}/v2", max_wait_seconds=1, page_size=5)
    return programs.run_tap(folder, settings, env=env)


def test_a_whole_sync_through_a_proxy(
    tmp_path: Path, api: Sandbox, front: network.Tunnels, proxy: network.Tunnels, certificate: str
) -> None:
    env = {"https_proxy": f"http://127.0.0.1:{proxy.port}", "REQUESTS_CA_BUNDLE": certificate}
    done = run(tmp_path, NAME, front.port, **env)
    assert done.status == 0, done.log
    found = [row["id"] for row in done.records("bookings")]
    assert found == [item["id"] for item in api.account.objects("bookings")]
    assert proxy.asked == [f"{NAME}:{front.port}"]


def test_no_proxy_where_the_environment_says_so_or_for_a_loopback_address(
    tmp_path: Path, api: Sandbox, front: network.Tunnels, proxy: network.Tunnels
) -> None:
    address = f"http://127.0.0.1:{proxy.port}"
    env = {"HTTPS_PROXY": address, "NO_PROXY": f"localhost,{NAME}"}
    done = run(tmp_path, NAME, front.port, **env)
    assert done.status == 1
    assert "the host name is not known" in done.errors[0]
    env = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), address)
    assert inside.spawn(tmp_path, api, "users", env=env).status == 0
    assert proxy.asked == []


UNTRUSTED = (
    "its certificate cannot be trusted (self-signed certificate). Behind a proxy that inspects "
    "traffic, set REQUESTS_CA_BUNDLE to the file with the proxy's certificate."
)
PROXY = "the proxy is not usable. Check HTTPS_PROXY."


@pytest.mark.parametrize(
    ("host", "env", "says"),
    [
        (
            "localhost",
            {"REQUESTS_CA_BUNDLE": "certificate"},
            "Hostname mismatch, certificate is not valid for 'localhost'",
        ),
        (
            "127.0.0.1",
            {},
            UNTRUSTED,
        ),
        ("127.0.0.1", {"REQUESTS_CA_BUNDLE": "nowhere.pem"}, "REQUESTS_CA_BUNDLE"),
        ("127.0.0.1", {"REQUESTS_CA_BUNDLE": __file__}, "REQUESTS_CA_BUNDLE"),
        (NAME, {"HTTPS_PROXY": "socks5://127.0.0.1:9"}, PROXY),
        (NAME, {"HTTPS_PROXY": "http://127.0.0.1:port"}, PROXY),
        (NAME, {"HTTPS_PROXY": "http://"}, PROXY),
        (
            NAME,
            {"HTTPS_PROXY": "http://user:password@127.0.0.1:9"},
            "the proxy does not work. Check the network, the proxy and api_url",
        ),
    ],
)
def test_what_cannot_work_is_told(
    tmp_path: Path,
    front: network.Tunnels,
    certificate: str,
    *,
    host: str,
    env: dict[str, str],
    says: str,
) -> None:
    given = {key: certificate if value == "certificate" else value for key, value in env.items()}
    done = run(tmp_path, host, front.port, **given)
    assert done.status == 1
    (error,) = done.errors
    assert says in error
    assert "password" not in done.log
    assert "Traceback" not in done.log
