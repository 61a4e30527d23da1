"""What the sandbox answers, fact by fact."""

from __future__ import annotations

import re
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests

from sandbox import Account, Limits, Sandbox, limits
from sandbox.streams import STREAMS

KEY = "made-up-key"
NOW = "2026-04-01T12:00:00Z"


@pytest.fixture
def api():
    account = Account(seed=1, bookings=250, now=NOW)
    with Sandbox(account, key=KEY) as sandbox:
        yield sandbox


@pytest.fixture
def get(api):
    with requests.Session() as session:
        session.headers["API-Key"] = KEY

        def get(path, **query):
            url = api.url + path
            return session.get(url, params=query, timeout=10, allow_redirects=False)

        yield get


def read_all(get, path, limit=100, **query):
    found, cursor = [], {}
    while True:
        answer = get(path, limit=limit, **query, **cursor)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if 'rel="next"' not in answer.headers.get("Link", ""):
            return found
        cursor = {"after": found[-1]["id"]}


@pytest.mark.parametrize("stream", STREAMS)
def test_lists_give_the_accounts_objects(api, get, stream):
    expected = api.account.objects(stream)
    assert read_all(get, STREAMS[stream].path, limit=7) == expected
    assert all(item["id"].startswith(STREAMS[stream].prefix + "-") for item in expected)


def test_default_limit_is_ten(get):
    answer = get("/bookings").json()
    assert (len(answer["data"]), answer["object"], answer["has_more"]) == (10, "list", True)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1.0", "10 "])
def test_limit_out_of_range_is_refused(get, limit):
    answer = get("/bookings", limit=limit)
    assert answer.status_code == 400
    assert answer.json()["type"] == "invalid_request_error"
    assert answer.json()["param"] == "limit"


def test_one_hundred_is_the_largest_page(get):
    assert len(get("/bookings", limit=100).json()["data"]) == 100


def test_pages_cost_as_many_requests_as_needed(api, get):
    read_all(get, "/bookings")
    assert api.count("/bookings") == api.count("/v2/bookings", status=200) == 3
    assert api.log[1].query["limit"] == "100"


def test_before_gives_the_page_in_front_of_an_object(api, get):
    ids = [item["id"] for item in api.account.objects("bookings")]
    answer = get("/bookings", limit=10, before=ids[25]).json()
    assert [item["id"] for item in answer["data"]] == ids[15:25]
    assert answer["has_more"] is True
    answer = get("/bookings", limit=10, before=ids[5]).json()
    assert [item["id"] for item in answer["data"]] == ids[:5]
    assert answer["has_more"] is False


def test_both_cursors_at_once_are_refused(api, get):
    key = api.account.objects("bookings")[0]["id"]
    assert get("/bookings", after=key, before=key).status_code == 400


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/bookings", "page=2"),
        ("/users", "creation_time.gt=2024-01-01"),
        ("/notifications/sms", "last_updated_time.gt=2024-01-01"),
        ("/contacts", "status=x"),
        ("/test", "limit=1"),
    ],
)
def test_unknown_parameters_are_refused(get, path, query):
    name = query.partition("=")[0]
    answer = get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.json()["message"] == f"Received unknown parameter: {name}"


@pytest.mark.parametrize(
    "query", ["limit", "&", "limit=1&limit=2", "status=%zz", "status=%ff", "=1"]
)
def test_malformed_queries_are_refused(api, query):
    # Not with requests, which repairs them.
    connection = HTTPConnection("127.0.0.1", urlsplit(api.url).port, timeout=10)
    connection.request("GET", f"/v2/bookings?{query}", headers={"API-Key": KEY})
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize("key", [None, "", "wrong", KEY + "x", "é"])
def test_the_key_is_needed(api, key):
    headers = {} if key is None else {"API-Key": key.encode()}
    answer = requests.get(api.url + "/test", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["type"] == "authentication_error"
    assert answer.headers["Request-Id"]
    assert answer.headers["Date"]


def test_a_right_key_is_told_so(get):
    assert re.match("The API key is valid for account", get("/test").json()["message"])


def test_a_plan_without_api_is_a_403(api, get):
    api.switch(plan_without_api=True)
    answer = get("/test")
    assert answer.status_code == 403
    assert answer.json()["type"] == "authentication_error"


@pytest.mark.parametrize(
    "path", ["/nothing", "/bookings/", "/webhook-events", "/contacts/CTC-1", "/users/USR-1"]
)
def test_other_paths_are_a_404(get, path):
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json()["type"] == "invalid_request_error"


def test_paths_without_version_are_a_404(api, get):
    assert get("/../bookings").status_code == 404
    root = api.url.removesuffix("/v2")
    answer = requests.get(f"{root}/bookings", headers={"API-Key": KEY}, timeout=10)
    assert answer.status_code == 404


def test_other_methods_are_refused(api):
    answer = requests.post(api.url + "/bookings", headers={"API-Key": KEY}, timeout=10)
    assert answer.status_code == 405


def test_one_booking_by_id(api, get):
    booking = api.account.objects("bookings")[3]
    assert get(f"/bookings/{booking['id']}").json() == booking
    answer = get("/bookings/123")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "invalid_request_error",
        "message": "No such booking: '123'",
        "param": "id",
    }


def test_ids_are_expanded_on_demand(api, get):
    booking = next(item for item in api.account.objects("bookings") if item.get("owner"))
    key = booking["owner"]
    for path in (f"/bookings/{booking['id']}", "/bookings?limit=100"):
        answer = get(path, expand="owner").json()
        items = answer.get("data", [answer])
        found = next(item for item in items if item["id"] == booking["id"])
        assert found["owner"] == api.account.object("users", key)
    assert get("/bookings", expand="contact").status_code == 400


def test_a_deleted_object_is_in_no_list_but_known_by_id(api, get):
    key = api.account.objects("bookings")[3]["id"]
    api.account.delete("bookings", key)
    assert key not in {item["id"] for item in read_all(get, "/bookings")}
    expected = {"id": key, "object": "booking", "deleted": True}
    assert get(f"/bookings/{key}").json() == api.account.object("bookings", key) == expected


@pytest.mark.parametrize(
    ("policy", "status", "first"),
    [
        ("400", 400, None),
        ("404", 404, None),
        ("start", 200, 0),
        ("empty", 200, None),
        ("position", 200, 6),
    ],
)
def test_a_deleted_cursor(api, get, policy, status, first):
    ids = [item["id"] for item in api.account.objects("contacts")]
    api.account.delete("contacts", ids[5])
    api.switch(deleted_cursor=policy)
    answer = get("/contacts", after=ids[5], limit=2)
    assert answer.status_code == status
    if status == 200:
        assert [item["id"] for item in answer.json()["data"]] == (
            [] if first is None else ids[first : first + 2]
        )
    else:
        assert answer.json()["param"] == "after"


def test_the_cursor_of_another_account_is_refused(get):
    other = Account(seed=2, bookings=250, now=NOW).objects("bookings")[0]["id"]
    assert get("/bookings", after=other).status_code == 400


def test_link_header(api, get):
    ids = [item["id"] for item in api.account.objects("bookings")]
    answer = get("/bookings", limit=10, after=ids[9], **{"creation_time.gt": "2001-01-01"})
    root = api.url.removesuffix("/v2")
    assert answer.links["next"]["url"].startswith(f"{root}/bookings?")
    assert f"after={ids[19]}" in answer.links["next"]["url"]
    assert "creation_time.gt=2001-01-01" in answer.links["next"]["url"]
    assert f"before={ids[10]}" in answer.links["previous"]["url"]
    assert "Link" not in get("/teams", limit=100).headers


def test_link_header_with_version(api, get):
    api.switch(link_with_v2=True)
    answer = get("/bookings")
    assert get(answer.links["next"]["url"].removeprefix(api.url)).status_code == 200


def test_has_more_and_link_can_be_absent(api, get):
    assert "has_more" not in get("/notifications/sms").json()
    api.switch(sms_has_more=True)
    assert get("/notifications/sms").json()["has_more"] is True
    api.switch(has_more=False, link=False)
    answer = get("/bookings")
    assert answer.json().keys() == {"object", "data"}
    assert "Link" not in answer.headers


def test_gzip_is_a_matter_of_taste(api, get):
    assert get("/bookings").headers["Content-Encoding"] == "gzip"
    api.switch(gzip=False)
    assert "Content-Encoding" not in get("/bookings").headers


def test_time_filters_are_strict(api, get):
    shown = [item for item in api.account.objects("bookings") if item.get("creation_time")]
    middle = shown[100]["creation_time"]
    later = read_all(get, "/bookings", **{"creation_time.gt": middle})
    earlier = read_all(get, "/bookings", **{"creation_time.lt": middle})
    equal = [item for item in shown if item["creation_time"] == middle]
    assert len(later) + len(equal) + len(earlier) == len(shown)
    assert not {item["id"] for item in equal} & {item["id"] for item in later + earlier}


def test_time_filters_take_dates_and_offsets(get):
    def count(text):
        return [item["id"] for item in read_all(get, "/contacts", **{"creation_time.gt": text})]

    expected = count("2025-03-04")
    assert expected
    assert count("2025-03-04T00:00:00Z") == count("2025-03-04T02:00:00.000+02:00") == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2024-13-01", "2024-01-01T00:00:00 02:00", "1700000000"]
)
def test_other_times_are_refused(get, text):
    answer = get("/bookings", **{"starting_time.lt": text})
    assert answer.status_code == 400
    assert answer.json()["param"] == "starting_time.lt"


def test_a_range_that_ends_before_it_begins_is_refused(get):
    query = {"creation_time.gt": "2025-01-02", "creation_time.lt": "2025-01-01"}
    assert get("/bookings", **query).status_code == 400


def test_several_time_filters(api, get):
    query = {"creation_time.gt": "2025-01-01", "last_updated_time.lt": "2025-06-01"}
    found = read_all(get, "/contacts", **query)
    both = [
        item
        for item in api.account.objects("contacts")
        if (item.get("creation_time") or "") > "2025-01-01T00:00:00Z"
        and (item.get("last_updated_time") or "9") < "2025-06-01"
    ]
    assert found == both


def test_filters_for_equality(api, get):
    bookings = api.account.objects("bookings")
    owner = next(item["owner"] for item in bookings if item.get("owner"))
    found = read_all(get, "/bookings", owner=owner, status="completed")
    assert found == [
        item
        for item in bookings
        if item.get("owner") == owner and item.get("status") == "completed"
    ]
    user = next(item for item in api.account.objects("users") if item.get("teams"))
    teams = read_all(get, "/teams", user=user["id"])
    assert sorted(team["id"] for team in teams) == sorted(user["teams"])


def test_both_limits_refuse_and_recover(api, get):
    api.set_limits(Limits(per_second=3, per_window=5, window_seconds=2, clock_factor=4))
    assert [get("/teams").status_code for _ in range(4)] == [200, 200, 200, 429]
    time.sleep(0.26)
    assert [get("/teams").status_code for _ in range(3)] == [200, 200, 429]
    time.sleep(0.5)
    assert get("/teams").status_code == 200
    assert api.refused == api.count(status=429) == 2


def test_a_clock_that_runs_faster(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    limiter = limits.Limiter(Limits(clock_factor=100))
    assert [limiter.arrive("127.0.0.1") for _ in range(5)] == [0.0] * 5
    assert limiter.arrive("127.0.0.1") == pytest.approx(0.01)
    for _ in range(195):
        now += 0.01
        assert limiter.arrive("127.0.0.1") == 0
    assert now == pytest.approx(1001.95)
    now = 1002.0
    assert limiter.arrive("127.0.0.1") == pytest.approx(1.0)
    assert limiter.arrive("127.0.0.2") == 0


@pytest.mark.parametrize(
    ("style", "form"), [("seconds", r"\d+"), ("date", r"\w{3}, .* GMT"), (None, "None")]
)
def test_what_a_refusal_says(api, get, style, form):
    api.set_limits(Limits(per_second=1, retry_after=style))
    get("/teams")
    answer = get("/teams")
    assert answer.status_code == 429
    assert answer.json()["type"] == "rate_limit_error"
    assert re.fullmatch(form, str(answer.headers.get("Retry-After")))


@pytest.mark.parametrize(("refused_count", "accepted"), [(False, 2), (True, 1)])
def test_refused_requests_may_count(refused_count, accepted, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: now)
    limiter = limits.Limiter(
        Limits(per_second=0, per_window=1, window_seconds=60, refused_count=refused_count)
    )
    waits = []
    for now in (1000.0, 1030.0, 1060.0, 1061.0):
        waits.append(limiter.arrive("127.0.0.1"))
    assert sum(wait <= 0 for wait in waits) == accepted
    assert waits[1] == 30.0


def test_the_window_is_for_an_address_and_can_be_used_up_by_others(api, get):
    api.set_limits(Limits())
    api.use_up(200)
    assert get("/teams").status_code == 429


def test_the_servers_clock_can_be_wrong(api, get):
    api.clock.offset_seconds = 86400 * 365 * 30
    key = api.account.add("contacts")[0]
    assert get("/test").headers["Date"][12:16] > "2050"
    assert api.account.object("contacts", key)["creation_time"] > "2050"
    found = get("/contacts", **{"last_updated_time.gt": "2050-01-01"}).json()["data"]
    assert [item["id"] for item in found] == [key]


def test_a_redirect_to_another_host_shows_whether_the_key_came_along(api, get):
    with Sandbox(Account(bookings=1), key="other") as other:
        api.switch(redirect={"/bookings": other.url + "/bookings"})
        answer = get("/bookings", limit=1)
        assert answer.status_code == 302
        location = answer.headers["Location"]
        assert location == other.url + "/bookings?limit=1"
        requests.get(location, headers={"API-Key": KEY}, timeout=10)
        assert [entry.key_sent for entry in other.log] == [True]
        assert "api-key" not in other.log[0].headers


@pytest.mark.parametrize(
    ("shape", "envelope", "kind"),
    [
        ("objects", True, dict),
        ("strings", True, str),
        ("objects_array", False, dict),
        ("strings_array", False, str),
    ],
)
def test_webhook_events(api, get, shape, envelope, kind):
    api.switch(webhook_events=shape)
    answer = get("/webhook-events", limit=100).json()
    data = answer["data"] if envelope else answer
    assert len(data) == len(api.account.objects("webhook_events")) == 11
    assert all(isinstance(item, kind) for item in data)


def test_unknown_switches_are_refused(api):
    with pytest.raises(ValueError, match="unknown switch"):
        api.switch(nonsense=True)
    with pytest.raises(ValueError, match="deleted_cursor"):
        Sandbox(Account(bookings=0), deleted_cursor="500")
    with pytest.raises(ValueError, match="gzip"):
        api.switch(gzip="yes")
