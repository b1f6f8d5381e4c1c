"""The settings of a delivery: limits, durability, and what happens when it is full."""

from __future__ import annotations

import math
import os
import pathlib
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from multimeter.delivery.retry import RetryPolicy
from multimeter.errors import ConfigurationError

__all__ = ["DeliveryOptions", "Settings", "Tier", "WhenFull"]

Tier = Literal["memory", "spool", "spool+fsync"]
"""What an accepted record survives: nothing; a SIGKILL; a loss of power."""

WhenFull = Literal["spill", "drop_oldest", "block", "raise"]
"""What happens when a record comes to a full queue."""


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
