"""Settings: read from texts, checked without quoting a value, doubted where misspelt."""

import typing as t
from pathlib import Path

import pytest

from tap_oncehub.settings import DEFAULT_API_URL, converted, doubts, problems
from tap_oncehub.tap import TapOnceHub
from tests.support import programs

KEY = "k3y-0123456789abcdef"


def found(config: dict[str, t.Any]) -> list[str]:
    """Name the problems of settings, made ready as the tap does."""
    wrong = problems(converted({"api_key": KEY, **config}))
    return [f"{name} {text}" for name, text in wrong.items()]


ODD_URLS = [
    # Over which the key would travel in the clear
    *("http://api.oncehub.com/v2", "http://localhost.example.com", "http://[2001:db8::1]"),
    *("http://127.0.0.1.example.com", "ftp://x"),
    # To a place that it hides
    *("https://oncehub.com@example.com", "https://u:p@example.com", "http://localhost@example.com"),
    *("https://x/v2?a=1", "https://x/#a", "https://x.com\\@y.org", "http://localhost\\.x.com"),
    # None at all
    *("", "api.oncehub.com", "https://", "//example.com", "https:example.com", "https://x:port"),
    *("https://[::1", "https://.x.com", "https://*.x.com", "https://exämple.com"),
    *("https://exam ple.com", "https://exam\tple.com"),
]


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("api_key", [None, "", " ", "''", '"\n"'], "is missing"),
        ("api_key", [0, [KEY]], "its type is string"),
        ("api_key", [f"{KEY} x", f"{KEY}\r\nX-Other: 1", f"{KEY}\x00", f"{KEY}é"], "characters"),
        ("page_size", [0], "its minimum is 1"),
        ("page_size", [101], "its maximum is 100"),
        ("page_size", ["many", "", "1.5", "[1]", 10.5, True, KEY], "its type is integer"),
        ("lookback_seconds", [-1], "its minimum is 0"),
        ("lookback_seconds", [10**15], "its maximum is"),
        ("booking_ids", [5, {}], "its type is array"),
        ("booking_ids", [["BKNG-1", 5]], "item 2: its type is string"),
        ("booking_ids", [["../users"], ["BKC 1"], [""]], "item 1: its pattern is"),
        ("include_webhook_secrets", ["perhaps", 1], "its type is boolean"),
        ("rate_limit_per_second", [-1], "its minimum is 0"),
        ("rate_limit_per_second", ["5/s", "1e400", "NaN"], "its type is number"),
        ("rate_limit_window_seconds", [0], "its exclusiveMinimum is 0"),
        ("request_timeout_seconds", [10**9, 1e300], "its maximum is"),
        ("user_agent", ["", "two\nlines", "ünïcode"], "its pattern is"),
        ("start_date", ["yesterday", "2026-02-30", ""], "is not a time"),
        ("start_date", [20260131], "its type is string"),
        ("stream_maps", ["{broken", "5", "[" * 99_999], "its type is object"),
        ("flattening_enabled", [True], "_max_depth is missing or -1: flattening_enabled"),
        ("api_url", ODD_URLS, "is no plain https:// address"),
    ],
)
def test_bad_setting_is_named_and_its_value_is_not(
    name: str, values: list[t.Any], says: str
) -> None:
    for value in values:
        (sentence,) = found({name: value})
        assert sentence.startswith(name.partition("_enabled")[0])
        assert says in sentence
        assert "k3y" not in sentence
        assert "\n" not in sentence


URLS = (
    *(DEFAULT_API_URL, "HTTPS://Example.COM/v2", "https://proxy.example.:8443/a/v2/"),
    *("https://[2001:db8::1]/v2", "http://LOCALHOST:8080/v2", "http://127.8.9.10"),
    "http://[::1]:8080/v2",
)
GOOD = (
    *(("api_url", url) for url in URLS),
    *((name, 0) for name in ("lookback_seconds", "max_wait_seconds", "rate_limit_per_second")),
    *(("booking_ids", []), ("booking_calendar_ids", ["BKC-1_a"]), ("page_size", 1)),
    *(("user_agent", "us (a@b.example)"), ("rate_limit_window_seconds", 0.5)),
    ("stream_maps", {"users": {"email": "md5(email)"}}),
)


def test_defaults_are_filled_in() -> None:
    tap = TapOnceHub(config={"api_key": KEY, "page_size": None, "start_date": None})
    assert (tap.config["page_size"], tap.config["full_pass_days"]) == (100, 7)
    assert "start_date" not in tap.config
    assert tap.streams["users"].user_agent == f"tap-oncehub/{tap.plugin_version}"
    tap = TapOnceHub(config={"rate_limit_per_second": "many"}, validate_config=False)
    assert tap.config["rate_limit_per_second"] == 5  # discovery does without what is wrong


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        *((name, value, value) for name, value in GOOD),
        *(("api_key", text.format(KEY), KEY) for text in (" {}", "{}\r\n", "'{}'", ' " {} "\n')),
        *(("api_key", key, key) for key in (f'"{KEY}', f"{KEY}'", f"\"{KEY}'", "12345")),
        ("start_date", "2026-01-31", "2026-01-31"),
        ("page_size", " 50 ", 50),
        ("page_size", "1E+2", 100),
        ("user_agent", " ours ", "ours"),
        ("rate_limit_per_second", "2.5", 2.5),
        ("rate_limit_per_second", "5.0", 5),
        ("include_webhook_secrets", " True ", True),
        ("include_webhook_secrets", "yes", True),
        ("include_webhook_secrets", "FALSE", False),
        ("include_webhook_secrets", "off", False),
        ("booking_ids", "BKNG-1, BKNG-2,", ["BKNG-1", "BKNG-2"]),
        ("booking_ids", '["BKNG-1", "BKNG-2"]', ["BKNG-1", "BKNG-2"]),
        ("booking_ids", "17", ["17"]),
        ("booking_ids", "", []),
        ("stream_maps", '{"users": null}', {"users": None}),
    ],
)
def test_given_value_takes_the_declared_type(name: str, given: t.Any, value: t.Any) -> None:
    assert found({name: given}) == []
    read = converted({"start_date": None, "unknown": 1, name: given})
    assert read == {name: value}
    assert type(read[name]) is type(value)


MEANT = "(did you mean TAP_ONCEHUB_START_DATE?)"


@pytest.mark.parametrize(
    ("config", "variable", "says"),
    [
        (["start_dat"], "", "start_dat (did you mean start_date?)"),
        (["batch_config"], "", "1 not shown"),
        ([KEY, "start_dat"], "", "start_dat (did you mean start_date?), 1 not shown"),
        (["Start-Date"], "", "Start-Date (did you mean start_date?)"),
        (["TAP_ONCEHUB_API_KEY"], "", "TAP_ONCEHUB_API_KEY (did you mean api_key?)"),
        (["start_date" + "e" * 40], "", "1 not shown"),
        ([], "TAP_ONCEHUB_START_DAT", f"TAP_ONCEHUB_START_DAT {MEANT}"),
        ([], "TAP_ONCEHUB_SELECT", "TAP_ONCEHUB_SELECT (did you mean TAP_ONCEHUB__SELECT?)"),
        (["select"], "", "1 not shown"),
        ([], "TAP_ONCEHUB_START_DATE", ""),
        # What Meltano 4.4 exports, also for a tap-oncehub-eu that inherits.
        ([], "TAP_ONCEHUB__SELECT", ""),
        ([], "TAP_ONCEHUB_STREAM_MAPS_USERS_FIRST_NAME", ""),
        ([], "TAP_ONCEHUB_EU_START_DATE", ""),
        ([], "TAP_ONCEHUB_EU__SELECT_FILTER", ""),
        ([], "START_DAT", ""),
    ],
)
def test_unknown_setting_or_variable(config: list[str], variable: str, says: str) -> None:
    told = [*doubts({"api_key": KEY, **dict.fromkeys(config)}, {variable: "x"})]
    assert told == [f"Ignoring unknown settings: {says}"] * bool(says)


def test_file_in_a_folder_above_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TAP_ONCEHUB_API_KEY=from-file\nTAP_ONCEHUB_PAGE_SIZE=many\n")
    (tmp_path / "below").mkdir()
    run = programs.run([str(programs.TAP), "--test"], tmp_path / "below")
    assert "api_key is missing" in run.log
    assert "page_size" not in run.log


def test_key_check_that_fails_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"streams": []}')
    command = [str(programs.TAP), "--catalog", "catalog.json", "--config", "catalog.json", "--test"]
    given = {"PYTHONWARNINGS": "once", "TAP_ONCEHUB_PAGE_SIZE": "many"}  # as Meltano sets them
    run = programs.run(command, tmp_path, **given)
    assert "page_size" not in run.log  # beside a file, the environment does not count
    assert "api_key is missing" in run.log
    assert "ResourceWarning" not in run.log
