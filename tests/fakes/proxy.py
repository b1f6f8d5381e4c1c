"""A TCP proxy that breaks connections as it is told."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

__all__ = ["Fault", "Proxy", "random_faults"]

_CHUNK = 65_536


@dataclass(frozen=True)
class Fault:
    """How one connection ends.

    Attributes:
        direction: ``up``: what the client sends is counted; ``down``: what it gets. So
            ``Fault("down", 0, "cut")`` passes a request on and swallows its answer.
        after: After how many bytes.
        deed: ``cut``: both sides see an end (FIN); ``reset``: both see a reset (RST);
            ``stall``: nothing is passed on any more, and nobody is told.
    """

    direction: Literal["up", "down"]
    after: int
    deed: Literal["cut", "reset", "stall"]


def random_faults(seed: int, number: int, most_bytes: int) -> list[Fault]:
    """Return faults of all kinds but stalls, which cost a time-out each."""
    chance = random.Random(seed)
    faults = []
    for _ in range(number):
        deed: Literal["cut", "reset"] = chance.choice(["cut", "reset"])
        if chance.random() < 0.5:
            faults.append(Fault("up", chance.randrange(most_bytes), deed))
        else:
            faults.append(Fault("down", chance.choice([0, 0, 20, 1_000]), deed))
    return faults


class Proxy:
    """Passes connections on to a port of this machine.

    Attributes:
        url: Where it listens.
        faults: What happens to the connections to come, in turn; then nothing.
        happened: How many of them happened.
        rate: How many bytes a second clients may send, or None.
        is_open: Whether it takes connections; else they are reset at once.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.faults: list[Fault] = []
        self.happened = 0
        self.rate: int | None = None
        self.is_open = True
        self._loop = asyncio.new_event_loop()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        # Small buffers: else the system would take in what the proxy shall not.
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @classmethod
    @contextmanager
    def running(cls, target: int) -> Iterator[Proxy]:
        proxy = cls(target)
        thread = threading.Thread(target=proxy._serve)
        thread.start()
        try:
            yield proxy
        finally:
            proxy._loop.call_soon_threadsafe(proxy._loop.stop)
            thread.join()

    def cut_all(self) -> None:
        """Reset all connections that are there now."""
        self._loop.call_soon_threadsafe(self._cut_all)

    def _cut_all(self) -> None:
        for pair in list(self._pairs):
            _end(pair, "reset")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, sock=self._socket, limit=_CHUNK)
        )
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._cut_all()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        fault = self.faults.pop(0) if self.faults else None
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _end((writer,), "reset")
            return
        pair = (writer, up_writer)
        self._pairs.add(pair)
        up = fault if fault and fault.direction == "up" else None
        down = fault if fault and fault.direction == "down" else None
        with suppress(asyncio.CancelledError):
            await asyncio.gather(
                self._pump(reader, up_writer, up, pair, self.rate),
                self._pump(up_reader, writer, down, pair, None),
            )
        self._pairs.discard(pair)
        _end(pair, "cut")

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault | None,
        pair: tuple[asyncio.StreamWriter, ...],
        rate: int | None,
    ) -> None:
        passed = 0
        with suppress(OSError):
            while data := await reader.read(rate // 10 if rate else _CHUNK):
                if fault and passed + len(data) > fault.after:
                    writer.write(data[: fault.after - passed])
                    self.happened += 1
                    if fault.deed == "stall":
                        await asyncio.Event().wait()
                    _end(pair, fault.deed)
                    return
                passed += len(data)
                writer.write(data)
                await writer.drain()
                if rate:
                    await asyncio.sleep(len(data) / rate)
            writer.write_eof()


def _end(writers: tuple[asyncio.StreamWriter, ...], deed: str) -> None:
    for writer in writers:
        if deed == "reset":
            found = writer.get_extra_info("socket")
            with suppress(OSError):
                no_linger = struct.pack("ii", 1, 0)
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
            writer.transport.abort()
        else:
            writer.close()
