"""Parameters of requests: which run, which range of time, how many buckets."""

from __future__ import annotations

import re

from starlette.datastructures import QueryParams

from multimeter.visualization.embedded.http.limits import Limits
from multimeter.visualization.embedded.http.responses import RequestError
from multimeter.visualization.embedded.store.runs import RunDescription, describe_run
from multimeter.visualization.embedded.store.store import Store

__all__ = ["buckets_of", "integer_of", "range_of", "require_run"]

_BUCKETS = 1_000
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


def range_of(
    parameters: QueryParams, start: int | None = None, stop: int | None = None
) -> tuple[int, int]:
    """Return ``start`` and ``stop`` in ns since the epoch, or what is given for them.

    Raises:
        RequestError: One is no integer, or is missing, or they are the wrong way round.
    """
    start = integer_of(parameters, "start", start)
    stop = integer_of(parameters, "stop", stop)
    if stop < start:
        raise RequestError("invalid", "stop: not before start")
    return start, stop


def integer_of(parameters: QueryParams, name: str, default: int | None = None) -> int:
    """Return a number that is asked for, or the default where none is.

    Raises:
        RequestError: It is none, or has more digits than 64 bits hold, or there is
            neither.
    """
    text = parameters.get(name)
    if not text and default is not None:
        return default
    if not _INTEGER.fullmatch(text or ""):
        raise RequestError("invalid", f"{name}: not an integer of at most 19 digits")
    return int(text or "")


def buckets_of(parameters: QueryParams, limits: Limits) -> int:
    """Return into how many buckets a range is to be cut.

    Raises:
        RequestError: Into too many.
    """
    buckets = integer_of(parameters, "buckets", _BUCKETS)
    if not 1 <= buckets <= limits.buckets:
        raise RequestError("invalid", f"buckets: from 1 to {limits.buckets}")
    return buckets
