"""Guard: which requests are answered at all, and what stands above every answer."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multimeter.visualization.embedded.http.headers import HEADERS
from multimeter.visualization.embedded.http.responses import error_response

__all__ = ["Guard"]

_OUR_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard:
    """Refuses what comes from elsewhere, and marks all answers (ASGI middleware).

    A name that leads here must be one of this machine: else any site could let its own
    name lead here and read the answers (DNS rebinding). And no other site may send what
    changes something.

    Args:
        app: What answers the other requests.
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
        # Where one ends is not the same to all who pass it on: the connection must not
        # be used again (RFC 9112, 6.1).
        reason = "a request has a length, or comes in chunks"
        return error_response("invalid", reason, {"Connection": "close"})
    if scope["method"] not in _SAFE_METHODS and _is_cross_site(headers):
        return error_response("forbidden", "requests of other sites are refused")
    return None


def _is_cross_site(headers: Headers) -> bool:
    """Whether the page of another site sent a request, as far as a browser tells.

    Browsers say it in ``Sec-Fetch-Site``, older ones in ``Origin``. Programs say
    nothing, but they have no cookies either.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return "cookie" in headers
    return origin.lower() != f"http://{headers['host']}".lower()
