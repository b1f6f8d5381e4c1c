"""Pages: the pages and the files that they load, login and logout, and earlier links.

The files are few and small, so they are held in memory, compressed. Their URL changes with
their content, so a browser that has them never asks again::

    /static/1f0c2d3e4b5a/pages/run.js
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import html
import mimetypes
import pathlib
import posixpath
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlencode

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from multimeter import __version__
from multimeter.visualization.dashboards.definition import (
    DELIVERY_COLUMNS,
    DELIVERY_LOSSES,
    HEALTH_HOURS,
    LOG_SERIES,
    MOST_COMPARED,
    RUN_COLUMNS,
    SPAN_COLUMNS,
    STATES,
    STORE_COLUMNS,
)
from multimeter.visualization.embedded.http.access import (
    SESSION_NS,
    Access,
    LoginCodes,
    Sessions,
    is_logged_in,
    require_right,
    require_token,
)
from multimeter.visualization.embedded.http.responses import RequestError, json_response

__all__ = ["Pages", "asset_routes", "assets_path", "modules_of"]

_TEMPLATES = pathlib.Path(__file__).parents[1] / "templates"
_VIEWS = (
    ("/", "overview", "Runs"),
    ("/logs", "logs", "Logs"),
    # /health is a path of InfluxDB's API.
    ("/status", "health", "Health"),
)
"""The views in the navigation bar: path, name of the template, title."""

_FORM_BYTES = 8 * 1024
_NO_STORE = {"Cache-Control": "no-store"}
_WRONG_TOKEN = "This is not the read token of this server."  # noqa: S105 - a message
_MOVED = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={0}">
<title>Multimeter</title><link rel="icon" href="{1}">
<p><a href="{0}">Continue to Multimeter</a></p></html>
"""


class Pages:
    """The pages for the browser.

    Args:
        access: The organisation, the bucket and the tokens.
        sessions: The sessions of logged-in browsers.
        now_ns: Returns the time, in ns since the epoch.
        open_command: The command that prints a login link.
    """

    def __init__(
        self,
        access: Access,
        sessions: Sessions,
        now_ns: Callable[[], int],
        open_command: str,
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._codes = LoginCodes(now_ns)
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, auto_reload=False
        )
        self._templates.globals.update(
            static=assets_path(), modules_of=modules_of, open_command=open_command
        )

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route("/", self._overview_or_run),
            *(Route(path, self._view(name)) for path, name, _ in _VIEWS[1:]),
            Route("/compare", self._view("compare")),
            Route("/login", self._login),
            Route("/login", self._login_by_token, methods=["POST"]),
            Route("/logout", self._logout, methods=["POST"]),
            Route("/api/login-codes", self._issue_code, methods=["POST"]),
            Route("/d/{uid}/{slug}", _former_link),
        ]

    async def _overview_or_run(self, request: Request) -> Response:
        # A run has the URL /?run=..., from when the only pages were those of runs.
        view = "run" if "run" in request.query_params else "overview"
        return self._page(request, view)

    def _view(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            return self._page(request, name)

        return page

    def _page(self, request: Request, view: str) -> Response:
        if is_logged_in(request, self._sessions):
            return self._render(f"{view}.html", view=view)
        query = f"?{request.url.query}" if request.url.query else ""
        here = _local(f"{request.url.path}{query}")
        if request.headers.get("sec-fetch-site") == "cross-site":
            # The browser withholds the cookie for a link from another site, and sends it
            # when the navigation continues from this page.
            return _moved(here)
        return self._render("login.html", 401, target=here)

    async def _login(self, request: Request) -> Response:
        target = _local(request.query_params.get("next"))
        code = request.query_params.get("code")
        if code is None or request.method == "HEAD":
            return self._render("login.html", target=target)
        if self._codes.redeem(code):
            return self._start_session(_moved(target))
        if is_logged_in(request, self._sessions):
            return _moved(target)
        return self._render("login.html", 401, used_link=True, target=target)

    async def _login_by_token(self, request: Request) -> Response:
        form = await _read_form(request)
        target = _local(form.get("next"))
        token = form.get("token", "").strip()
        if self._access.is_read_token(token):
            return self._start_session(RedirectResponse(target, 303, _NO_STORE))
        return self._render("login.html", 401, message=_WRONG_TOKEN, target=target)

    async def _logout(self, request: Request) -> Response:
        cookie = request.cookies.get(self._sessions.cookie)
        await run_in_threadpool(self._sessions.end, cookie)
        response = RedirectResponse("/login", 303, _NO_STORE)
        response.delete_cookie(self._sessions.cookie, httponly=True, samesite="strict")
        return response

    async def _issue_code(self, request: Request) -> Response:
        """Issue a login code, for a link that opens the page without a password."""
        require_right(require_token(request, self._access), "read")
        code, expires = self._codes.issue()
        return json_response({"code": code, "expires": expires})

    def _start_session(self, response: Response) -> Response:
        response.set_cookie(
            self._sessions.cookie,
            self._sessions.start(),
            max_age=SESSION_NS // 10**9,
            httponly=True,
            samesite="strict",
        )
        return response

    def _render(
        self,
        name: str,
        status: int = 200,
        *,
        message: str = "",
        used_link: bool = False,
        target: str = "/",
        view: str = "",
    ) -> Response:
        text = self._templates.get_template(name).render(
            version=__version__,
            view=view,
            views=_VIEWS,
            logs=LOG_SERIES,
            states=STATES,
            run_columns=RUN_COLUMNS,
            span_columns=SPAN_COLUMNS,
            most_compared=MOST_COMPARED,
            store_columns=STORE_COLUMNS,
            delivery_columns=DELIVERY_COLUMNS,
            delivery_losses=DELIVERY_LOSSES,
            health_hours=HEALTH_HOURS,
            message=message,
            used_link=used_link,
            next=target,
        )
        return Response(text, status, _NO_STORE, "text/html; charset=utf-8")


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; one of ours is small."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _FORM_BYTES:
            raise RequestError("request too large", "the form is too large")
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def _moved(target: str) -> Response:
    """Return a page that redirects by itself.

    An HTTP redirect would continue the navigation from the other site, for which the
    browser sends no cookie with ``SameSite=Strict``, not even one that was just set.
    """
    text = _MOVED.format(html.escape(target), f"{assets_path()}/base/favicon.svg")
    return Response(text, 200, _NO_STORE, "text/html; charset=utf-8")


def _local(target: str | None) -> str:
    """Return a path of this server; any other URL becomes the first page."""
    # Browsers treat a backslash as a slash, and drop control characters.
    plain = target is not None and target.isprintable() and "\\" not in target
    if target is not None and plain and target.startswith("/") and target[1:2] != "/":
        return target
    return "/"


async def _former_link(request: Request) -> Response:
    """Redirect links to a dashboard of multimeter 0.1 to the same run."""
    parameters = request.query_params
    names = {"var-measurementId": "run", "from": "from", "to": "to"}
    query = {new: parameters[old] for old, new in names.items() if old in parameters}
    return RedirectResponse(f"/?{urlencode(query)}" if query else "/", headers=_NO_STORE)


_FOLDER = pathlib.Path(__file__).parents[1] / "page"
_UNCHANGING = "public, max-age=31536000, immutable"
_IMPORT = re.compile(rb'^(?:import|export)\b[^;]*?"(\.\.?/[\w/-]+\.js)";', re.MULTILINE)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def asset_routes() -> list[BaseRoute]:
    """Return the routes of the files below ``/static``, which are public."""
    return [
        Route("/static/{version}/{folder}/{name}", _asset),
        Route("/static/{folder}/{name}", _asset),
    ]


@functools.cache
def _files() -> dict[str, bytes]:
    return {
        each.relative_to(_FOLDER).as_posix(): each.read_bytes()
        for each in sorted(_FOLDER.glob("*/*"))
    }


@functools.cache
def _version() -> str:
    sums = [hashlib.sha256(content).digest() for content in _files().values()]
    return hashlib.sha256(b"".join(sums)).hexdigest()[:12]


@functools.cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_files()[name], mtime=0)


def assets_path() -> str:
    """Return the base URL of the current files."""
    return f"/static/{_version()}"


@functools.cache
def modules_of(name: str) -> tuple[str, ...]:
    """Return a module and all that it imports, so that a page can load them at once.

    Args:
        name: Its file, such as ``pages/run.js``.
    """
    modules = [name]
    for each in modules:  # it grows in the loop
        for match in _IMPORT.findall(_files()[each]):
            imported = posixpath.normpath(posixpath.join(each, "..", match.decode()))
            if imported not in modules:
                modules.append(imported)
    return tuple(modules)


async def _asset(request: Request) -> Response:
    name = "{folder}/{name}".format(**request.path_params)
    if name not in _files():
        raise RequestError("not found", "path not found")
    current = request.path_params.get("version") == _version()
    tag = f'"{_version()}"'
    headers = {
        "Cache-Control": _UNCHANGING if current else "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    content = _files()[name]
    if "gzip" in request.headers.get("accept-encoding", "").lower():
        headers["Content-Encoding"] = "gzip"
        content = _compressed(name)
    return Response(content, headers=headers, media_type=_type_of(name))


def _type_of(name: str) -> str | None:
    # The system's type of .js is unreliable: on Windows it can be anything.
    return _TYPES.get(pathlib.Path(name).suffix) or mimetypes.guess_type(name)[0]
