"""What the command line says."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from peer import peer_python

__all__ = ["TOKEN_VARIABLE", "Options"]

TOKEN_VARIABLE = "INFLUXDB_V2_TOKEN"
"""Where the token of a server stands: not among arguments, which everyone can see."""


@dataclass(frozen=True)
class Options:
    """What a benchmark may want to know.

    Attributes:
        given_peer_python: A Python that has multimeter 0.1, if the user named one.
        url: A server to write to; None for a sink of the benchmark's own.
        org: The organisation.
        bucket: The bucket.
    """

    given_peer_python: str | None = None
    url: str | None = None
    org: str = "kantai"
    bucket: str = "multimeter"

    @functools.cached_property
    def peer_python(self) -> str:
        """A Python that has multimeter 0.1; made when it is first asked for."""
        return peer_python(self.given_peer_python)
