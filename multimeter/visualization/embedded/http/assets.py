"""Assets: the files that the pages load.

They are few and small, so they are held in memory, zipped. Their address changes with
them, and so a browser that has them never asks again::

    /static/1f0c2d3e4b5a/pages/run.js
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
import pathlib
import posixpath
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from multimeter.visualization.embedded.http.responses import RequestError

__all__ = ["asset_routes", "assets_path", "modules_of"]

_FOLDER = pathlib.Path(__file__).parents[1] / "page"
_UNCHANGING = "public, max-age=31536000, immutable"
_IMPORT = re.compile(rb'^(?:import|export)\b[^;]*?"(\.\.?/[\w/-]+\.js)";', re.MULTILINE)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def asset_routes() -> list[BaseRoute]:
    """Return the routes of everything below ``/static``; nothing of it is secret."""
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
def _zipped(name: str) -> bytes:
    return gzip.compress(_files()[name], mtime=0)


def assets_path() -> str:
    """Return the address below which the files are, as they are now."""
    return f"/static/{_version()}"


@functools.cache
def modules_of(name: str) -> tuple[str, ...]:
    """Return a module and all that it imports, so that a page can ask for them at once.

    Args:
        name: Its file, such as ``pages/run.js``.
    """
    found = [name]
    for each in found:  # which grows
        for match in _IMPORT.findall(_files()[each]):
            imported = posixpath.normpath(posixpath.join(each, "..", match.decode()))
            if imported not in found:
                found.append(imported)
    return tuple(found)


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
        content = _zipped(name)
    return Response(content, headers=headers, media_type=_type_of(name))


def _type_of(name: str) -> str | None:
    # What the system says of .js is not to be relied on: on Windows it can be anything.
    return _TYPES.get(pathlib.Path(name).suffix) or mimetypes.guess_type(name)[0]
