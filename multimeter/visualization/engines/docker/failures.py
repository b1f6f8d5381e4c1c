"""Failures of a container engine: their causes and next steps."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

from multimeter.visualization.errors import (
    EngineError,
    EngineGoneError,
    PortTakenError,
    VisualizationError,
)

__all__ = [
    "context_error",
    "image_error",
    "no_engine_error",
    "reason_of",
    "refusal",
    "stopped_answering_error",
    "with_deadline",
]

T = TypeVar("T")

_CONFLICT = 409
_TAKEN = ("port is already allocated", "address already in use", "ports are not available")


def reason_of(error: BaseException, timeout: float) -> str:
    """Return a short reason why an engine cannot be used."""
    text = f"{type(error).__name__}: {error}"
    reasons = {
        "FileNotFoundError": "no such socket",
        "PermissionError": "no permission; on Linux, be in the group docker",
        "refused": "nothing listens there",
        "timed out": f"no answer within {timeout} s",
        "Timeout": f"no answer within {timeout} s",
    }
    return next((reason for part, reason in reasons.items() if part in text), text)


def no_engine_error(tried: Sequence[str]) -> EngineError:
    """Return the error that no engine answers.

    Args:
        tried: The addresses tried, each with the reason of its failure.
    """
    return EngineError(
        "No Docker engine answers. Tried:\n" + "\n".join(f"  {each}" for each in tried),
        cause="Docker is not installed or not running, or you have no permission.",
        next_step="Start it (Docker Desktop, or: sudo systemctl start docker), set"
        " DOCKER_HOST, or use: multimeter-visu install --engine embedded",
    )


def context_error(context: str, reason: str) -> EngineError:
    """Return the error that a context of the docker CLI cannot be used."""
    return EngineError(
        f"The docker context '{context}' cannot be used: {reason}.",
        cause="DOCKER_CONTEXT or the configuration of the docker CLI names it.",
        next_step="docker context ls, then: docker context use NAME",
    )


def image_error(name: str, reason: str) -> VisualizationError:
    """Return the error that an image cannot be pulled."""
    return VisualizationError(
        f"The image {name} is not present, and cannot be pulled: {reason}",
        cause="This machine has no network, or there is no such image.",
        next_step="On a machine with a network:"
        f" docker pull {name} && docker save -o image.tar {name}"
        "; here: docker load -i image.tar. Or choose another with --influxdb-image or"
        " --grafana-image, or use --engine embedded.",
    )


def refusal(what: str, message: str, status: int | None) -> VisualizationError:
    """Return the error that an engine refused a request.

    Args:
        what: The request, to complete "could not ...".
        message: The message in its answer.
        status: The HTTP status of its answer.
    """
    if any(each in message.lower() for each in _TAKEN):
        return PortTakenError(
            f"The engine could not {what}: {message}",
            cause="Another program listens on that port.",
            next_step="Stop that program, or choose another port with --influxdb-port or"
            " --grafana-port.",
        )
    taken = status == _CONFLICT
    return VisualizationError(
        f"The engine could not {what}: {message}",
        cause="Something of that name exists already, and is not ours." if taken else "",
        next_step="multimeter-visu doctor",
    )


def stopped_answering_error(host: str, what: str) -> EngineGoneError:
    """Return the error that an engine has stopped answering."""
    return EngineGoneError(
        f"The engine at {host} stopped answering; it was asked to {what}.",
        cause="It was stopped, or it hangs.",
        next_step="Start it, then do the same again.",
    )


def with_deadline(source: Iterator[T], seconds: float) -> Iterator[T]:
    """Yield the items of an iterator that may block for ever.

    Raises:
        TimeoutError: No item came in time.
    """
    arrived: queue.Queue[tuple[T | None, Exception | None]] = queue.Queue()
    end = StopIteration()

    def listen() -> None:
        try:
            for each in source:
                arrived.put((each, None))
            arrived.put((None, end))
        except Exception as error:  # noqa: BLE001 - raised again by the consumer
            arrived.put((None, error))

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            each, error = arrived.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no progress for {seconds:.0f} s") from None
        if error is end:
            return
        if error is not None:
            raise error
        yield each  # type: ignore[misc]
