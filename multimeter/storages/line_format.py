"""Results as line protocol."""

from __future__ import annotations

from multimeter.line_stream import decode_pieces
from multimeter.result import Result
from multimeter.result_from_lines import decode_result
from multimeter.result_lines import encode_batches
from multimeter.storages.formats import FileFormat, Stream, read_pieces, write_text

__all__ = ["LineFormat"]

_LINES_AT_ONCE = 100


class LineFormat(FileFormat):
    """Line protocol, as InfluxDB and many other time series databases read it.

    Beside the points stand the marks and the run itself (measurements
    ``multimeter_marks`` and ``multimeter_runs``), so that nothing is lost.
    https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
    """

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
                be told apart in line protocol.
        """
        write_text(stream, encode_batches(result, _LINES_AT_ONCE))

    def load(self, stream: Stream) -> Result:
        """Read the one run of a stream back.

        Args:
            stream: A binary stream, which stays open.

        Raises:
            FormatError: It is not line protocol, or not of one run.
        """
        return decode_result(decode_pieces(read_pieces(stream)))
