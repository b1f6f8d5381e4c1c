"""Values: what a Python object becomes where it is kept, sent or shown.

A probe, a tag or meta data may hold an object of any type, also one whose own methods
raise. Nothing here raises, and nothing calls a method of such an object that a plain value
has in C: a measured program must not be stopped by what was measured.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Mapping
from typing import Any

from multimeter.data.record import Unsigned

__all__ = ["PLAIN", "field_value", "json_text", "json_value", "plain", "simple", "text_of"]

PLAIN = frozenset((float, int, str, bool, type(None), Unsigned))
"""The types that every format knows."""

# Python itself writes and reads no integer of more digits than 4,300.
_MOST_BITS = 14_000
_DEEPEST = 100


def plain(value: Any) -> Any:
    """Return the plain number or text that a value represents, else the value itself.

    - A subclass of ``int``, ``float`` or ``str`` (an ``IntEnum``, ``numpy.str_``) is what
      it is derived from, whatever its own methods say.
    - What has no dimensions and a method ``item`` (a scalar of numpy, a tensor) is its
      number. A masked one, and a time that is none, are None.
    - Any other number (``Decimal``, ``Fraction``) is a float, and NaN where a float
      cannot hold it; a complex number stays as it is.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    try:
        return _plain(value, kind)
    except Exception:  # noqa: BLE001 - an object of any type may raise anything
        return value


def _plain(value: Any, kind: type) -> Any:
    if issubclass(kind, int):
        return int.__index__(value)
    if issubclass(kind, float):
        return float.__float__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    dimensions = getattr(value, "ndim", None)
    if type(dimensions) is int and dimensions == 0:
        return _item(value)
    return _number(value, kind)


def _item(scalar: Any) -> Any:
    """Return what is in a scalar of numpy and its kin."""
    mask = getattr(scalar, "mask", None)
    if mask is not None and bool(mask):
        return None
    item = scalar.item()
    if getattr(getattr(scalar, "dtype", None), "kind", "") in ("M", "m"):
        # A time is an integer or a datetime, by its unit; its text is always the same.
        return None if item is None or str(scalar) == "NaT" else str(scalar)
    kind = type(item)
    if kind in PLAIN:
        return item
    # A long double is its own item.
    return _number(item, kind) if hasattr(item, "ndim") else plain(item)


def _number(value: Any, kind: type) -> Any:
    """Return a number of another type as a plain one, and all else as it is."""
    if not issubclass(kind, numbers.Number):
        return value
    try:
        if issubclass(kind, numbers.Integral):
            return int.__index__(operator.index(value))
        if issubclass(kind, numbers.Complex) and not issubclass(kind, numbers.Real):
            return value
        return float.__float__(float(value))
    except (OverflowError, ValueError):
        return math.nan


def field_value(value: Any) -> Any:
    """Return a value as a field of a database holds it: a number, text, a boolean or None.

    What is neither becomes text.
    """
    value = plain(value)
    return value if type(value) in PLAIN else text_of(value)


def text_of(value: Any) -> str:
    """Return any object as text; one that has none is named by its type."""
    kind = type(value)
    try:
        if issubclass(kind, str):
            return str.__str__(value)
        # str() of bytes is an error where Python is set so (-bb).
        text = repr(value) if issubclass(kind, (bytes, bytearray)) else str(value)
        return str.__str__(text)
    except Exception:  # noqa: BLE001 - an object of any type may raise anything
        return f"<{_name_of(kind)} without text>"


def _name_of(kind: type) -> str:
    try:
        # A metaclass may have a __name__ of its own.
        return str(type.__dict__["__name__"].__get__(kind))
    except Exception:  # noqa: BLE001 - as above
        return "object"


def simple(value: Any, depth: int = 0) -> Any:
    """Return a value of plain ones, in lists and dicts at most.

    Keys become text, and so does what is neither plain nor a container, and what contains
    itself or is nested too deeply.

    Args:
        value: Any object.
        depth: How deeply it is nested in another one.
    """
    value = plain(value)
    kind = type(value)
    if kind in PLAIN:
        return value
    try:
        if depth < _DEEPEST and issubclass(kind, Mapping):
            return {text_of(k): simple(each, depth + 1) for k, each in value.items()}
        if depth < _DEEPEST and issubclass(kind, (list, tuple)):
            return [simple(each, depth + 1) for each in value]
    except Exception:  # noqa: BLE001, S110 - as above
        pass
    return text_of(value)


def json_value(value: Any, *, nan: bool = False) -> Any:
    """Return what JSON (RFC 8259) can say of a value, as :func:`simple` makes it.

    JSON has neither NaN nor infinity: they become null, as does an integer of thousands of
    digits, which nothing reads back.

    Args:
        value: Any object.
        nan: Whether NaN and infinity stay, for a reader that knows them as Python does.
    """
    return _given(simple(value), nan=nan)


def _given(value: Any, *, nan: bool) -> Any:
    if isinstance(value, float) and not (nan or math.isfinite(value)):
        return None
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        return None
    if isinstance(value, dict):
        return {key: _given(each, nan=nan) for key, each in value.items()}
    if isinstance(value, list):
        return [_given(each, nan=nan) for each in value]
    return value


def json_text(value: Any, *, nan: bool = False) -> str:
    """Return any value as one line of JSON; see :func:`json_value`."""
    import json  # slow to load, and not needed to measure

    try:
        return json.dumps(value, allow_nan=nan, default=field_value)
    except Exception:  # noqa: BLE001 - as above, and what JSON lacks
        return json.dumps(json_value(value, nan=nan), allow_nan=nan)
