"""The client of an embedded stack: what the tool asks of its running server."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

from multimeter.connection import Connection
from multimeter.errors import StorageError
from multimeter.http.proof import ProvingToken
from multimeter.runs.client import ReadClient
from multimeter.sinks.write_client import WriteClient
from multimeter.visualization.config import StackConfig
from multimeter.visualization.errors import VisualizationError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StackClient"]

_SECONDS = 30.0
_STORED = 204


class StackClient:
    """Asks the server of one stack, once it has proved who it is; a context manager.

    Args:
        config: The configuration of the stack.

    Raises:
        ConfigurationError: Its URL or its tokens cannot be used.
    """

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        token, read_token = ProvingToken(config.token), ProvingToken(config.read_token)
        url, org, bucket = config.url, config.org, config.bucket
        self._reader = ReadClient(Connection(url, org, bucket, token, read_token))
        self._writer = WriteClient(
            token, url, org, bucket, timeout=_SECONDS, gzip=False, ca=None
        )

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._writer.close()

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol, times in ns.

        Raises:
            VisualizationError: The server does not answer, or refuses them.
            UnprovenServerError: Another program listens there.
        """
        try:
            answer = self._writer.post(lines)
        except (OSError, http.client.HTTPException) as error:
            raise VisualizationError(
                f"{self._config.url} does not answer: {error}",
                cause="The stack is stopped, or still starting.",
                next_step="multimeter-visu start",
            ) from error
        if answer.status != _STORED:
            said = answer.body[:200].decode("utf-8", "replace")
            raise VisualizationError(
                f"{self._config.url} answered {answer.status}: {said}",
                cause="Another program, or the stack of another configuration, listens"
                " there.",
                next_step="multimeter-visu status",
            )

    def login_code(self) -> str:
        """Return a code that opens the page once.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        with self._reader.answer("/api/login-codes", body={}) as answer:
            try:
                return str(json.load(answer)["code"])
            except (ValueError, RecursionError, TypeError, KeyError) as error:
                raise StorageError(f"{self._config.url} gave no code.") from error

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, newest first.

        Raises:
            StorageError: The server does not answer, or refuses it.
        """
        return list(self._reader.json("/api/runs"))
