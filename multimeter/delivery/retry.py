"""The retry policy: delays between attempts. Pure: no clock, no random source."""

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
