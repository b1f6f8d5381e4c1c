"""Columns: the values of one measure, packed."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, overload

from multimeter.data.record import Unsigned
from multimeter.data.values import PLAIN, plain

__all__ = ["ABSENT", "Column", "ColumnView", "is_number", "same_number"]

_TYPECODES: dict[type, str] = {float: "d", int: "q"}
_NUMBERS = frozenset((float, int, Unsigned))

_VALUE, _NONE, _ABSENT = 0, 1, 2


class _Absent:
    """The type of :data:`ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""Represents a value that was not given at all, as opposed to None."""


def is_number(value: Any) -> bool:
    """Return whether it is a finite number that a float can hold; a boolean is none.

    Args:
        value: A value of a column: numbers in it are of Python's own types.
    """
    if type(value) not in _NUMBERS:
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


class Column:
    """An append-only column: eight bytes a number, as long as all are numbers.

    A value that does not fit (text, a boolean, an integer beyond 64 bits) turns the
    column into a plain list once; no such value is ever rounded or refused. Numbers and
    text of other types are kept as :func:`~multimeter.data.values.plain` makes them.

    Args:
        value_type: The type that most values will have.
    """

    __slots__ = ("_states", "_values")

    def __init__(self, value_type: type) -> None:
        typecode = _TYPECODES.get(value_type)
        self._values: array[Any] | list[Any] = array(typecode) if typecode else []
        # One byte a row, made only when a value is missing for the first time.
        self._states: bytearray | None = None

    def __len__(self) -> int:
        return len(self._values)

    def append(self, value: Any) -> None:
        """Append one value, None, or ABSENT."""
        if value is None or value is ABSENT:
            self.pad(1, _NONE if value is None else _ABSENT)
            return
        if type(value) not in PLAIN:
            value = plain(value)
            if value is None:
                self.pad(1, _NONE)
                return
        values = self._values
        if isinstance(values, array) and not _fits(values.typecode, value):
            self._values = values = list(values)
        # The value comes last: readers in other threads go by the number of values.
        if self._states is not None:
            self._states.append(_VALUE)
        values.append(value)

    def pad(self, rows: int, state: int = _ABSENT) -> None:
        """Append rows without a value."""
        if self._states is None:
            self._states = bytearray(len(self._values))
        self._states.extend(bytes([state]) * rows)
        self._values.extend([0] * rows)

    def get(self, row: int) -> Any:
        """Return the value of a row, None, or ABSENT."""
        if self._states is not None and self._states[row]:
            return None if self._states[row] == _NONE else ABSENT
        return self._values[row]

    def has_value(self, row: int) -> bool:
        """Return whether a row has a value, which is not None."""
        return self._states is None or not self._states[row]

    def packed(self, start: int, stop: int) -> tuple[array[Any] | None, bool]:
        """Return some rows as an array, and whether each of them has a value.

        Returns:
            None and False where the column is no array, or too short.
        """
        values = self._values
        if not isinstance(values, array) or len(values) < stop:
            return None, False
        is_complete = self._states is None or not any(self._states[start:stop])
        return values[start:stop], is_complete

    @property
    def dense(self) -> array[Any] | list[Any] | None:
        """All values as they are stored, or None when some row has no value."""
        return self._values if self._states is None else None


def same_number(values: array[Any]) -> Any:
    """Return the number that all values are, None where they differ or there is none.

    It compares their memory, many times as fast as number by number: 0.0 and -0.0 differ,
    and NaN is the same as itself.
    """
    first = values[:1]
    is_same = first and values.tobytes() == first.tobytes() * len(values)
    return first[0] if is_same else None


def _fits(typecode: str, value: Any) -> bool:
    if typecode == "d":
        # An int in a float column is fine while a double can hold it exactly.
        return type(value) is float or (type(value) is int and abs(value) <= 2**53)
    return type(value) is int and -(2**63) <= value < 2**63


class ColumnView(Sequence[Any]):
    """The values of one measure, read where they lie; None where there is none.

    Args:
        column: The column.
        rows: How many of its rows belong to the view.
    """

    __slots__ = ("_column", "_rows")

    def __init__(self, column: Column, rows: int) -> None:
        self._column = column
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(self._rows))]
        row = range(self._rows)[index]
        if row >= len(self._column):
            return None
        value = self._column.get(row)
        return None if value is ABSENT else value

    @property
    def is_dense(self) -> bool:
        """Whether all are numbers, and there is one in every row."""
        dense = self._column.dense
        return isinstance(dense, array) and len(dense) >= self._rows

    @property
    def is_zero(self) -> bool:
        """Whether all are the number 0, see :func:`same_number`."""
        dense = self._column.dense
        if not isinstance(dense, array) or len(dense) < self._rows:
            return False
        return not self._rows or same_number(dense[: self._rows]) == 0

    def __iter__(self) -> Iterator[Any]:
        dense = self._column.dense
        if dense is not None and len(dense) >= self._rows:
            return itertools.islice(dense, self._rows)
        return (self[row] for row in range(self._rows))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ColumnView({list(self)!r})"
