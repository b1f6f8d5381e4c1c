"""The client of a stack: what the tool asks of a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from multimeter.visualization.config import StackConfig
from multimeter.visualization.errors import VisualizationError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["StackClient"]

_SECONDS = 30.0


class StackClient:
    """Asks the server of one stack; a context manager.

    Args:
        config: The configuration of the stack.
    """

    def __init__(self, config: StackConfig) -> None:
        self._config = config
        self._session = requests.Session()
        # The server is on this machine: no proxy, and no .netrc, knows better.
        self._session.trust_env = False

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._session.close()

    def write(self, lines: bytes) -> None:
        """Write lines of line protocol, times in ns.

        Raises:
            VisualizationError: The server does not answer, or refuses them.
        """
        where = {"org": self._config.org, "bucket": self._config.bucket}
        self._ask("POST", "/api/v2/write", self._config.token, params=where, data=lines)

    def login_code(self) -> str:
        """Return a code that opens the page once.

        Raises:
            VisualizationError: The server does not answer, or refuses it.
        """
        answer = self._ask("POST", "/api/login-codes", self._config.read_token)
        return str(answer.json()["code"])

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs, newest first.

        Raises:
            VisualizationError: The server does not answer, or refuses it.
        """
        answer = self._ask("GET", "/api/runs", self._config.read_token)
        return list(answer.json())

    def _ask(self, method: str, path: str, token: str, **more: Any) -> requests.Response:
        url = self._config.url + path
        headers = {"Authorization": f"Token {token}"}
        try:
            answer = self._session.request(
                method, url, headers=headers, timeout=_SECONDS, **more
            )
        except requests.RequestException as error:
            raise VisualizationError(
                f"{self._config.url} does not answer.",
                cause="The stack is stopped, or still starting.",
                next_step="multimeter-visu start",
            ) from error
        if not answer.ok:
            raise VisualizationError(
                f"{url} answered {answer.status_code}: {answer.text[:200]}",
                cause="Another program, or the stack of another configuration, listens"
                " there.",
                next_step="multimeter-visu status",
            )
        return answer
