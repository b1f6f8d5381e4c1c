"""A forwarder: passes connections on to another address, and closes all of them."""

from __future__ import annotations

import contextlib
import socket
import threading

Address = str | tuple[str, int]


class Forwarder:
    """Listens on TCP, on one port of some addresses of this machine.

    Args:
        target: Where connections go: a socket's path, or an address with a port.
        hosts: The addresses on which it listens.
    """

    def __init__(self, target: Address, *hosts: str) -> None:
        self._target = target
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        first = socket.create_server((hosts[0], 0))
        self.port = int(first.getsockname()[1])
        others = [socket.create_server((host, self.port)) for host in hosts[1:]]
        for listener in (first, *others):
            self._sockets.append(listener)
            self._run(self._accept, listener)

    def close(self) -> None:
        """Be gone, with all connections."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _run(self, work: object, *sockets: socket.socket) -> None:
        thread = threading.Thread(target=work, args=sockets, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = self._connect()
                self._sockets += [client, server]
                self._run(_pump, client, server)
                self._run(_pump, server, client)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._target)
            return server
        return socket.create_connection(self._target)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
