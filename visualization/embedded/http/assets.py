"""Assets: the files that the pages load."""

from __future__ import annotations

import functools
import gzip
import importlib.metadata
import importlib.util
import pathlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["asset_routes", "plotly_source", "plotly_version"]

_FOLDER = pathlib.Path(__file__).parents[1] / "static"
_UNCHANGING = "public, max-age=31536000, immutable"
_JAVASCRIPT = "text/javascript; charset=utf-8"


def asset_routes() -> list[BaseRoute]:
    """Return the routes of everything below ``/static``; nothing of it is secret."""
    return [
        Route("/static/plotly.min.js", _plotly),
        Mount("/static", _Folder(directory=_FOLDER)),
    ]


class _Folder(StaticFiles):
    """Our own files: a browser asks each time whether they are still the same."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or 404."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@functools.cache
def plotly_version() -> str:
    """Return the version of the Plotly that is installed."""
    return importlib.metadata.version("plotly")


def _plotly_file() -> pathlib.Path:
    # Importing the package would take longer than everything else here.
    package = importlib.util.find_spec("plotly")
    assert package is not None
    assert package.origin is not None
    return pathlib.Path(package.origin).parent / "package_data" / "plotly.min.js"


def plotly_source() -> str:
    """Return Plotly's JavaScript, to stand in a page."""
    return _plotly_file().read_text(encoding="utf-8")


@functools.cache
def _zipped_plotly() -> bytes:
    return gzip.compress(_plotly_file().read_bytes(), compresslevel=6, mtime=0)


async def _plotly(request: Request) -> Response:
    """Give Plotly's JavaScript, which is in its wheel: 4.5 MB, zipped once."""
    tag = f'"plotly-{plotly_version()}"'
    current = request.query_params.get("v") == plotly_version()
    headers = {
        "Cache-Control": _UNCHANGING if current else "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(_plotly_file(), headers=headers, media_type=_JAVASCRIPT)
    headers["Content-Encoding"] = "gzip"
    content = await run_in_threadpool(_zipped_plotly)
    return Response(content, headers=headers, media_type=_JAVASCRIPT)
