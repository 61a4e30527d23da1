"""Proxies and certificates, as the environment names them."""

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Account, Sandbox
from tests.support import network, programs

NAME = "oncehub.invalid"
"""A host that no name service knows: only a proxy leads to it."""
PROXY = {"HTTPS_PROXY": "http://127.0.0.1:{proxy.port}"}
NOT_USABLE = "the proxy is not usable. Check HTTPS_PROXY."


class Way(t.NamedTuple):
    """What stands between the tap and the sandbox."""

    api: Sandbox
    front: network.Tunnels
    proxy: network.Tunnels
    certificate: Path

    def run(self, folder: Path, env: dict[str, str], host: str = NAME) -> programs.Run:
        """Run the tap, with the name of the sandbox's host."""
        url = f"https://{host}:{self.front.port}/v2"
        settings = programs.settings_for(url, max_wait_seconds=1, page_size=5)
        variables = {name: text.format(**self._asdict()) for name, text in env.items()}
        return programs.run_tap(folder, settings, env=variables)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    certificate = network.make_certificate(tmp_path_factory.mktemp("certificate"), NAME)
    with Sandbox(Account(seed=1, bookings=10), key=programs.KEY) as api:
        port = int(api.url.split(":")[2].partition("/")[0])
        with (
            network.serving(network.secure(port, certificate)) as front,
            network.serving(network.Tunnels()) as proxy,
        ):
            yield Way(api, front, proxy, certificate)


def test_sync_through_a_proxy(tmp_path: Path, way: Way) -> None:
    way.proxy.asked.clear()
    done = way.run(tmp_path, {**PROXY, "REQUESTS_CA_BUNDLE": "{certificate}"})
    assert done.status == 0, done.log
    found = [row["id"] for row in done.records("bookings")]
    assert found == [item["id"] for item in way.api.account.objects("bookings")]
    assert way.proxy.asked == [f"{NAME}:{way.front.port}"]


@pytest.mark.parametrize(
    ("host", "env", "says"),
    [
        (NAME, {**PROXY, "NO_PROXY": f"localhost,{NAME}"}, "the host name is not known"),
        (NAME, PROXY, "(self-signed certificate). Behind a proxy that inspects traffic, set "),
        ("localhost", {"REQUESTS_CA_BUNDLE": "{certificate}"}, "is not valid for 'localhost'"),
        ("127.0.0.1", {"REQUESTS_CA_BUNDLE": "nowhere.pem"}, "REQUESTS_CA_BUNDLE"),
        ("127.0.0.1", {"REQUESTS_CA_BUNDLE": __file__}, "REQUESTS_CA_BUNDLE"),
        (NAME, {"HTTPS_PROXY": "socks5://127.0.0.1:9"}, NOT_USABLE),
        (NAME, {"HTTPS_PROXY": "http://127.0.0.1:port"}, NOT_USABLE),
        (NAME, {"HTTPS_PROXY": "http://user:password@127.0.0.1:9"}, "the proxy does not work."),
    ],
)
def test_what_cannot_work_is_told(
    tmp_path: Path, way: Way, host: str, env: dict[str, str], says: str
) -> None:
    done = way.run(tmp_path, env, host)
    assert done.status == 1
    (error,) = done.errors
    assert says in error
    assert "password" not in done.log
    assert "Traceback" not in done.log
    if "certificate" in says:
        assert "retry" not in done.log
