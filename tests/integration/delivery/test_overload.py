"""Ten times as many points as the server takes."""

from __future__ import annotations

import threading

import pytest

from multimeter.delivery import Delivery
from multimeter.errors import QueueFullError
from multimeter.sinks.base import Accepted
from multimeter.sinks.memory import MemorySink

SECONDS = 300
MOST = 1_000


class SlowSink(MemorySink):
    """Takes one batch of ten points whenever a hundred have been put."""

    def __init__(self):
        super().__init__(self.take)
        self.leave = threading.Semaphore(0)
        self.largest = 0
        self.open = False

    def take(self, batch):
        if not self.open:
            assert self.leave.acquire(timeout=SECONDS)
        return Accepted()


@pytest.mark.parametrize("policy", ["spill", "drop_oldest", "raise"])
def test_the_policy_holds_the_accounts_add_up_and_memory_stays_under_its_cap(
    tmp_path, points, policy
):
    sink = SlowSink()
    delivery = Delivery(
        sink,
        spool=tmp_path / "spool",
        tier="memory",
        when_full=policy,
        max_records=MOST,
        batch_size=10,
        linger=0.0,
    )
    refused = 0
    for number in range(points):
        try:
            delivery.put_line(b"m v=%di %d" % (number, number))
        except QueueFullError:
            refused += 1
        if number % 100 == 0:
            sink.leave.release()
            stats = delivery.stats()
            parts = stats.delivered + stats.rejected + stats.queued
            assert stats.accepted == parts + sum(stats.dropped.values())
            queue = delivery._queue
            assert len(queue._lines) + queue._taken_records <= MOST
    sink.open = True
    sink.leave.release()
    assert delivery.flush(SECONDS)
    dropped = delivery.close().dropped
    assert len(sink.lines) + dropped + refused == points
    numbers = [int(line.rpartition(b" ")[2]) for line in sink.lines.values()]
    assert numbers == sorted(numbers)
    assert (dropped > 0) == (policy == "drop_oldest")
    assert (refused > 0) == (policy == "raise")
    if policy == "drop_oldest":
        newest = range(points - MOST // 2, points)
        assert numbers[-len(newest) :] == list(newest)
