from __future__ import annotations

import re

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


def test_under_the_address_of_a_page_files_are_kept_for_long(shared):
    page = shared.browser().get("/").text
    (address,) = re.findall(r'href="(/static/\w+/theme.css)"', page)
    answer = shared.client().get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    former = shared.client().get("/static/0123456789ab/theme.css")
    assert former.headers["Cache-Control"] == "no-cache"
    assert former.content == answer.content


def test_files_are_zipped_for_who_can_unzip_them(shared):
    zipped, plain = (
        shared.client(headers={"Accept-Encoding": each}).get("/static/api.js")
        for each in ("gzip", "identity")
    )
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.content == plain.content
    assert int(zipped.headers["Content-Length"]) < len(plain.content) / 2


@pytest.mark.parametrize("path", ["/", "/?run=a", "/logs", "/status", "/compare"])
def test_a_page_asks_at_once_for_every_module_that_it_needs(shared, path):
    page = shared.browser().get(path).text
    wanted = set(re.findall(r'(?:modulepreload" href|src)="/static/\w+/(\S+\.js)"', page))
    sources = [shared.client().get(f"/static/{each}").text for each in wanted]
    imported = {name for text in sources for name in re.findall(r'from "\./(.+?)"', text)}
    assert imported <= wanted
    assert len(imported) > 5
