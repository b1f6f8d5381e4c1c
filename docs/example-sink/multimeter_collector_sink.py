"""A sink for a collector that takes points as JSON over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from multimeter.sinks.base import Accepted, Answer, Batch, Rejected, Retry
from multimeter.sinks.registry import Credentials

__all__ = ["CollectorSink", "open_sink"]

_TIMEOUT_SECONDS = 10.0


class CollectorSink:
    """Posts each batch as one JSON document.

    Its identity goes with it, so that the collector can leave out one that it has.

    Args:
        url: Where the collector listens.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def name(self) -> str:
        """The place, for log lines."""
        return f"the collector at {self._url}"

    @property
    def address(self) -> Mapping[str, str]:
        """How to find it again: kept beside a spool."""
        return {"kind": "collector", "url": self._url}

    def send(self, batch: Batch) -> Answer:
        """Post a batch, once."""
        points = [
            {
                "id": f"{batch.id}:{batch.first + number}",
                "name": record.measurement,
                "tags": dict(record.tags),
                "fields": dict(record.fields),
                "time_ns": record.time_ns,
            }
            for number, record in enumerate(batch.records)
        ]
        body = json.dumps(points).encode()
        request = urllib.request.Request(self._url, body)  # noqa: S310 - the user's own
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
                return Accepted()
        except urllib.error.HTTPError as error:
            reason = f"it answered {error.code}"
            return Rejected(reason) if error.code == 400 else Retry(reason)  # noqa: PLR2004
        except OSError as error:
            return Retry(f"it does not answer: {error}")

    def after_fork(self) -> None:
        """Do nothing: no connection stays open."""

    def close(self) -> None:
        """Do nothing: no connection stays open."""


def open_sink(address: Mapping[str, str], _credentials: Credentials) -> CollectorSink:
    """Return the sink for an address; this collector asks for no credentials."""
    return CollectorSink(address["url"])
