"""The settings of a delivery: limits, durability, retries, and when the queue is full."""

from __future__ import annotations

import math
import os
import pathlib
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Retry

__all__ = [
    "DeliveryOptions",
    "RetryPolicy",
    "Settings",
    "Tier",
    "WhenFull",
]

Tier = Literal["memory", "spool", "spool+fsync"]
"""What an accepted record survives: nothing; a SIGKILL; a loss of power."""

WhenFull = Literal["spill", "drop_oldest", "block", "raise"]
"""What happens when a record comes to a full queue."""


_MOST_DOUBLINGS = 60


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter; it never gives up.

    Full jitter keeps clients that lost a server together from returning together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Attributes:
        first: The maximum delay before the first retry, in s; doubled for each further
            one.
        most: The maximum delay between attempts while a server fails, in s.
        refused: The maximum delay where waiting alone does not help, such as after a
            wrong token, in s; the minimum is half of it.
        longest_asked: The maximum ``Retry-After`` of a server to honour, in s.

    Raises:
        ConfigurationError: One of them is not a positive, finite number.
    """

    first: float = 0.5
    most: float = 30.0
    refused: float = 30.0
    longest_asked: float = 300.0

    def __post_init__(self) -> None:
        for name, seconds in vars(self).items():
            if not 0 < seconds < math.inf:
                raise ConfigurationError(
                    f"'{name}' must be a positive number of seconds, not {seconds!r}."
                )

    def delay(self, attempt: int, answer: Retry, random: float) -> float:
        """Return the delay before the next attempt, in s.

        Args:
            attempt: How many attempts have failed, from 1.
            answer: The last answer.
            random: A random number, 0 <= random < 1.
        """
        if answer.refused:
            seconds = self.refused * (1 + random) / 2
        else:
            doublings = min(max(attempt, 1) - 1, _MOST_DOUBLINGS)
            seconds = random * min(self.most, self.first * 2.0**doublings)
        if answer.after is None or math.isnan(answer.after):
            return seconds
        return max(seconds, min(answer.after, self.longest_asked))


@dataclass(frozen=True)
class DeliveryOptions:
    """The arguments of a :class:`~multimeter.delivery.Delivery`, except its sink.

    Attributes:
        spool: The folder of the queue on disk.
        tier: What a record survives; by default ``spool`` if a spool is given.
        when_full: What happens when the queue is full.
        max_records: The maximum number of records in memory.
        max_bytes: The maximum number of bytes in memory.
        max_spool_bytes: The maximum number of bytes on disk.
        batch_size: The maximum number of records in one batch.
        linger: How many seconds a record waits at most for others to fill a batch.
        rejects: The file for records that the server refused for good.
        retry: How long to wait after a failed attempt.
        exit_timeout: How many seconds the exit of the program waits for queued records.
        health: Whether to send the statistics to the sink, too.
    """

    spool: str | os.PathLike[str] | None = None
    tier: Tier | None = None
    when_full: WhenFull = "spill"
    max_records: int = 1_000_000
    max_bytes: int = 64 * 2**20
    max_spool_bytes: int = 2**30
    batch_size: int = 5_000
    linger: float = 0.2
    rejects: str | os.PathLike[str] | None = None
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    exit_timeout: float = 5.0
    health: bool = False

    def keywords(self) -> dict[str, Any]:
        """Return the options as keyword arguments of a delivery."""
        return dict(vars(self))


@dataclass(frozen=True)
class Settings:
    """The settings of a delivery; see :class:`multimeter.delivery.Delivery`.

    Raises:
        ConfigurationError: One of them is invalid.
    """

    tier: Tier = "memory"
    spool: pathlib.Path | None = None
    when_full: WhenFull = "spill"
    max_records: int = 1_000_000
    max_bytes: int = 64 * 2**20
    max_spool_bytes: int = 2**30
    batch_size: int = 5_000
    batch_bytes: int = 4 * 2**20
    linger: float = 0.2
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    exit_timeout: float = 5.0

    def __post_init__(self) -> None:
        for name, choices in (("tier", Tier), ("when_full", WhenFull)):
            if getattr(self, name) not in get_args(choices):
                raise ConfigurationError(
                    f"'{name}' must be one of {', '.join(get_args(choices))}, "
                    f"not {getattr(self, name)!r}."
                )
        counts = "max_records", "max_bytes", "max_spool_bytes", "batch_size", "batch_bytes"
        for name in counts:
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or number < 1:
                raise ConfigurationError(
                    f"'{name}' must be a positive whole number, not {number!r}."
                )
        for name in ("linger", "exit_timeout"):
            seconds = getattr(self, name)
            if not 0 <= seconds < math.inf:
                raise ConfigurationError(
                    f"'{name}' must be a number of seconds, not {seconds!r}."
                )
        if self.tier != "memory" and self.spool is None:
            raise ConfigurationError(
                f"The tier '{self.tier}' needs a spool.",
                next_step="Choose a folder: spool='~/.multimeter/spool'.",
            )
