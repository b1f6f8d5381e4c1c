from __future__ import annotations

import importlib.metadata

import pytest


def test_the_files_of_the_page_are_served_and_checked_each_time(shared):
    answer = shared.client().get("/static/theme.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = shared.client().get(
        "/static/theme.js", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static/%2e%2e%2f%2e%2e%2fconfig.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/theme.js%00.txt",
        "/static/",
        "/static",
        "/templates/page.html",
    ],
)
def test_nothing_beside_the_files_of_the_page_is_served(shared, path):
    client = shared.client(raise_server_exceptions=False)
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"code": "not found", "message": "path not found"}


def test_plotly_comes_from_its_package_zipped_and_for_long(shared):
    version = importlib.metadata.version("plotly")
    client = shared.client(headers={"Accept-Encoding": "gzip"})
    answer = client.get("/static/plotly.min.js", params={"v": version})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert int(answer.headers["Content-Length"]) < 2_000_000
    plain = shared.client(headers={"Accept-Encoding": "identity"})
    unzipped = plain.get("/static/plotly.min.js")
    assert "Content-Encoding" not in unzipped.headers
    assert unzipped.headers["Cache-Control"] == "no-cache"
    assert unzipped.content == answer.content
    assert b"plotly.js v" in answer.content[:200]


def test_plotly_is_not_sent_again_to_whoever_has_it(shared):
    client = shared.client()
    tag = client.head("/static/plotly.min.js").headers["ETag"]
    answer = client.get("/static/plotly.min.js", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
