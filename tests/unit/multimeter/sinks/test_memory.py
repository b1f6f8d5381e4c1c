from __future__ import annotations

import pytest
from fakes.sink_contract import SinkContract, lines

from multimeter.sinks.base import Batch, Retry
from multimeter.sinks.memory import MemorySink


class TestMemorySink(SinkContract):
    @pytest.fixture
    def sink(self):
        return MemorySink()

    @pytest.fixture
    def unreachable(self):
        return MemorySink(lambda _: Retry("down"))

    @pytest.fixture
    def stored(self, sink):
        def values():
            found = [Batch("", [line]).records[0] for line in sink.lines.values()]
            return [each.fields["value"] for each in sorted(found, key=lambda r: r.time_ns)]

        return values


def test_what_is_not_accepted_is_not_kept():
    sink = MemorySink(lambda _: Retry("down"))
    sink.send(Batch("one", lines(1, 2)))
    assert not sink.lines
    assert len(sink.received) == 1
