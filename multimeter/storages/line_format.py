"""Results as line protocol."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterable, Iterator
from itertools import chain

from multimeter.data.record import Record
from multimeter.lines.decoder import unit_of
from multimeter.lines.result_decoder import Run, decode_result, decode_results
from multimeter.lines.result_encoder import encode_batches
from multimeter.lines.stream import decode_pieces
from multimeter.result import Result
from multimeter.storages.formats import FileFormat, Stream, read_pieces, write_all

__all__ = ["LineFormat"]


class LineFormat(FileFormat):
    """Line protocol, as InfluxDB and many other time series databases read it.

    Beside the points stand the marks and the run itself (measurements
    ``multimeter_marks`` and ``multimeter_runs``), so that nothing is lost.
    https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/

    Args:
        precision: What the times of a file that is read count: ``ns``, ``us``, ``ms`` or
            ``s``. What is written is in ns.

    Raises:
        ConfigurationError: There is no such precision.
    """

    def __init__(self, precision: str = "ns") -> None:
        self._precision = precision
        self._unit = unit_of(precision)

    @property
    def extension(self) -> str:
        """``.line``."""
        return ".line"

    def save_result_to_stream(self, result: Result, stream: Stream) -> None:
        """Write a result as line protocol; NaN and infinity leave their field out.

        Args:
            result: What was measured; it needs an identifier.
            stream: A binary stream, which stays open.

        Raises:
            FormatError: The result has no identifier, or two of its measures cannot
                be distinguished in line protocol.
        """
        for batch in _without_mark(encode_batches(result)):
            write_all(stream, batch)

    def load(self, stream: Stream) -> Result:
        """Read the one run of a stream back, as a server would that it is written to.

        Args:
            stream: A binary stream, which stays open.

        Raises:
            FormatError: It is not line protocol, or not of one run.
        """
        return decode_result(self._records(stream), self._now_ns())

    def load_all(self, stream: Stream) -> list[Run]:
        """Read all runs of a stream, one for each measurement and set of tags.

        Args:
            stream: A binary stream, which stays open.

        Raises:
            FormatError: It is not line protocol, or what it says of a run is damaged.
        """
        return decode_results(self._records(stream), self._now_ns())

    def _records(self, stream: Stream) -> Iterator[Record]:
        return decode_pieces(read_pieces(stream), self._precision)

    def _now_ns(self) -> int:
        now_ns = time.time_ns()
        return now_ns - now_ns % self._unit


def _without_mark(batches: Iterable[bytes]) -> Iterable[bytes]:
    """Return batches, after an empty line where a byte order mark would be read else."""
    rest = iter(batches)
    first = next(rest, b"")
    return chain((b"\n",) if first.startswith(codecs.BOM_UTF8) else (), (first,), rest)
