"""Points as CSV: a line for each, a column for each measure.

A text that a spreadsheet would compute stays a text.
"""

from __future__ import annotations

import csv
import io
import unicodedata

from multimeter.data.timestamps import format_iso
from multimeter.data.values import PLAIN, field_value, json_value
from multimeter.result import Result
from multimeter.storages.formats import FileFormat, Stream, write_text

__all__ = [
    "CsvFormat",
    "plain_cell",
]

_USUAL_BITS = 64


class CsvFormat(FileFormat):
    """Comma-separated values (RFC 4180): ``time``, then a column for each measure.

    Times are ISO 8601 in UTC. A field is empty where there is no value. Where the run
    started before its first point, the first line is the start and has no values: the
    rates of the first point cover the time since then. CSV has no place
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
        start_ns = result.start_ns
        if start_ns is not None and start_ns < result.times_ns[0]:
            write_text(stream, [text([format_iso(start_ns), *("" for _ in keys)])])
        write_text(
            stream, (text([format_iso(time), *map(_cell, row)]) for time, *row in rows)
        )


def _cell(value: object) -> object:
    if type(value) is int:
        # Python writes no integer of thousands of digits.
        return value if value.bit_length() <= _USUAL_BITS else json_value(value)
    return value if type(value) in PLAIN else field_value(value)


_FORMULA = frozenset("=+-@")
# A spreadsheet may split or trim here, and begin anew with what follows.
_BREAKS = frozenset("\t\r\n")
# Spaces, control characters, and what is not visible (the byte order mark).
_SKIPPED = frozenset(("Zs", "Zl", "Zp", "Cc", "Cf"))


def plain_cell(value: object) -> object:
    """Return the value of a cell; a text that looks like a formula begins with ``'``.

    Such a text begins with ``=``, ``+``, ``-`` or ``@``, also in a wide or small form
    and behind spaces or invisible characters, or with a tab or a line break. Numbers
    stay numbers.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return "'" + value if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    for character in text:
        if character in _BREAKS:
            return True
        if unicodedata.category(character) not in _SKIPPED:
            return unicodedata.normalize("NFKC", character) in _FORMULA
    return False
