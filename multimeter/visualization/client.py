"""Writes to a stack, on the way that the library's own points take."""

from __future__ import annotations

from multimeter.http.proof import ProvingToken
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.influx import InfluxDBSink
from multimeter.visualization.config import StackConfig
from multimeter.visualization.errors import VisualizationError

__all__ = ["write_lines"]


def write_lines(config: StackConfig, lines: bytes) -> None:
    """Write lines of line protocol, times in ns; none at all try whether it is possible.

    Args:
        config: The configuration of the stack.
        lines: The lines.

    Raises:
        VisualizationError: The server does not answer, or refuses them.
        ConfigurationError: Its URL or its token cannot be used.
    """
    token = ProvingToken(config.token) if config.engine == "embedded" else config.token
    sink = InfluxDBSink(token, config.url, config.org, config.bucket)
    answer = sink.send(Batch("", [lines]))
    sink.close()
    if not isinstance(answer, Accepted):
        next_step = answer.next_step if isinstance(answer, Retry) else ""
        raise VisualizationError(
            f"{config.url} takes no points: {answer.reason}",
            next_step=next_step or "multimeter-visu doctor",
        )
