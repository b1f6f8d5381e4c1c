"""Points as CSV: a line for each, a column for each measure."""

from __future__ import annotations

import csv
import io

from multimeter.data.timestamps import format_iso
from multimeter.data.values import PLAIN, field_value, json_value
from multimeter.exports.csv_cells import plain_cell
from multimeter.result import Result
from multimeter.storages.formats import FileFormat, Stream, write_text

__all__ = ["CsvFormat"]

_USUAL_BITS = 64


class CsvFormat(FileFormat):
    """Comma-separated values (RFC 4180): ``time``, then a column for each measure.

    Times are ISO 8601 in UTC. A field is empty where there is no value. CSV has no place
    for marks, tags and descriptions; it is not read back. Text that a spreadsheet would
    take for a formula begins with ``'``.
    """

    @property
    def extension(self) -> str:
        """``.csv``."""
        return ".csv"

    def save_result_to_stream(self, result: Result, stream: Stream) -> None:
        """Write the points.

        Args:
            result: What was measured.
            stream: A binary stream, which stays open.
        """
        line = io.StringIO(newline="")
        writer = csv.writer(line)

        def text(cells: list[object]) -> str:
            line.seek(0)
            line.truncate()
            writer.writerow(map(plain_cell, cells))
            return line.getvalue()

        keys = list(result.columns)
        rows = zip(result.times_ns, *(result.values(key) for key in keys))
        write_text(stream, [text(["time", *keys])])
        write_text(
            stream, (text([format_iso(time), *map(_cell, row)]) for time, *row in rows)
        )


def _cell(value: object) -> object:
    if type(value) is int:
        # Python writes no integer of thousands of digits.
        return value if value.bit_length() <= _USUAL_BITS else json_value(value)
    return value if type(value) in PLAIN else field_value(value)
