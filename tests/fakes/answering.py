"""A server that answers every request with what it was made for, and keeps what came."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["Answering", "running"]


class Answering(BaseHTTPRequestHandler):
    """Answers one connection.

    Attributes:
        answer: The status, the headers and the body of each answer.
        asked: The path and the header ``Authorization`` of each request.
        bodies: What came with them.
    """

    answer: tuple[int, Mapping[str, str], bytes] = (200, {}, b"")
    asked: list[tuple[str, str | None]]
    bodies: list[bytes]

    @classmethod
    def with_answer(
        cls, status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> type[Answering]:
        """Return a handler that gives this answer."""
        answer = (status, headers or {}, body)
        return type("Handler", (cls,), {"answer": answer, "asked": [], "bodies": []})

    def do_GET(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
        self.asked.append((self.path, self.headers["Authorization"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server names it

    def log_message(self, *_args: object) -> None:  # type: ignore[override]
        pass


@contextmanager
def running(
    handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Run a server with a handler, and lend its URL; encrypted where there is a context."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
