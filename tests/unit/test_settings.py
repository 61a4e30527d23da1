import copy
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tap_oncehub.settings import DEFAULT_API_URL, SETTINGS, converted, doubts, problems
from tap_oncehub.tap import TapOnceHub

KEY = "k3y-0123456789abcdef"


SCHEMA = copy.deepcopy(SETTINGS)
TapOnceHub.append_builtin_config(SCHEMA)


def found(config: dict[str, Any]) -> list[str]:
    """Name the problems of settings, made ready as the tap does."""
    wrong = problems(converted(config, SCHEMA), SCHEMA)
    return [f"{name} {text}" for name, text in wrong.items()]


def doubted(config: dict[str, Any], **environment: str) -> str:
    return "\n".join(doubts({"api_key": KEY, **config}, SCHEMA, environment))


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("api_key", [None, "", " ", "''", '"\n"'], "is missing"),
        ("api_key", [0, 12345678, [KEY], {"key": KEY}], "of the type string"),
        ("api_key", [f"{KEY} x", f"{KEY}\r\nX-Other: 1"], "has blanks, line breaks"),
        ("api_key", [f"{KEY}\x00", f"{KEY}é"], "characters"),
        ("api_url", ["api.oncehub.com", ""], "is not an address"),
        ("api_url", [5], "of the type string"),
        ("page_size", [0], "at least 1"),
        ("page_size", [101], "at most 100"),
        ("page_size", ["many", "", "1.5", "[1]", 10.5, True, KEY], "of the type integer"),
        ("lookback_seconds", [-1], "at least 0"),
        ("lookback_seconds", [10**15], "at most"),
        ("time_slots_days", [0], "at least 1"),
        ("time_slots_days", [10**6], "at most"),
        ("booking_ids", [5, {}], "of the type array"),
        ("booking_ids", [["BKNG-1", 5]], "item 2 must be of the type string"),
        ("booking_ids", [["../users"], ["BKC 1"], [""]], "item 1 contains characters that"),
        ("booking_calendar_ids", [[None]], "item 1 must be of the type string"),
        ("include_webhook_secrets", ["perhaps", 1], "of the type boolean"),
        ("rate_limit_per_second", [-1], "at least 0"),
        ("rate_limit_per_second", ["5/s"], "of the type number"),
        (
            "rate_limit_per_second",
            [math.inf, Decimal("NaN"), Decimal("1e400"), "NaN"],
            "of the type number",
        ),
        ("rate_limit_per_window", [0.5], "of the type integer"),
        ("rate_limit_window_seconds", [0], "more than 0"),
        ("request_timeout_seconds", [0], "more than 0"),
        ("request_timeout_seconds", [10**9, 1e300], "at most"),
        ("max_wait_seconds", [-0.1], "at least 0"),
        ("user_agent", [""], "must not be empty"),
        ("user_agent", ["two\nlines", "ünïcode"], "contains characters that"),
        ("start_date", ["yesterday", "2026-02-30", ""], "is not a time"),
        ("start_date", [20260131], "of the type string"),
        ("full_pass_days", [-1], "at least 0"),
        ("emit_activate_version_messages", ["perhaps"], "of the type boolean"),
        ("stream_maps", ["{broken", "5"], "of the type object"),
    ],
)
def test_a_bad_setting_is_named_and_its_value_is_not(
    name: str, values: list[Any], says: str
) -> None:
    for value in values:
        (sentence,) = found({"api_key": KEY, name: value})

        assert sentence.startswith(f"{name} ")
        assert says in sentence
        assert "k3y" not in sentence
        assert "\n" not in sentence


def test_flattening_without_its_depth() -> None:
    assert found({"api_key": KEY, "flattening_enabled": True}) == [
        "flattening_max_depth is missing: flattening_enabled needs it"
    ]


def test_defaults_are_filled_in() -> None:
    tap = TapOnceHub(config={"api_key": KEY, "page_size": None, "start_date": None})

    assert tap.config == {
        "api_key": KEY,
        "api_url": "https://api.oncehub.com/v2",
        "page_size": 100,
        "lookback_seconds": 300,
        "full_pass_days": 7,
        "time_slots_days": 30,
        "include_webhook_secrets": False,
        "rate_limit_per_second": 5,
        "rate_limit_per_window": 200,
        "rate_limit_window_seconds": 300,
        "full_table_refresh_hours": 0,
        "per_object_refresh_hours": 24,
        "request_timeout_seconds": 60,
        "max_wait_seconds": 900,
        "emit_activate_version_messages": False,
    }


def test_discovery_does_without_what_is_wrong() -> None:
    tap = TapOnceHub(config={"rate_limit_per_second": "many"}, validate_config=False)

    assert tap.config["rate_limit_per_second"] == 5


@pytest.mark.parametrize("text", [" {}", "{}\r\n", '"{}"', "'{}'", ' " {} "\n', "\t{}\t"])
def test_key_that_is_wrapped(text: str) -> None:
    assert converted({"api_key": text.format(KEY)}, SCHEMA) == {"api_key": KEY}


@pytest.mark.parametrize("key", [f'"{KEY}', f"{KEY}'", f"\"{KEY}'", 'a"b'])
def test_key_with_a_quote_of_its_own(key: str) -> None:
    assert converted({"api_key": key}, SCHEMA) == {"api_key": key}


def test_good_settings_stay_as_they_are() -> None:
    config = {
        "api_key": KEY,
        "api_url": "https://proxy.example.com:8443/oncehub/v2/",
        "start_date": "2026-01-31",
        "page_size": 1,
        "lookback_seconds": 0,
        "booking_ids": [],
        "booking_calendar_ids": ["BKC-1_a"],
        "rate_limit_per_second": 0,
        "rate_limit_per_window": 0,
        "rate_limit_window_seconds": 0.5,
        "max_wait_seconds": 0,
        "user_agent": "our warehouse (data@example.com)",
        "stream_maps": {"users": {"email": "md5(email)"}},
    }

    assert found(config) == []
    assert converted(config, SCHEMA) == config


# --- numbers, nulls and texts


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (Decimal("2.5"), 2.5),
        (Decimal("100.0"), 100),
        (Decimal("1E+2"), 100),
        (100.0, 100),
        (0.25, 0.25),
        (7, 7),
        (True, True),
        ("2.5", 2.5),
        ("5.0", 5),
    ],
)
def test_numbers_become_plain_and_null_is_not_given(given: Any, used: Any) -> None:
    config = converted({"max_wait_seconds": given, "start_date": None, "unknown": 1}, SCHEMA)

    assert config == {"max_wait_seconds": used}
    assert type(config["max_wait_seconds"]) is type(used)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api_key", "12345", "12345"),
        ("start_date", "2026-01-31", "2026-01-31"),
        ("page_size", "50", 50),
        ("page_size", " 50 ", 50),
        ("page_size", "", ""),
        ("user_agent", " ours ", "ours"),
        ("rate_limit_per_second", "2.5", 2.5),
        ("include_webhook_secrets", "true", True),
        ("include_webhook_secrets", " True ", True),
        ("include_webhook_secrets", "yes", True),
        ("include_webhook_secrets", "FALSE", False),
        ("include_webhook_secrets", "off", False),
        ("include_webhook_secrets", "maybe", "maybe"),
        ("booking_ids", "BKNG-1", ["BKNG-1"]),
        ("booking_ids", "BKNG-1, BKNG-2,", ["BKNG-1", "BKNG-2"]),
        ("booking_ids", '["BKNG-1", "BKNG-2"]', ["BKNG-1", "BKNG-2"]),
        ("booking_ids", "17", ["17"]),
        ("booking_ids", "17,18", ["17", "18"]),
        ("booking_ids", "", []),
        ("stream_maps", '{"users": null}', {"users": None}),
        ("stream_maps", "{broken", "{broken"),
        ("stream_maps", "[" * 99_999, "[" * 99_999),
    ],
)
def test_text_takes_the_declared_type(name: str, text: str, value: Any) -> None:
    read = converted({name: text}, SCHEMA)[name]

    assert (read, type(read)) == (value, type(value))


# --- the address


@pytest.mark.parametrize(
    "url",
    [
        DEFAULT_API_URL,
        "HTTPS://Example.COM/v2",
        "https://example.com.:443/v2/",
        "https://[2001:db8::1]/v2",
        "http://LOCALHOST:8080/v2",
        "http://127.8.9.10",
        "http://[::1]:8080/v2",
    ],
)
def test_https_and_loopback_addresses_are_good(url: str) -> None:
    assert found({"api_key": KEY, "api_url": url}) == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        # the key would travel in the clear
        ("http://api.oncehub.com/v2", "https"),
        ("http://localhost.example.com", "https"),
        ("http://127.0.0.1.example.com", "https"),
        ("http://[2001:db8::1]", "https"),
        ("ftp://example.com", "https"),
        # or to a place that the address hides
        ("https://api.oncehub.com@example.com/v2", "plain address"),
        ("https://user:password@example.com", "plain address"),
        ("http://localhost@example.com", "plain address"),
        ("https://example.com/v2?key=1", "plain address"),
        ("https://example.com/v2#top", "plain address"),
        # no address at all
        ("https://", "is not an address"),
        ("//example.com", "is not an address"),
        ("https:example.com", "is not an address"),
        ("https://example.com:port", "is not an address"),
        ("https://[::1", "is not an address"),
        ("https://.example.com", "is not an address"),
        ("https://*.example.com", "is not an address"),
        ("https://exämple.com", "is not an address"),
        ("https://example .com/v2", "is not an address"),
        ("https://exam\tple.com", "is not an address"),
        ("https://example.com\\@example.org", "is not an address"),
        ("http://localhost\\.example.com", "is not an address"),
    ],
)
def test_any_other_address_is_refused(url: str, says: str) -> None:
    (sentence,) = found({"api_key": KEY, "api_url": url})

    assert sentence.startswith("api_url ")
    assert says in sentence.removesuffix(f"{DEFAULT_API_URL} is the usual one")


# --- what is probably meant otherwise


@pytest.mark.parametrize(
    ("unknown", "says"),
    [
        (["start_dat"], "start_dat (did you mean start_date?)"),
        (["batch_config"], "1 not shown"),
        ([KEY, "start_dat", "Start_Date"], "start_dat (did you mean start_date?), 2 not shown"),
        (["start_date" + "e" * 40], "1 not shown"),
    ],
)
def test_unknown_setting(unknown: list[str], says: str) -> None:
    assert doubted(dict.fromkeys(unknown)) == f"Ignoring unknown settings: {says}"


def test_misspelt_variable() -> None:
    told = "TAP_ONCEHUB_START_DAT (did you mean TAP_ONCEHUB_START_DATE?)"
    assert doubted({}, TAP_ONCEHUB_START_DAT="") == f"Ignoring unknown settings: {told}"


@pytest.mark.parametrize(
    "name",
    [
        "TAP_ONCEHUB_START_DATE",
        "TAP_ONCEHUB_LOGLEVEL",
        # What Meltano 4.4 exports, also for a tap-oncehub-eu that inherits.
        "TAP_ONCEHUB__SELECT",
        "TAP_ONCEHUB_STREAM_MAPS_USERS_FIRST_NAME",
        "TAP_ONCEHUB_STREAM_MAP_CONFIG_HASH_SEED",
        "TAP_ONCEHUB_EU_START_DATE",
        "TAP_ONCEHUB_EU__SELECT_FILTER",
        "TAP_ONCEHUB_EU_STREAM_MAPS_USERS_EMAIL",
        "START_DAT",
    ],
)
def test_other_variable(name: str) -> None:
    assert doubted({}, **{name: "x"}) == ""


def test_start_date_in_the_future() -> None:
    assert "start_date is in the future" in doubted({"start_date": "2999-01-01"})
    assert doubted({"start_date": "2026-01-01"}) == ""


def test_a_file_of_some_folder_above_does_not_override_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TAP_ONCEHUB_API_KEY=from-file\nTAP_ONCEHUB_PAGE_SIZE=7\n")
    below = tmp_path / "below"
    below.mkdir()
    show = "from tap_oncehub.tap import TapOnceHub as T; print(T.cb_config(None, None, ()).config)"
    done = subprocess.run(
        [sys.executable, "-c", show],
        cwd=below,
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={"PATH": "/usr/bin:/bin", "TAP_ONCEHUB_API_KEY": "from-environment"},
    )
    assert "from-environment" in done.stdout
    assert "page_size" not in done.stdout
