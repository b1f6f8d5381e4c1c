from __future__ import annotations

import pytest
from starlette.requests import ClientDisconnect

from multimeter.visualization.embedded.http import page_api
from multimeter.visualization.embedded.http.headers import CONTENT_SECURITY_POLICY


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
