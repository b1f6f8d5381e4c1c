"""A program that listens in a server's place: it keeps all it is sent, and likes it all."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["ANSWERS", "Impostor"]

_EMPTY = b"Content-Length: 0\r\n\r\n"
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"
_PROOF = _NO_CONTENT + b"X-Multimeter-Proof: "

ANSWERS = {
    "no content": _NO_CONTENT + b"X-Influxdb-Build: multimeter\r\n\r\n",
    "ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    "a page": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: {here}/login\r\n" + _EMPTY,
    "keep the method": b"HTTP/1.1 307 Moved\r\nLocation: {here}/\r\n" + _EMPTY,
    "ask for a name": b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\n" + _EMPTY,
    "empty proof": _PROOF + b"\r\n\r\n",
    "odd proof": _PROOF + b"\xe4,,\xff\r\n\r\n",
    "wrong proof": _PROOF + b"0" * 64 + b"\r\n\r\n",
    "the challenge itself": _PROOF + b"{challenge}\r\n\r\n",
    "no http": b"220 mail.example.org ESMTP\r\n",
    "nothing": b"",
    "a body without an end": b"HTTP/1.1 200 OK\r\n\r\n<html>",
    "a body that is long": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<html>",
    "go on": b"HTTP/1.1 100 Continue\r\n\r\n",
    "no line": b"\x15\x03\x01\x00\x02\x02\x0a",
    "busy": b"HTTP/1.1 503 Service Unavailable\r\n" + _EMPTY,
}
"""What programs answer that are no server of ours."""


class Impostor:
    """Listens on a port.

    Args:
        answer: What it answers; ``{here}`` and ``{challenge}`` are put in.
        port: The port; 0 for any that is free.

    Attributes:
        received: All bytes that came.
    """

    def __init__(self, answer: bytes, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._answer = answer
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.received = b""
        self._open: list[socket.socket] = []

    @classmethod
    @contextmanager
    def running(cls, answer: bytes, port: int = 0) -> Iterator[Impostor]:
        impostor = cls(answer, port)
        thread = threading.Thread(target=impostor._accept)
        thread.start()
        try:
            yield impostor
        finally:
            with suppress(OSError):
                impostor._listener.shutdown(socket.SHUT_RDWR)
            impostor._listener.close()
            for each in impostor._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        threads = []
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threads.append(threading.Thread(target=self._serve, args=(connection,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while data := connection.recv(65536):
                self.received += data
                if not self._answer:
                    return
                connection.sendall(self._fill(data))

    def _fill(self, data: bytes) -> bytes:
        answer = self._answer.replace(b"{here}", self.url.encode())
        for line in data.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"x-multimeter-challenge":
                answer = answer.replace(b"{challenge}", value.strip())
        return answer
