from __future__ import annotations

import logging
import pathlib
import posixpath
import re

import pytest

from multimeter.visualization import embedded
from multimeter.visualization.embedded.http.access import CODE_NS, SESSION_NS
from multimeter.visualization.embedded.http.pages import modules_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def code(served, client):
    """Ask for a login code as the tool does."""
    headers = {"Authorization": "Token the-read-token"}
    answer = client.post("/api/login-codes", headers=headers)
    assert answer.status_code == 200
    assert answer.json()["expires"] == served.clock.now_ns + CODE_NS
    return answer.json()["code"]


def is_page(answer):
    return answer.status_code == 200 and 'class="views"' in answer.text


def is_login(answer):
    return 'name="token"' in answer.text and 'action="/login"' in answer.text


def test_a_link_logs_in_once_and_leads_on(shared):
    client = shared.client()
    parameters = {"code": code(shared, client), "next": "/?run=a b&from=1"}
    answer = client.get("/login", params=parameters)
    assert answer.status_code == 200
    assert 'content="0; url=/?run=a b&amp;from=1"' in answer.text
    assert is_page(client.get("/?run=a b&from=1"))
    other = shared.client()
    answer = other.get("/login", params=parameters)
    assert answer.status_code == 401
    assert is_login(answer)
    assert "multimeter-visu open" in answer.text
    assert not other.cookies


def test_a_link_that_is_opened_again_leads_on_in_the_same_browser(shared):
    client = shared.client()
    link = {"code": code(shared, client)}
    client.get("/login", params=link)
    answer = client.get("/login", params=link)
    assert answer.status_code == 200
    assert 'url=/"' in answer.text


def test_a_link_expires(served):
    client = served.client()
    link = {"code": code(served, client)}
    served.clock.now_ns += CODE_NS
    assert client.get("/login", params=link).status_code == 401


def test_looking_at_a_link_does_not_use_it_up(shared):
    client = shared.client()
    link = {"code": code(shared, client)}
    assert client.head("/login", params=link).status_code == 200
    assert not client.cookies
    client.get("/login", params=link)
    assert client.cookies


@pytest.mark.parametrize("token", [None, "Token wrong", "Token the-write-token"])
def test_only_the_read_token_gets_a_code(shared, token):
    headers = {"Authorization": token} if token else {}
    answer = shared.client().post("/api/login-codes", headers=headers)
    assert answer.status_code == (403 if token == "Token the-write-token" else 401)
    assert not answer.json().keys() & {"expires"}


def test_a_browser_that_is_logged_in_gets_no_code(shared):
    """Else one visit would be enough to make links for ever."""
    assert shared.browser().post("/api/login-codes").status_code == 401


def test_the_cookie_is_for_the_browser_and_this_server_only(shared):
    client = shared.client()
    answer = client.get("/login", params={"code": code(shared, client)})
    cookie = answer.headers["Set-Cookie"]
    name, value = cookie.split(";")[0].split("=")
    assert re.fullmatch(r"multimeter_[0-9a-f]{8}", name)
    assert len(value) > 43 + 64  # 256 random bits and a signature
    attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert attributes == {
        "httponly",
        "samesite=strict",
        "path=/",
        f"max-age={SESSION_NS // 10**9}",
    }


def test_a_pasted_read_token_logs_in(shared):
    client = shared.client(headers={"Sec-Fetch-Site": "same-origin"})
    form = {"token": " the-read-token\n", "next": "/?run=a"}
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/?run=a")
    assert is_page(client.get("/"))


@pytest.mark.parametrize(
    "body", ["token=wrong", "token=the-write-token", "token=", "", "%00&&=\xff", "a" * 9]
)
def test_another_token_does_not_log_in(shared, body):
    client = shared.client()
    answer = client.post("/login", content=body.encode("latin-1"), headers=FORM)
    assert answer.status_code == 401
    assert is_login(answer)
    assert "not the read token" in answer.text
    assert "the-write-token" not in answer.text
    assert not client.cookies


def test_a_form_that_is_not_ours_is_not_kept(shared):
    body = b"token=the-read-token&" + b"a=b&" * 2048
    answer = shared.client().post("/login", content=body, headers=FORM)
    assert answer.status_code == 413
    assert not answer.cookies


def test_a_page_without_a_cookie_asks_to_log_in(shared):
    answer = shared.client().get("/?run=a")
    assert answer.status_code == 401
    assert is_login(answer)
    assert "not the read token" not in answer.text


def test_a_link_on_another_site_is_followed_from_here_so_that_the_cookie_is_sent(shared):
    """Browsers keep cookies with SameSite=Strict back when they come from elsewhere."""
    client = shared.client(headers={"Sec-Fetch-Site": "cross-site"})
    answer = client.get('/?run="><script>')
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert 'http-equiv="refresh"' in answer.text
    assert "/?run=%22%3E%3Cscript%3E" in answer.text
    client.headers["Sec-Fetch-Site"] = "same-origin"
    assert is_login(client.get("/"))


def test_logging_out_ends_the_session_for_every_copy_of_the_cookie(shared):
    browser = shared.browser()
    copy = dict(browser.cookies)
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert not browser.cookies
    for name, value in copy.items():
        browser.cookies.set(name, value)
    assert is_login(browser.get("/"))


def test_logging_out_without_a_session_is_no_mistake(shared):
    client = shared.client(headers={"Sec-Fetch-Site": "same-origin"})
    assert client.post("/logout").status_code == 303


def test_a_session_outlives_a_restart_and_ends_in_its_time(served):
    cookies = dict(served.browser().cookies)
    assert is_page(served.client(cookies=cookies).get("/"))
    served.clock.now_ns += SESSION_NS
    assert is_login(served.client(cookies=cookies).get("/"))


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    " //evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_logging_in_never_leads_to_another_site(shared, target):
    client = shared.client()
    link = {"code": code(shared, client), "next": target}
    assert 'url=/"' in client.get("/login", params=link).text
    form = {"token": "the-read-token", "next": target}
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = client.post("/login", data=form, headers=same)
    assert answer.headers["Location"] == "/"


def test_a_link_of_multimeter_0_1_leads_to_the_run(shared):
    answer = shared.client().get(
        "/d/multimeter/multimeter",
        params={"var-measurementId": "a run", "from": "1", "to": "now", "orgId": "1"},
    )
    assert answer.status_code == 307
    assert answer.headers["Location"] == "/?run=a+run&from=1&to=now"
    answer = shared.client().get("/d/multimeter/multimeter")
    assert answer.headers["Location"] == "/"


def test_no_secret_is_logged(shared, caplog):
    caplog.set_level(logging.DEBUG)
    client = shared.client()
    link = {"code": code(shared, client)}
    client.get("/login", params=link)
    client.post("/login", data={"token": "the-read-token"})
    client.get("/api/runs", headers={"Authorization": "Token the-read-token"})
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("httpx")]
    assert not any("the-read-token" in text or link["code"] in text for text in ours)


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
