"""A proxy in front of a real engine: it counts what changes something, and can fail."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

CHANGES = ("POST", "PUT", "DELETE")


class EngineProxy:
    """Listens on a socket of its own, and passes everything on.

    Attributes:
        changes: The requests that changed something, as ``METHOD /path``.
        fail_at: Before the answer to which change :attr:`fail` is called, from 1 on.
        fail: What is done then; the answer never arrives.
    """

    def __init__(self, engine: str, folder: pathlib.Path) -> None:
        self._engine = urlsplit(engine)
        self.path = folder / "engine.sock"
        self.host = f"unix://{self.path}"
        self.changes: list[str] = []
        self.fail_at: int | None = None
        self.fail: Callable[[], None] = self.close
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._frozen = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Be gone, with all connections."""
        self.path.unlink(missing_ok=True)
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def freeze(self) -> None:
        """Answer nothing any more, and close nothing."""
        self._frozen.set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                connection = _Connection(client, server)
                for pump in (self._pump_requests, self._pump_answers):
                    threading.Thread(target=pump, args=(connection,), daemon=True).start()

    def _connect(self) -> socket.socket:
        if self._engine.scheme == "unix":
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._engine.path)
            return server
        return socket.create_connection((self._engine.hostname, self._engine.port))

    def _pump_requests(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.client.recv(65536):
                for request in connection.requests_in(data):
                    if request.startswith(CHANGES):
                        with self._lock:
                            self.changes.append(request)
                            connection.change = len(self.changes)
                connection.server.sendall(data)
            connection.server.shutdown(socket.SHUT_WR)

    def _pump_answers(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.server.recv(65536):
                if connection.change is not None and connection.change == self.fail_at:
                    self.fail_at = None
                    self.fail()
                if self._frozen.is_set():
                    return
                connection.change = None
                connection.client.sendall(data)
            connection.client.shutdown(socket.SHUT_WR)


class _Connection:
    """One connection on both sides, and how far its requests have been read."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.change: int | None = None
        self._body = 0
        self._head = b""

    def requests_in(self, data: bytes) -> list[str]:
        """Return the requests whose heads end in the data."""
        requests = []
        while data:
            if self._body:
                passed = min(self._body, len(data))
                self._body -= passed
                data = data[passed:]
                continue
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return requests
            self._head = b""
            first, *headers = head.decode("latin-1").split("\r\n")
            method, path, _ = first.split(" ")
            requests.append(f"{method} {path}")
            for header in headers:
                name, _, value = header.partition(":")
                if name.lower() == "content-length":
                    self._body = int(value)
        return requests
