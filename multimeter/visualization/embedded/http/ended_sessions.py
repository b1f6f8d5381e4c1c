"""Sessions that have ended before their time: kept in a file, as long as they would count.

The file holds no secret: a name makes no cookie without the key.
"""

from __future__ import annotations

import json
import logging
import pathlib
import threading
from collections.abc import Callable

from multimeter.system.durable import PRIVATE_FILE, write_file

__all__ = ["EndedSessions"]

logger = logging.getLogger("multimeter.visualization")

_MOST = 10_000
_UNREADABLE = (
    OSError,
    ValueError,
    OverflowError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)


class EndedSessions:
    """Which sessions have ended, also when the server is started again.

    Where the file cannot be read, or there are too many, all sessions that were started
    before count as ended: a browser has to log in again, and none counts wrongly.

    Args:
        file: Where they are kept; None for in memory alone.
        now_ns: Returns the time, in ns since the epoch.
    """

    def __init__(self, file: pathlib.Path | None, now_ns: Callable[[], int]) -> None:
        self._file = file
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._since = 0
        self._expiries: dict[str, int] = {}
        if file is not None:
            self._read(file)

    def __len__(self) -> int:
        """Return how many are kept one by one."""
        return len(self._expiries)

    def has(self, name: str, start: int) -> bool:
        """Whether a session has ended.

        Args:
            name: The name of the session.
            start: When it was started, in ns since the epoch.
        """
        return name in self._expiries or start < self._since

    def add(self, name: str, expiry: int) -> None:
        """End a session; it is on the disk on return.

        Args:
            name: The name of the session.
            expiry: When it would have ended anyway, in ns since the epoch.
        """
        with self._lock:
            now = self._now_ns()
            kept = {k: v for k, v in self._expiries.items() if v > now}
            if len(kept) >= _MOST:
                kept, self._since = {}, now
            self._expiries = {**kept, name: expiry}
            self._write()

    def _read(self, file: pathlib.Path) -> None:
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
            # What has begun in the future would keep everyone out until then.
            self._since = min(int(data["since"]), self._now_ns())
            self._expiries = {str(k): int(v) for k, v in data["ended"].items()}
        except FileNotFoundError:
            return
        except _UNREADABLE:
            self._since = self._now_ns()
            logger.warning("%s cannot be read: all browsers have to log in again.", file)

    def _write(self) -> None:
        if self._file is None:
            return
        data = {"since": self._since, "ended": self._expiries}
        try:
            write_file(self._file, json.dumps(data), PRIVATE_FILE)
        except OSError as error:
            logger.warning(
                "%s cannot be written: %s. Who has logged out is known until the server "
                "is stopped, and written with the next one.",
                self._file,
                error.strerror,
            )
