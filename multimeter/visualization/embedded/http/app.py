"""The ASGI application of the embedded server: its routes and its guard.

::

    app = create_app(Store(path), Access(org, bucket, write_token, read_token))
    uvicorn.Server(server_config(app, "127.0.0.1", 8086)).run()
"""

from __future__ import annotations

import pathlib
import re
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimeter.visualization.embedded.http.access import Access, Sessions
from multimeter.visualization.embedded.http.delete_api import DeleteApi
from multimeter.visualization.embedded.http.export_api import ExportApi, LinesApi
from multimeter.visualization.embedded.http.influx_api import InfluxApi, WriteApi
from multimeter.visualization.embedded.http.page_api import HealthApi, LogsApi, PageApi
from multimeter.visualization.embedded.http.pages import Pages, asset_routes
from multimeter.visualization.embedded.http.reading import BodyLimits, Limits, ReadRoutes
from multimeter.visualization.embedded.http.responses import (
    EXCEPTION_HANDLERS,
    HEADERS,
    error_response,
)
from multimeter.visualization.embedded.http.run_view import PanelSource
from multimeter.visualization.embedded.store.store import Store

__all__ = ["Guard", "create_app"]


def create_app(
    store: Store,
    access: Access,
    *,
    limits: Limits | None = None,
    now_ns: Callable[[], int] = time.time_ns,
    user_panels: PanelSource = tuple,
    sessions_file: pathlib.Path | None = None,
    open_command: str = "multimeter-visu open",
) -> Starlette:
    """Return the application.

    Args:
        store: The store; it is used from several threads, and not closed.
        access: The organisation, the bucket and the tokens.
        limits: The limits of a request.
        now_ns: Returns the time, in ns since the epoch.
        user_panels: Returns the user-defined panels; by default there are none.
        sessions_file: The file of the logged-out sessions; by default memory only.
        open_command: The command that prints a login link.
    """
    limits = limits or Limits()
    sessions = Sessions(access.read_token, now_ns, sessions_file)
    reading = ReadRoutes(access, sessions)
    app = Starlette(
        routes=[
            *WriteApi(store, access, limits, now_ns).routes(),
            *DeleteApi(store, access).routes(),
            *InfluxApi(access, now_ns).routes(),
            *PageApi(store, reading, limits, now_ns, user_panels).routes(),
            *LogsApi(store, reading, limits).routes(),
            *LinesApi(store, reading, now_ns).routes(),
            *ExportApi(store, reading, now_ns, user_panels).routes(),
            *HealthApi(store, reading, limits, now_ns).routes(),
            *Pages(access, sessions, now_ns, open_command).routes(),
            *asset_routes(),
        ],
        middleware=[Middleware(BodyLimits, limits=limits), Middleware(Guard)],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    app.router.redirect_slashes = False
    return app


_OUR_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard:
    """Refuses foreign requests, and adds headers to every response (ASGI middleware).

    The host must be a name of this machine, else any site could point its own name here
    and read the responses (DNS rebinding). No other site may send requests that change
    something.

    Args:
        app: The application that handles the other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = _refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, answer)


def _refusal(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    if not _OUR_HOST.fullmatch(headers.get("host", "")):
        return error_response("invalid", "this host is not served here")
    if "content-length" in headers and "transfer-encoding" in headers:
        # Proxies may disagree about where the body ends: the connection must not be
        # used again (RFC 9112, 6.1).
        reason = "a request has a length, or comes in chunks"
        return error_response("invalid", reason, {"Connection": "close"})
    if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
        return error_response("forbidden", "requests of other sites are refused")
    return None


def _is_cross_site(headers: Headers) -> bool:
    """Whether a page of another site sent a request, according to the browser.

    Browsers send ``Sec-Fetch-Site``, older ones ``Origin``. Other programs send neither,
    but they have no cookies.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return "cookie" in headers
    return origin.lower() != f"http://{headers['host']}".lower()
