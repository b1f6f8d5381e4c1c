from __future__ import annotations

import errno
import os

import pytest

from multimeter.delivery.folder import SegmentFolder
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.queue import LINE_BYTES, Queue
from multimeter.delivery.segments import read_segment, remove_segment
from multimeter.delivery.settings import Settings
from multimeter.delivery.stats import Counters
from multimeter.errors import QueueFullError

PLACE = {"kind": "memory", "name": "a"}


class Setup:
    """A queue with what it counts; ``more`` are its settings."""

    def __init__(self, folder, **more):
        self.counters = Counters()
        self.settings = Settings(**{"spool": folder / "spool", **more})
        self.incidents = IncidentLog(lambda: 0.0)
        self.queue = Queue(self.settings, PLACE, self.counters, self.incidents)

    def put(self, *lines):
        for line in lines:
            self.queue.put(line)
        self.incidents.flush()

    def take(self):
        claimed = self.queue.take()
        if claimed is None:
            return None
        lines = list(claimed.lines)
        if claimed.segment:
            lines = read_segment(claimed.segment).lines
            remove_segment(claimed.segment)
        self.queue.done()
        self.counters.delivered += claimed.records
        return lines

    def drain(self):
        found = []
        while lines := self.take():
            found += lines
        return found


@pytest.fixture
def make(tmp_path):
    return lambda **settings: Setup(tmp_path, **settings)


def numbers(start, stop):
    return [b"%d" % n for n in range(start, stop)]


def fill_disk(monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(SegmentFolder, "append", refuse)


def test_records_leave_in_the_order_in_which_they_came(make):
    setup = make(batch_size=3)
    setup.put(*numbers(0, 10))
    assert setup.take() == numbers(0, 3)
    assert setup.drain() == numbers(3, 10)


def test_a_batch_has_at_most_so_many_bytes(make):
    setup = make(batch_bytes=10)
    setup.put(b"aaaa", b"bbbb", b"cccc", b"d" * 100, b"e")
    batches = [setup.take() for _ in range(4)]
    assert batches == [[b"aaaa", b"bbbb"], [b"cccc"], [b"d" * 100], [b"e"]]


@pytest.mark.parametrize(
    "limit", [{"max_records": 10}, {"max_bytes": 10 * (LINE_BYTES + 1)}]
)
def test_memory_that_is_full_goes_on_in_the_spool_in_order(make, limit, caplog):
    setup = make(batch_size=4, **limit)
    setup.put(*numbers(0, 10))
    assert setup.queue.folder is None
    setup.put(*numbers(10, 50))
    assert setup.queue.folder is not None
    assert len(setup.queue._lines) == 10
    assert setup.drain() == numbers(0, 50)
    assert "The queue in memory is full" in caplog.text
    assert len(caplog.messages) == 1


def test_while_something_waits_on_disk_nothing_overtakes_it(make):
    setup = make(max_records=4, batch_size=2)
    setup.put(*numbers(0, 6))
    assert setup.take() == numbers(0, 2)
    setup.put(*numbers(6, 8))
    assert setup.drain() == numbers(2, 8)
    setup.put(*numbers(8, 9))
    assert len(setup.queue._lines) == 1


def test_what_spills_is_numbered_after_what_is_in_memory(make):
    """So that the next program, after a crash, keeps the order, too."""
    setup = make(max_records=4, batch_size=2)
    setup.put(*numbers(0, 8))
    assert setup.queue.spill(None)
    setup.queue.abandon()
    after = make()
    after.queue.take_over()
    assert after.drain() == numbers(0, 8)
    assert after.counters.resumed == after.counters.accepted == 8


def test_a_file_that_a_failed_write_has_left_empty_changes_no_order(make, monkeypatch):
    setup = make(max_records=4, batch_size=2)
    setup.put(*numbers(0, 4))
    write = os.write

    def refuse_once(descriptor, data):
        if data.startswith(b"\xff"):
            monkeypatch.setattr(os, "write", write)
            raise OSError(errno.EIO, "broken")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", refuse_once)
    setup.put(*numbers(4, 9))
    assert setup.counters.dropped == {"disk full": 1}
    assert setup.queue.spill(None)
    setup.queue.abandon()
    after = make()
    after.queue.take_over()
    assert after.drain() == [*numbers(0, 4), *numbers(5, 9)]


def test_the_oldest_are_dropped_one_by_one(make):
    setup = make(when_full="drop_oldest", spool=None, max_records=10)
    setup.put(*numbers(0, 25))
    assert setup.counters.dropped == {"queue full": 15}
    assert setup.counters.queued == 10
    assert setup.drain() == numbers(15, 25)


def test_what_is_on_its_way_counts_as_well(make):
    setup = make(when_full="drop_oldest", spool=None, max_records=10)
    setup.put(*numbers(0, 10))
    claimed = setup.queue.take()
    setup.put(*numbers(10, 30))
    assert len(claimed.lines) + setup.queue.waiting == 10
    assert setup.counters.queued == 10


def test_with_room_for_one_the_newest_is_dropped_while_one_is_on_its_way(make):
    setup = make(when_full="drop_oldest", spool=None, max_records=1)
    setup.put(b"1")
    setup.queue.take()
    setup.put(b"2")
    assert setup.counters.dropped == {"queue full": 1}


def test_a_record_that_is_larger_than_all_room_passes_alone(make):
    setup = make(when_full="raise", spool=None, max_bytes=100)
    setup.put(b"x" * 1_000)
    with pytest.raises(QueueFullError):
        setup.put(b"y")
    assert setup.drain() == [b"x" * 1_000]


@pytest.mark.parametrize("policy", ["raise", "block"])
def test_where_it_may_not_drop_it_says_that_it_is_full(make, policy):
    setup = make(when_full=policy, spool=None, max_records=2)
    setup.put(b"1", b"2")
    with pytest.raises(QueueFullError, match="2 points"):
        setup.put(b"3")
    assert setup.counters.accepted == 2


def test_with_a_spool_each_record_goes_to_disk(make):
    setup = make(tier="spool", batch_size=3)
    setup.put(*numbers(0, 7))
    setup.queue.abandon()
    after = make(tier="spool")
    after.queue.take_over()
    assert after.drain() == numbers(0, 7)


def test_what_an_earlier_program_left_goes_first(make):
    before = make(tier="spool")
    before.put(*numbers(0, 3))
    before.queue.abandon()
    setup = make()
    setup.put(*numbers(3, 6))
    setup.queue.take_over()
    assert setup.drain() == numbers(0, 6)
    assert list(setup.settings.spool.iterdir()) == []


def test_a_restart_while_the_server_is_down_keeps_the_backlog(make):
    for run in range(3):
        setup = make(tier="spool")
        setup.queue.take_over()
        setup.put(b"%d" % run)
        setup.queue.abandon()
    last = make(tier="spool")
    last.queue.take_over()
    assert last.drain() == numbers(0, 3)


def test_a_disk_that_is_full_drops_the_newest_and_recovers(make, monkeypatch, caplog):
    setup = make(tier="spool")
    setup.put(b"1")
    with monkeypatch.context() as patch:
        fill_disk(patch)
        setup.put(*numbers(2, 100))
    assert setup.counters.dropped == {"disk full": 98}
    setup.put(b"100")
    assert setup.drain() == [b"1", b"100"]
    assert len(caplog.messages) == 2, "full, and then not full any more"
    assert setup.counters.queued == 0


def test_a_spool_at_its_limit_drops_the_newest(make):
    setup = make(tier="spool", max_spool_bytes=100)
    setup.put(*(b"x" * 20 for _ in range(10)))
    assert setup.counters.dropped["queue full"] == 7
    assert len(setup.drain()) == 3


def test_a_spool_at_its_limit_can_drop_the_oldest(make):
    setup = make(tier="spool", when_full="drop_oldest", max_spool_bytes=200)
    setup.put(*numbers(10, 99))
    kept = setup.drain()
    assert kept == numbers(99 - len(kept), 99)
    assert setup.counters.dropped["queue full"] == 89 - len(kept)
    assert len(kept) >= 10


def test_a_full_disk_gives_way_to_the_newest_where_the_oldest_are_dropped(
    make, monkeypatch
):
    setup = make(tier="spool", when_full="drop_oldest", batch_size=2)
    setup.put(*numbers(0, 6))
    append, full = SegmentFolder.append, [True]

    def refuse_once(self, line):
        if full.pop() if full else False:
            raise OSError(errno.ENOSPC, "full")
        return append(self, line)

    monkeypatch.setattr(SegmentFolder, "append", refuse_once)
    setup.put(b"6")
    assert setup.counters.dropped == {"disk full": 2}
    assert setup.drain() == numbers(2, 7)


def test_a_spool_that_cannot_be_made_is_no_crash(make, tmp_path):
    (tmp_path / "spool").touch()
    setup = make(max_records=2)
    setup.put(*numbers(0, 5))
    assert setup.counters.dropped == {"disk full": 3}
    assert setup.drain() == numbers(0, 2)


def test_what_is_secured_goes_on_from_disk_in_order(make):
    setup = make(batch_size=2)
    setup.put(*numbers(0, 5))
    claimed = setup.queue.take()
    assert setup.queue.spill(claimed)
    assert claimed.segment is not None
    assert read_segment(claimed.segment).lines == numbers(0, 2)
    setup.put(*numbers(5, 6))
    assert setup.drain() == numbers(2, 6)


def test_what_is_secured_while_on_its_way_keeps_its_identity(make):
    setup = make(batch_size=2)
    setup.put(*numbers(0, 5))
    claimed = setup.queue.take()
    setup.queue.spill(claimed)
    setup.queue.abandon()
    after = make()
    after.queue.take_over()
    again = after.queue.take()
    assert again.id == claimed.id
    assert read_segment(again.segment).lines == claimed.lines


def test_without_a_spool_nothing_can_be_secured(make):
    setup = make(spool=None, when_full="drop_oldest")
    assert setup.queue.spill(None)
    setup.put(b"1")
    assert not setup.queue.spill(None)


def test_a_full_disk_when_things_are_secured_is_said_and_loses_nothing(make, monkeypatch):
    setup = make(batch_size=2)
    setup.put(*numbers(0, 5))

    def refuse(*_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        patch.setattr(SegmentFolder, "keep", refuse)
        assert not setup.queue.spill(None)
    assert setup.drain() == numbers(0, 5)
