"""A server of MySQL's protocol that asks for what no honest one would ask for.

https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fakes.certificates import Certificate

__all__ = ["Ask", "MySQLFake"]

SECONDS = 30
_PROTOCOL_41, _SSL, _SECURE, _PLUGINS = 1 << 9, 1 << 11, 1 << 15, 1 << 19
_WITH_DATABASE = 1 << 3
_SALT = b"12345678abcdefghijkl"
_OK = b"\0\0\0\2\0\0\0"


@dataclass(frozen=True)
class Ask:
    """What it asks for while a client logs in.

    Attributes:
        plugin: The plugin in its greeting.
        switch: The plugin that it then wants, if another one.
        more: What it sends then, before it says OK; the client answers each,
        unanswered: but for these.
        query: What it answers to each query.
    """

    plugin: str = "mysql_native_password"
    switch: str = ""
    more: Sequence[bytes] = ()
    unanswered: Sequence[bytes] = (b"\x01\x03",)
    query: bytes = _OK


@dataclass
class MySQLFake:
    """The server.

    Attributes:
        ask: What it asks for.
        certificate: Its certificate; without one it offers no TLS.
        heard: All that clients have sent, as it was before it was encrypted.
    """

    ask: Ask
    certificate: Certificate | None = None
    heard: bytearray = field(default_factory=bytearray)
    port: int = 0

    @contextmanager
    def running(self) -> Iterator[MySQLFake]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            thread = threading.Thread(target=self._serve, args=[listener])
            thread.start()
            try:
                yield self
            finally:
                # A thread that accepts wakes up for a last client.
                listener.settimeout(0)
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                thread.join(SECONDS)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.settimeout(SECONDS)
            talk = _Talk(client, self.heard)
            with contextlib.closing(talk), contextlib.suppress(OSError, EOFError):
                self._talk(talk)

    def _talk(self, talk: _Talk) -> None:
        flags = _PROTOCOL_41 | _SECURE | _PLUGINS | _WITH_DATABASE
        flags |= _SSL if self.certificate else 0
        low, high = flags & 0xFFFF, flags >> 16
        talk.send(
            b"\x0a8.0.0-fake\0"
            + struct.pack("<I", 1)
            + _SALT[:8]
            + struct.pack("<xHBHHB10x", low, 45, 2, high, len(_SALT) + 1)
            + _SALT[8:]
            + b"\0"
            + self.ask.plugin.encode()
            + b"\0"
        )
        answer = talk.receive()
        if self.certificate and struct.unpack("<I", answer[:4])[0] & _SSL:
            talk.encrypt(self.certificate)
            talk.receive()
        if self.ask.switch:
            talk.send(b"\xfe" + self.ask.switch.encode() + b"\0" + _SALT + b"\0")
            talk.receive()
        for packet in self.ask.more:
            talk.send(packet)
            if packet not in self.ask.unanswered:
                talk.receive()
        talk.send(_OK)
        while True:
            talk.number = 0
            talk.receive()
            talk.send(self.ask.query)


class _Talk:
    """Packets, to and fro."""

    def __init__(self, client: socket.socket, heard: bytearray) -> None:
        self.number = 0
        self._client = client
        self._heard = heard

    def close(self) -> None:
        self._client.close()

    def send(self, data: bytes) -> None:
        self._client.sendall(struct.pack("<I", len(data))[:3] + bytes([self.number]) + data)
        self.number += 1

    def receive(self) -> bytes:
        head = self._exactly(4)
        data = self._exactly(int.from_bytes(head[:3], "little"))
        self.number = head[3] + 1
        return data

    def encrypt(self, certificate: Certificate) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.file, certificate.key)
        self._client = context.wrap_socket(self._client, server_side=True)

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            part = self._client.recv(size - len(found))
            if not part:
                raise EOFError
            self._heard += part
            found += part
        return found
