"""A server of the write API that keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from multimeter.lines.protocol import decode

__all__ = ["WriteServer", "refusal"]


def refusal(message: str) -> bytes:
    """Return the body of an error as InfluxDB writes it."""
    return json.dumps({"code": "invalid", "message": message}).encode()


class WriteServer(http.server.ThreadingHTTPServer):
    """Listens on a port of its own.

    Attributes:
        requests: All requests: path, headers, body (after gunzip).
        answers: What to answer next: status, headers, body; then 204.
        connections: How many connections there were.
        hang_up_after: Close a connection after so many answers, without a word.
    """

    daemon_threads = True

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        super().__init__((host, port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.connections = 0
        self.hang_up_after = 10**9

    @classmethod
    @contextmanager
    def running(cls, port: int = 0) -> Iterator[WriteServer]:
        with cls(port) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that break: tests break them."""

    def points(self) -> dict[tuple[str, int], dict[str, object]]:
        """Return the fields by series and time, as a database would have them."""
        found: dict[tuple[str, int], dict[str, object]] = {}
        for _, _, body in self.requests:
            for record in decode(body.decode()):
                series = ",".join([record.measurement, *map(str, record.tags.items())])
                found.setdefault((series, record.time_ns or 0), {}).update(record.fields)
        return found


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WriteServer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1
        self.answered = 0

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        server = self.server
        status, headers, answer = (
            server.answers.pop(0) if server.answers else (204, {}, b"")
        )
        server.requests.append((self.path, dict(self.headers), body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.answered += 1
        self.close_connection = self.answered >= server.hang_up_after

    def log_message(self, *_: object) -> None:
        pass
