from __future__ import annotations

import pathlib
import posixpath
import re

import pytest

from multimeter.visualization import embedded
from multimeter.visualization.embedded.http.assets import modules_of

PAGE = pathlib.Path(embedded.__path__[0]) / "page"


def test_the_files_of_the_page_are_served_and_checked_each_time(shared):
    answer = shared.client().get("/static/base/theme.js")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
    again = shared.client().get(
        "/static/base/theme.js", headers={"If-None-Match": answer.headers["ETag"]}
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
        "/static/base/theme.js%00.txt",
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
    (address,) = re.findall(r'href="(/static/\w+/base/theme.css)"', page)
    answer = shared.client().get(address)
    assert "immutable" in answer.headers["Cache-Control"]
    former = shared.client().get("/static/0123456789ab/base/theme.css")
    assert former.headers["Cache-Control"] == "no-cache"
    assert former.content == answer.content


def test_files_are_zipped_for_who_can_unzip_them(shared):
    zipped, plain = (
        shared.client(headers={"Accept-Encoding": each}).get("/static/base/api.js")
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
    imported = {
        posixpath.normpath(posixpath.join(each, "..", name))
        for each in wanted
        for name in re.findall(
            r'from "(\..+?)"', shared.client().get(f"/static/{each}").text
        )
    }
    assert imported <= wanted
    assert len(imported) > 5


def test_arrows_between_the_folders_of_the_page_go_one_way():
    floors = ["pages", "views", "charts", "base"]
    for module in PAGE.glob("*/*.js"):
        floor = floors.index(module.parent.name)
        for imported in modules_of(f"{module.parent.name}/{module.name}"):
            assert floors.index(imported.partition("/")[0]) >= floor, module
