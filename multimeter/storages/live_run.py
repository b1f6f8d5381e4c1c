"""LiveRun: a run as line protocol, while it goes on.

The lines are those of :mod:`multimeter.lines.result_encoder`, one by one. The entry of the
run in ``multimeter_runs`` has a row from the start on, one each few seconds, and one at the
end; none is written again. Who reads takes the last value of each field:

- ``state``: ``running``, and ``finished`` when it has ended in order;
- ``alive_until``: time of day in ns since the epoch; a run that is ``running`` and has let
  this time go by without a later one has died with its program.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from multimeter.data.baseline import Baseline
from multimeter.data.identifiers import MARKS, RUNS, new_run_id
from multimeter.data.record import Record
from multimeter.data.values import field_value, text_of
from multimeter.errors import FormatError
from multimeter.lines.point_encoder import series_tags
from multimeter.lines.protocol import (
    encode,
    escape_key,
    escape_measurement,
    format_field,
    format_tags,
)
from multimeter.lines.result_encoder import (
    AFTER_NS,
    check_identifier,
    entry_tags,
    run_record,
)
from multimeter.lines.run_entry import entry_fields
from multimeter.result import Result

__all__ = ["LiveRun"]

_BEAT_NS = 5 * 10**9
_RAREST_NS = 60 * 10**9
_GRACE_NS = 60 * 10**9
_TEXT = frozenset((str,))


class LiveRun:
    """Encodes a run while it goes on.

    Args:
        result: The result of the run; it needs an identifier. It gets an id, if it has
            none.
        put: Takes a line (or None for a point without any value), and how many fields
            of it had no form.
        time_of_day_ns: Returns the time of day, in ns since the epoch.

    Raises:
        FormatError: The result has no identifier, or two of its measures or tags
            cannot be distinguished in line protocol.
    """

    def __init__(
        self,
        result: Result,
        put: Callable[[bytes | None, int], None],
        time_of_day_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        check_identifier(result)
        self.result = result
        self._put = put
        self._time_of_day_ns = time_of_day_ns
        started_ns = Baseline.of(result.meta_data).time_ns
        self._start_ns = time_of_day_ns() if started_ns is None else started_ns
        if result.id is None:
            result.id = new_run_id(self._start_ns)
        self._tags = entry_tags(result)
        name = result.identifier or ""
        self._head = escape_measurement(name) + format_tags(series_tags(result))
        # A field keeps the type of its first value: integers beside floats become floats.
        self._keys: dict[str, str] = {}
        self._floats = {
            each.key for each in result.schema.measures if each.metric.value_type is float
        }
        for key in result.columns:
            self._add_key(key)
        self._last_ns = self._beat_ns = self._start_ns
        fields = {**entry_fields(result), "start": self._start_ns, "state": "running"}
        # An entry of 0 points would be that of a run that has ended without any.
        del fields["points"]
        self._put_running(fields, self._start_ns, _BEAT_NS)

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
        next_beat_ns = min(max(_BEAT_NS, (time_ns - self._start_ns) // 50), _RAREST_NS)
        if time_ns - self._beat_ns >= next_beat_ns:
            self._beat_ns = time_ns
            fields = {
                "identifier": self.result.identifier,
                "points": len(self.result.times_ns),
                "state": "running",
            }
            self._put_running(fields, time_ns, next_beat_ns + 3 * interval)

    def mark(self, time_ns: int, label: str) -> None:
        """Put a mark."""
        self._put_record(Record(MARKS, self._tags, {"label": label}, time_ns))

    def close(self) -> None:
        """Put the end of the run."""
        for time_ns, label in self.result.marks_ns:
            self.mark(time_ns, label)
        record = run_record(self.result)
        after_ns = max(record.time_ns or 0, self._beat_ns + AFTER_NS)
        self._put_record(replace(record, time_ns=after_ns))

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

    def _put_running(self, fields: Mapping[str, Any], time_ns: int, quiet_ns: int) -> None:
        """Put a row of the entry; the next one comes after some ns."""
        alive_until = self._time_of_day_ns() + quiet_ns + _GRACE_NS
        fields = {**fields, "alive_until": alive_until}
        self._put_record(Record(RUNS, self._tags, fields, time_ns))

    def _put_record(self, record: Record) -> None:
        line = encode(record)
        assert line is not None, "text and integers always have a form"
        self._put(line.encode(), 0)
