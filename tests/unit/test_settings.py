import copy
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from singer_sdk.plugin_base import JSONSchemaValidator

from tap_oncehub.settings import DEFAULT_API_URL, SETTINGS, from_text, problems, tidy

KEY = "k3y-0123456789abcdef"


def found(config: dict[str, Any]) -> list[str]:
    """Name the problems of settings, made ready as the tap does."""
    tidy(config)
    return problems(config, JSONSchemaValidator(copy.deepcopy(SETTINGS)))


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("api_key", [None, "", " ", "''", '"\n"'], "is missing"),
        ("api_key", [0, 12345678, [KEY], {"key": KEY}], "must be text"),
        ("api_key", [f"{KEY} x", f"{KEY}\r\nX-Other: 1"], "has blanks, line breaks"),
        ("api_key", [f"{KEY}\x00", f"{KEY}é"], "characters"),
        ("api_url", ["api.oncehub.com", ""], "is not an address"),
        ("api_url", [5], "of the type string"),
        ("page_size", [0], "at least 1"),
        ("page_size", [101], "at most 100"),
        ("page_size", ["100", 10.5, True, KEY], "of the type integer"),
        ("lookback_seconds", [-1], "at least 0"),
        ("lookback_seconds", [10**15], "at most"),
        ("time_slots_days", [0], "at least 1"),
        ("time_slots_days", [10**6], "at most"),
        ("booking_ids", ["BKNG-1"], "of the type array"),
        ("booking_ids", [["BKNG-1", 5]], "item 2 must be of the type string"),
        ("booking_ids", [["../users"], ["BKC 1"], [""]], "item 1 contains invalid characters"),
        ("booking_calendar_ids", [[None]], "item 1 must be of the type string"),
        ("include_webhook_secrets", ["yes", 1], "of the type boolean"),
        ("rate_limit_per_second", [-1], "at least 0"),
        ("rate_limit_per_second", ["5/s"], "of the type number"),
        ("rate_limit_per_second", [math.inf, Decimal("NaN"), Decimal("1e400")], "finite"),
        ("rate_limit_per_window", [0.5], "of the type integer"),
        ("rate_limit_window_seconds", [0], "more than 0"),
        ("request_timeout_seconds", [0], "more than 0"),
        ("request_timeout_seconds", [10**9, 1e300], "at most"),
        ("max_wait_seconds", [-0.1], "at least 0"),
        ("user_agent", [""], "must not be empty"),
        ("user_agent", [" padded", "two\nlines", "one line\n"], "one line"),
        ("user_agent", ["ünïcode"], "plain text"),
        ("start_date", ["yesterday", "2026-02-30", ""], "is not a time"),
        ("start_date", [20260131], "of the type string"),
        ("emit_activate_version_messages", ["on"], "of the type boolean"),
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


def test_defaults_are_filled_in() -> None:
    config: dict[str, Any] = {"api_key": KEY, "page_size": None, "start_date": None}

    assert found(config) == []
    assert config == {
        "api_key": KEY,
        "api_url": "https://api.oncehub.com/v2",
        "page_size": 100,
        "lookback_seconds": 300,
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


@pytest.mark.parametrize("text", [" {}", "{}\r\n", '"{}"', "'{}'", ' " {} "\n', "\t{}\t"])
def test_key_that_is_wrapped(text: str) -> None:
    config = {"api_key": text.format(KEY)}
    assert found(config) == []
    assert config["api_key"] == KEY


@pytest.mark.parametrize("key", [f'"{KEY}', f"{KEY}'", f"\"{KEY}'", 'a"b'])
def test_key_with_a_quote_of_its_own(key: str) -> None:
    config = {"api_key": key}
    found(config)
    assert config["api_key"] == key


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
    before = copy.deepcopy(config)

    assert found(config) == []
    assert before.items() <= config.items()


# --- numbers and nulls


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
        ("5.0", "5.0"),
    ],
)
def test_numbers_become_plain_and_null_is_not_given(given: Any, used: Any) -> None:
    config = {"setting": given, "start_date": None}

    tidy(config)

    assert config == {"setting": used}
    assert type(config["setting"]) is type(used)


# --- the environment


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("api_key", "12345", "12345"),
        ("start_date", "2026-01-31", "2026-01-31"),
        ("page_size", "50", 50),
        ("page_size", " 50 ", 50),
        ("page_size", "", ""),
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
        ("booking_ids", "", []),
        ("stream_maps", '{"users": null}', {"users": None}),
        ("stream_maps", "{broken", "{broken"),
    ],
)
def test_text_from_the_environment_takes_the_declared_type(
    name: str, text: str, value: Any
) -> None:
    schema = {"properties": SETTINGS["properties"] | {"stream_maps": {"type": ["object", "null"]}}}

    read = from_text(name, text, schema)

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
        ("//example.com", "https"),
        ("https:example.com", "is not an address"),
        ("https://example.com:port", "is not an address"),
        ("https://example.com:0", "is not an address"),
        ("https://[::1", "is not an address"),
        ("https://.example.com", "is not an address"),
        ("https://*.example.com", "is not an address"),
        (f"https://{'a' * 64}.example.com", "is not an address"),
        ("https://exämple.com", "is not an address"),
        (" https://example.com", "is not an address"),
        ("https://example.com/v2 ", "is not an address"),
        ("https://exam\tple.com", "is not an address"),
        ("https://example.com\\@example.org", "is not an address"),
    ],
)
def test_any_other_address_is_refused(url: str, says: str) -> None:
    (sentence,) = found({"api_key": KEY, "api_url": url})

    assert sentence.startswith("api_url ")
    assert says in sentence.removesuffix(f"{DEFAULT_API_URL} is the usual one")


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
