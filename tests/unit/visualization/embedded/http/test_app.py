from __future__ import annotations

import pytest
from starlette.requests import ClientDisconnect

from multimeter.visualization.embedded.http import page_api
from multimeter.visualization.embedded.http.responses import CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/nowhere", "/api/v2/nope", "/api/runs/", "/d/x"])
def test_an_unknown_path_is_told_in_the_form_of_influxdb(shared, path):
    answer = shared.client().get(path)
    assert answer.status_code == 404
    assert answer.json() == {"code": "not found", "message": "path not found"}
    assert answer.headers["X-Platform-Error-Code"] == "not found"


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("DELETE", "/api/run")])
def test_a_wrong_method_is_told_with_those_that_are_allowed(shared, method, path):
    answer = shared.client().request(method, path)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method not allowed"
    assert "GET" in answer.headers["Allow"]


def test_an_unexpected_error_is_for_the_log_and_not_for_the_client(shared, monkeypatch):
    def fail(*_arguments):
        raise ZeroDivisionError("inside of the-read-token")

    monkeypatch.setattr(page_api, "summaries", fail)
    headers = {"Authorization": "Token the-read-token"}
    client = shared.client(headers=headers, raise_server_exceptions=False)
    answer = client.get("/api/runs")
    assert answer.status_code == 500
    assert answer.json() == {
        "code": "internal error",
        "message": "An internal error has occurred - check server logs",
    }
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    # uvicorn logs what is raised out of the application.
    with pytest.raises(ZeroDivisionError):
        shared.client(headers=headers).get("/api/runs")


def test_a_client_that_goes_away_is_no_error(shared, monkeypatch):
    def leave(_request):
        raise ClientDisconnect

    monkeypatch.setattr("starlette.requests.Request.body", leave)
    where = {"org": "kantai", "bucket": "multimeter"}
    assert shared.writer().post("/api/v2/write", params=where).status_code == 400


REQUESTS = [
    ("GET", "/", {}),
    ("GET", "/login", {}),
    ("POST", "/login", {}),
    ("GET", "/ping", {}),
    ("GET", "/api/runs", {}),
    ("POST", "/api/v2/write", {}),
    ("GET", "/nowhere", {}),
    ("PUT", "/api/runs", {}),
    ("GET", "/static/base/theme.js", {}),
    ("GET", "/static/base/nothing.js", {}),
    ("GET", "/", {"Host": "evil.example"}),
    ("POST", "/logout", {"Origin": "https://evil.example"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), REQUESTS)
def test_the_security_headers_stand_above_every_answer(shared, method, path, headers):
    answer = shared.client().request(method, path, headers=headers)
    expected = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    for key, value in expected.items():
        assert answer.headers.get_list(key) == [value]
    assert not any(key.startswith("access-control") for key in answer.headers)


def test_a_page_may_load_nothing_from_elsewhere():
    policy = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8086", "localhost", "LocalHost:9", "[::1]", "[::1]:65535"],
)
def test_this_machine_is_served_under_all_of_its_names(shared, host):
    assert shared.client().get("/ping", headers={"Host": host}).status_code == 204


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8086",
        "127.0.0.1.evil.example",
        "evil-127.0.0.1",
        "localhost.",
        "localhost:",
        "localhost:8086@evil.example",
        "127.0.0.2",
        "0.0.0.0",
        "[::1",
        "127.0.0.1:8086\r\nX: y",
    ],
)
@pytest.mark.parametrize("path", ["/ping", "/", "/api/runs", "/static/base/theme.js"])
def test_other_names_are_refused_so_that_dns_rebinding_reads_nothing(shared, host, path):
    answer = shared.client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json() == {"code": "invalid", "message": "this host is not served here"}


OTHERS = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8086"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999"},
    {"Origin": "http://localhost:8086"},
    {"Origin": "https://127.0.0.1:8086"},
    {},
]


@pytest.mark.parametrize("headers", OTHERS)
def test_no_other_site_changes_anything_with_a_cookie(shared, headers):
    browser = shared.browser()
    cookie = dict(browser.cookies)
    client = shared.client(cookies=cookie, headers=headers)
    for path in ("/logout", "/login", "/api/login-codes", "/api/v2/write"):
        answer = client.post(path)
        assert answer.status_code == 403
        assert answer.json()["message"] == "requests of other sites are refused"
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("headers", [each for each in OTHERS if each])
def test_no_other_site_logs_a_browser_in(shared, headers):
    form = {"token": "the-read-token"}
    assert shared.client(headers=headers).post("/login", data=form).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "null"},  # a form, with no-referrer
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://127.0.0.1:8086"},
    ],
)
def test_our_own_page_may_log_out(shared, headers):
    client = shared.client(cookies=dict(shared.browser().cookies), headers=headers)
    assert client.post("/logout").status_code == 303
