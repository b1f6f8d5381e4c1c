"""LiveRun: a run as line protocol, while it goes on.

The lines are those of :mod:`multimeter.lines.result_encoder`, one by one. The entry of the
run in ``multimeter_runs`` is there from the start, at the time of the start, and says how
the run is:

- ``state``: ``running``, and ``finished`` when it has ended in order;
- ``alive_until``: in ns since the epoch; a run that is ``running`` and has let this time
  go by without a later one has died with its program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multimeter.data.identifiers import MARKS, RUNS
from multimeter.data.record import Record
from multimeter.data.values import field_value, text_of
from multimeter.errors import FormatError
from multimeter.lines.protocol import (
    encode,
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
    portable_measurement,
)
from multimeter.lines.result_encoder import check_identifier
from multimeter.lines.run_entry import entry_fields
from multimeter.result import Result

__all__ = ["LiveRun"]

_BEAT_NS = 5 * 10**9
_GRACE_NS = 60 * 10**9
_TEXT = frozenset((str,))


class LiveRun:
    """Encodes a run while it goes on.

    Args:
        result: The result of the run; it needs an identifier.
        put: Takes a line (or None for a point without any value), and how many fields
            of it had no form.
        start_ns: The time of the start, in ns since the epoch.

    Raises:
        FormatError: The result has no identifier, or two of its measures or tags
            cannot be distinguished in line protocol.
    """

    def __init__(
        self, result: Result, put: Callable[[bytes | None, int], None], start_ns: int
    ) -> None:
        check_identifier(result)
        self.result = result
        self._put = put
        self._start_ns = start_ns
        self._measurement = portable_measurement(result.identifier or "")
        self._head = escape_measurement(result.identifier or "") + format_tags(result.tags)
        # A field keeps the type of its first value: integers beside floats become floats.
        self._keys: dict[str, str] = {}
        self._floats = {
            each.key for each in result.schema.measures if each.metric.value_type is float
        }
        for key in result.columns:
            self._add_key(key)
        self._last_ns = self._beat_ns = start_ns
        fields = {**entry_fields(result), "start": start_ns, "state": "running"}
        # An entry of 0 points would be that of a run that has ended without any.
        del fields["points"]
        self._put_entry(fields, start_ns)

    def append(self, time_ns: int, values: Mapping[str, Any]) -> None:
        """Put a point."""
        if not _TEXT.issuperset(map(type, values.keys())):
            values = {text_of(key): value for key, value in values.items()}
        texts, left_out = [], 0
        for key, value in values.items():
            if value is None:
                continue
            prefix = self._keys.get(key) or self._add_key(key)
            text = self._text(key, value)
            if text is None:
                left_out += 1
            else:
                texts.append(prefix + text)
        line = f"{self._head} {','.join(texts)} {time_ns}".encode() if texts else None
        self._put(line, left_out)
        interval, self._last_ns = time_ns - self._last_ns, time_ns
        if time_ns - self._beat_ns >= _BEAT_NS:
            self._beat_ns = time_ns
            points = len(self.result.times_ns)
            self._put_entry({"points": points}, time_ns + 3 * interval)

    def mark(self, time_ns: int, label: str) -> None:
        """Put a mark."""
        self._put_record(
            Record(MARKS, {"measurement": self._measurement}, {"label": label}, time_ns)
        )

    def close(self) -> None:
        """Put the end of the run."""
        for time_ns, label in self.result.marks_ns:
            self.mark(time_ns, label)
        self._put_entry({**entry_fields(self.result), "state": "finished"}, None)

    def _add_key(self, key: str) -> str:
        prefix = f"{escape_key(key)}="
        if prefix in self._keys.values():
            raise FormatError(
                f"Two measures have the same name in line protocol: {prefix[:-1]}",
                cause="Their keys differ only in characters that line protocol lacks.",
                next_step="Give one of them another key, or store the result as JSON.",
            )
        self._keys[key] = prefix
        return prefix

    def _text(self, key: str, value: Any) -> str | None:
        if type(value) is float:
            self._floats.add(key)
            return format_field(value)
        value = field_value(value)
        if type(value) is float:
            self._floats.add(key)
        text = format_field(value)
        if type(value) is int and text is not None:
            if key in self._floats:
                return format_field(float(value))
            if not text.endswith("i"):  # beyond 64 bits
                self._floats.add(key)
        return text

    def _put_entry(self, fields: Mapping[str, Any], alive_until_ns: int | None) -> None:
        if alive_until_ns is not None:
            fields = {**fields, "alive_until": alive_until_ns + _GRACE_NS}
        self._put_record(
            Record(RUNS, {"measurement": self._measurement}, fields, self._start_ns)
        )

    def _put_record(self, record: Record) -> None:
        line = encode(record)
        assert line is not None, "text and integers always have a form"
        self._put(line.encode(), 0)
