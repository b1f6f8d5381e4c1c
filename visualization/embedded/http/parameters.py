"""Parameters of requests that are about one run, and a range of its time."""

from __future__ import annotations

import re

from starlette.datastructures import QueryParams

from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.runs import RunDescription, describe_run
from multimeter.visualization.embedded.store.store import Store

__all__ = ["integer_of", "range_of", "require_run"]

_INTEGER = re.compile(r"-?[0-9]{1,19}")


def require_run(store: Store, parameters: QueryParams) -> RunDescription:
    """Return the run that ``run`` names.

    Raises:
        RequestError: It names none, or one that there is not.
    """
    if "run" not in parameters:
        raise RequestError("invalid", "run: which one?")
    name = parameters["run"]
    found = describe_run(store, name)
    if found is None:
        raise RequestError("not found", f'run "{name}" not found')
    return found


def range_of(parameters: QueryParams, start: int, stop: int) -> tuple[int, int]:
    """Return ``start`` and ``stop`` in ns since the epoch, or what is given for them.

    Raises:
        RequestError: One is no integer, or they are the wrong way round.
    """
    start = integer_of(parameters, "start", start)
    stop = integer_of(parameters, "stop", stop)
    if stop < start:
        raise RequestError("invalid", "stop: not before start")
    return start, stop


def integer_of(parameters: QueryParams, name: str, default: int) -> int:
    """Return an integer.

    Raises:
        RequestError: It is none, or has more digits than 64 bits hold.
    """
    text = parameters.get(name)
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise RequestError("invalid", f"{name}: not an integer of at most 19 digits")
    return int(text)
