"""The limits that all taps on a machine keep together, in a file."""

from __future__ import annotations

import logging
import sqlite3
import stat
import time
import typing as t
from contextlib import closing

import pytest

from tap_oncehub.engine import limiter as limiter_module
from tap_oncehub.engine.limiter import RequestLimiter
from tap_oncehub.tap import TapOnceHub

if t.TYPE_CHECKING:
    from pathlib import Path

WINDOW = 300.0
HALF = 100
OLD_TABLES = """
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, tick REAL NOT NULL, wall REAL NOT NULL
);
CREATE TABLE machine (id INTEGER PRIMARY KEY, salt BLOB NOT NULL, not_before REAL NOT NULL);
INSERT INTO requests VALUES (1, 'hash', 5.0, 6.0);
INSERT INTO machine VALUES (1, x'00', 1e9);
"""


class Clock:
    """The wall clock of the machine."""

    now = 1.8e9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(time, "time", lambda: made.now)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "requests.sqlite"


def tap(file: Path, key: str = "key", per_second: float = 0) -> RequestLimiter:
    return RequestLimiter(per_second, 200, WINDOW, file=file, key=key)


def send(limiter: RequestLimiter, requests: int) -> None:
    for _ in range(requests):
        assert limiter.try_acquire() == 0
        limiter.mark_completed()


def test_the_window_is_shared_by_all_keys(file: Path, clock: Clock) -> None:
    one, other = tap(file, "one"), tap(file, "other")
    send(one, HALF)
    clock.now += 100
    send(other, HALF)

    assert one.left == other.left == 0
    assert one.try_acquire() == other.try_acquire() == pytest.approx(200)

    clock.now += 200
    assert one.left == other.left == HALF


def test_the_rate_is_shared_by_taps_of_one_key_only(file: Path, clock: Clock) -> None:
    send(tap(file, "one", 5), 5)

    assert tap(file, "one", 5).try_acquire() > 0
    assert tap(file, "other", 5).try_acquire() == 0


def test_a_killed_tap_has_used_what_it_has_used(file: Path, clock: Clock) -> None:
    for _ in range(10):
        killed = tap(file, per_second=5)
        send(killed, 1)
        clock.now += 0.1
        assert killed.try_acquire() == 0  # the kill comes before the response
        del killed
        clock.now += 6.1

    assert tap(file).left == 180
    clock.now += WINDOW + 5
    assert tap(file).left == 200


def test_a_slow_request_of_another_tap_counts_until_its_response(file: Path, clock: Clock) -> None:
    one, other = tap(file, per_second=1), tap(file, per_second=1)
    assert one.try_acquire() == 0
    clock.now += 3
    assert other.try_acquire() > 0
    one.mark_completed()
    clock.now += 0.9
    assert other.try_acquire() == pytest.approx(0.1)


@pytest.mark.parametrize("jump", [-1e6, -100, -1])
def test_a_clock_that_is_set_back_costs_a_window_at_most(
    file: Path, clock: Clock, jump: float
) -> None:
    send(tap(file), 200)
    clock.now += jump

    assert WINDOW - 200 < tap(file).try_acquire() <= WINDOW + 1
    clock.now += WINDOW + 1
    send(tap(file), 200)


def test_a_refusal_makes_the_other_taps_wait_a_window_at_most(file: Path, clock: Clock) -> None:
    one, other = tap(file, "one"), tap(file, "other")
    send(one, HALF)
    assert 42 <= one.on_rate_limited(42.0) < 43
    assert 42 <= other.try_acquire() < 43
    assert other.left == 0

    assert one.on_rate_limited(86_400.0) > 86_000
    assert other.try_acquire() == pytest.approx(WINDOW)


def test_a_second_tap_goes_on_when_the_wait_is_over(file: Path, clock: Clock) -> None:
    one, other = tap(file), tap(file)
    wait = one.on_rate_limited(None)
    clock.now += wait + 0.001

    assert other.try_acquire() == 0
    assert one.try_acquire() > 0  # the rest of the window is somebody else's, as far as is known


def test_the_file_is_the_users_alone_and_has_no_key(file: Path) -> None:
    send(tap(file, "a-very-secret-key"), 3)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"a-very-secret-key" not in file.read_bytes()


@pytest.mark.parametrize(
    ("url", "counted"), [("http://localhost:9/v2", False), ("https://oncehub.invalid/v2", True)]
)
def test_only_requests_to_oncehub_are_counted_in_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, *, counted: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    TapOnceHub(config={"api_key": "key", "api_url": url}).run.client.limiter.try_acquire()

    assert (tmp_path / "tap-oncehub/requests.sqlite").exists() is counted


def without_a_folder(file: Path) -> None:
    file.parent.rmdir()
    file.parent.write_text("no folder")


def locked(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def of_another_form(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE sent (another_form)")


SPOILT: dict[str, t.Callable[[Path], t.Any]] = {
    "damaged": lambda file: file.write_bytes(b"no database at all" * 100),
    "a folder": lambda file: file.mkdir(),  # refused to root as well, who may write everywhere
    "without a folder": without_a_folder,
    "of another form": of_another_form,
    "locked": locked,
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_file_that_cannot_be_used_costs_one_warning(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(limiter_module, "_LOCKED_SECONDS", 0.1)
    file.parent.mkdir()
    spoilt = SPOILT[name](file)

    with caplog.at_level(logging.WARNING):
        limiter = tap(file)
        send(limiter, 200)

    assert limiter.try_acquire() > 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert str(file) in caplog.text
    if isinstance(spoilt, sqlite3.Connection):
        spoilt.close()


@pytest.mark.parametrize("moment", ["'noon'", "x'00'", "9e999", "-9e999"])
def test_a_moment_that_is_none_counts_as_now_or_not_at_all(
    file: Path, clock: Clock, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    send(tap(file), 199)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE sent SET moment = {moment} WHERE id < 100")
        connection.commit()

    limiter = tap(file)
    assert limiter.left == (100 if moment == "-9e999" else 1)
    send(limiter, 1)
    limiter.on_rate_limited(1.0)
    clock.now += WINDOW + 1
    assert limiter.left == 200
    assert not caplog.records


def test_the_file_of_an_older_version_serves_both(file: Path, clock: Clock) -> None:
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(OLD_TABLES)

    send(tap(file), 3)

    assert tap(file).left == 197
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute("SELECT key, tick, wall FROM requests")
    assert found == ("hash", 5.0, 6.0)


def test_a_disk_that_is_full_later_costs_one_warning(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = tap(file)
    send(limiter, 3)
    connection = limiter._log._connection
    assert connection is not None
    ((pages,),) = connection.execute("PRAGMA page_count")
    connection.execute(f"PRAGMA max_page_count = {pages}")

    send(limiter, 250)

    assert len(caplog.records) == 1
    assert "full" in caplog.text
