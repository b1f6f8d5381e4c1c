"""A registry with one image in it, https://distribution.github.io/distribution/spec/api/."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Registry:
    """Serves an image on 127.0.0.1.

    Args:
        exported: The image, as ``docker save`` writes it.
    """

    def __init__(self, exported: bytes) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifest = self._manifest(exported)
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _manifest(self, exported: bytes) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(exported)) as tar:

            def read(name: str) -> bytes:
                stream = tar.extractfile(name)
                assert stream is not None
                return stream.read()

            (image,) = json.loads(read("manifest.json"))
            layers = [gzip.compress(read(name), 1, mtime=0) for name in image["Layers"]]
            config = read(image["Config"])
        return json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._blob(CONFIG, config),
                "layers": [self._blob(LAYER, layer) for layer in layers],
            }
        ).encode()

    def _blob(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = _digest(data)
        self.blobs[digest] = data
        return {"mediaType": kind, "size": len(data), "digest": digest}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        kind, _, name = self.path.rstrip("/").rpartition("/")
        if self.path == "/v2/":
            self._send(200, "application/json", b"{}")
        elif kind.endswith("/image/manifests"):
            self._send(200, MANIFEST, self.registry.manifest)
        elif kind.endswith("/blobs") and name in self.registry.blobs:
            self._send(200, "application/octet-stream", self.registry.blobs[name])
        else:
            errors = {"errors": [{"code": "NAME_UNKNOWN", "message": "not known"}]}
            self._send(404, "application/json", json.dumps(errors).encode())

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Docker-Content-Digest", _digest(data))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
