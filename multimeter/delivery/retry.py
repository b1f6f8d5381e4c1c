"""Retry: how long to wait before a batch is sent again. Pure: no clock, no randomness."""

from __future__ import annotations

import math
from dataclasses import dataclass

from multimeter.errors import ConfigurationError
from multimeter.sinks.base import Retry

__all__ = ["RetryPolicy"]

_MOST_DOUBLINGS = 60


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter; it never gives up.

    Why full jitter: many clients that lost a server at one moment must not come back
    at one moment. https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Attributes:
        first: The most seconds before the first retry; doubled for each further one.
        most: The most seconds between two tries of a server that has trouble.
        refused: The most seconds between two tries where waiting alone will not help,
            such as a wrong token; at least half of it.
        longest_asked: The most seconds that a server's ``Retry-After`` is believed.

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
        """Return how many seconds to wait.

        Args:
            attempt: How often this batch has been tried and failed, from 1.
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
