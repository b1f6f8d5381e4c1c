from __future__ import annotations

from multimeter.data.record import Record
from multimeter.sinks.base import Batch

BATCH = Batch("b", [b"m v=1i 1", b'm v="a\nb" 2', b"m v=3i 3"], first=10)


def test_the_body_is_the_lines():
    assert BATCH.body == b'm v=1i 1\nm v="a\nb" 2\nm v=3i 3'


def test_the_records_are_decoded():
    assert BATCH.records[1] == Record("m", {}, {"v": "a\nb"}, 2)
    assert len(BATCH.records) == len(BATCH)


def test_a_part_knows_where_it_begins():
    part = BATCH.part(1, 3)
    assert (part.id, part.first, list(part.lines)) == ("b", 11, list(BATCH.lines[1:]))
