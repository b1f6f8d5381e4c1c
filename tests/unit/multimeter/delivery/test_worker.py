from __future__ import annotations

import errno
import json

import pytest

from multimeter.delivery import worker as worker_module
from multimeter.delivery.settings import RetryPolicy
from multimeter.sinks.base import Accepted, Rejected, Retry
from multimeter.sinks.memory import MemorySink


def numbers(start, stop):
    return [b"%d" % n for n in range(start, stop)]


class Moody(MemorySink):
    """Gives the answers of a list, then accepts everything."""

    def __init__(self, *answers):
        self.answers = list(answers)
        super().__init__(lambda _: self.answers.pop(0) if self.answers else Accepted())


class Picky(MemorySink):
    """Refuses what is in ``poison``, without saying which of a batch that is."""

    def __init__(self, *poison, names_them=False, too_large=None):
        self.poison = set(poison)
        self.names_them = names_them
        self.too_large = too_large
        super().__init__(self.say)

    def say(self, batch):
        if self.too_large and len(batch.body) > self.too_large:
            return Rejected("too large", too_large=True)
        bad = {i: "poison" for i, line in enumerate(batch.lines) if line in self.poison}
        if not bad:
            return Accepted()
        return Rejected("poison", bad if self.names_them else {})


def stored(sink):
    return list(sink.lines.values())


def rejected(driven):
    if not driven.rejects.path.exists():
        return []
    text = driven.rejects.path.read_text()
    return [json.loads(line)["line"].encode() for line in text.splitlines()]


class TestBatches:
    def test_all_that_was_put_arrives_in_order(self, drive, sink):
        driven = drive(sink, batch_size=3)
        driven.put(*numbers(0, 10))
        driven.run()
        assert stored(sink) == numbers(0, 10)
        assert driven.counters.delivered == 10
        assert driven.counters.queued == 0

    def test_a_few_wait_for_others_as_long_as_they_may_linger(self, drive, sink):
        driven = drive(sink, batch_size=3, linger=0.25)
        driven.put(b"1")
        assert driven.worker.step() == 0.25
        assert sink.received == []
        driven.now += 0.25
        assert driven.worker.step() == 0.0
        assert stored(sink) == [b"1"]

    def test_a_full_batch_does_not_wait(self, drive, sink):
        driven = drive(sink, batch_size=3, linger=0.25)
        driven.put(*numbers(0, 4))
        assert driven.worker.step() == 0.0
        assert stored(sink) == numbers(0, 3)
        assert driven.worker.step() == 0.25

    def test_who_flushes_does_not_wait_for_others_to_come(self, drive, sink):
        driven = drive(sink, linger=60.0)
        driven.put(b"1")
        driven.worker.retry_now()
        assert driven.worker.step() == 0.0
        assert stored(sink) == [b"1"]

    def test_without_anything_to_do_it_waits_to_be_woken(self, drive, sink):
        assert drive(sink).worker.step() is None

    def test_the_first_point_after_a_full_drain_arrives(self, drive, sink):
        driven = drive(sink, tier="spool", batch_size=3)
        for round_ in range(5):
            driven.put(*numbers(round_ * 3, round_ * 3 + 3))
            driven.run()
        driven.put(b"last")
        driven.run()
        assert stored(sink) == [*numbers(0, 15), b"last"]

    @pytest.mark.parametrize("tier", ["memory", "spool", "spool+fsync"])
    def test_every_tier_delivers_and_leaves_nothing_behind(self, drive, sink, tier):
        driven = drive(sink, tier=tier, batch_size=3)
        driven.put(*numbers(0, 10))
        driven.run()
        driven.queue.close()
        assert stored(sink) == numbers(0, 10)
        folder = driven.settings.spool
        assert not folder.exists() or not list(folder.iterdir())


class TestRetry:
    def test_the_same_bytes_are_sent_until_they_are_taken(self, drive):
        sink = Moody(*[Retry("down")] * 20)
        driven = drive(sink, batch_size=3)
        driven.put(*numbers(0, 4))
        driven.run()
        assert stored(sink) == numbers(0, 4)
        first = sink.received[:21]
        assert all(batch == first[0] for batch in first)
        assert driven.counters.retries == 20

    def test_it_never_gives_up_by_time(self, drive):
        sink = Moody(*[Retry("down")] * 10_000)
        driven = drive(sink)
        driven.put(b"1")
        driven.run()
        assert driven.now > 24 * 3600
        assert stored(sink) == [b"1"]

    def test_it_waits_longer_each_time_and_begins_anew_after_success(self, drive):
        sink = Moody(*[Retry("down")] * 3, Accepted(), Retry("down"))
        driven = drive(sink, batch_size=1, retry=RetryPolicy(first=2.0))
        driven.put(b"1", b"2")
        waits = []
        while (wait := driven.step()) is not None:
            waits.append(wait)
        assert [wait for wait in waits if wait] == [1.0, 2.0, 4.0, 1.0]

    def test_what_the_server_asks_for_is_waited_for_also_by_who_flushes(self, drive):
        driven = drive(Moody(Retry("slow down", after=20.0)))
        driven.put(b"1")
        driven.worker.retry_now()
        driven.worker.step()
        driven.worker.retry_now()
        assert driven.worker.step() == 20.0

    def test_who_flushes_does_not_wait_for_our_own_retry(self, drive):
        sink = Moody(Retry("down"))
        driven = drive(sink)
        driven.put(b"1")
        driven.worker.retry_now()
        driven.worker.step()
        assert driven.worker.step() > 0
        driven.worker.retry_now()
        assert driven.worker.step() == 0.0
        assert stored(sink) == [b"1"]

    def test_whatever_a_sink_raises_ends_nothing(self, drive, caplog):
        calls = []

        def fail(_):
            calls.append(1)
            if len(calls) < 3:
                raise ZeroDivisionError("a bug")
            return Accepted()

        sink = MemorySink(fail)
        driven = drive(sink)
        driven.put(b"1")
        driven.run()
        assert stored(sink) == [b"1"]
        assert "ZeroDivisionError" in caplog.text

    def test_what_is_no_answer_is_not_taken_for_success(self, drive, sink):
        answers = [None, "ok", True]
        sink._answer = lambda _: answers.pop() if answers else Accepted()
        driven = drive(sink)
        driven.put(b"1")
        driven.run()
        assert stored(sink) == [b"1"]
        assert driven.counters.retries == 3

    def test_one_trouble_is_said_once_and_its_end_once(self, drive, caplog):
        driven = drive(Moody(*[Retry("it does not answer")] * 50))
        driven.put(b"1")
        driven.run()
        assert [m for m in caplog.messages if "does not answer" in m] == caplog.messages[:1]
        assert caplog.messages[1:] == ["memory accepts points again."]

    def test_a_bad_token_is_said_loudly_keeps_all_and_is_tried_slowly(self, drive, caplog):
        refused = [Retry("unauthorized", refused=True)] * 5
        sink = Moody(*refused)
        driven = drive(sink, batch_size=2, retry=RetryPolicy(refused=30.0))
        driven.put(*numbers(0, 100))
        began = driven.now
        for _ in refused:
            driven.step()
            driven.step()
        assert driven.now - began == 5 * 22.5
        driven.run()
        assert stored(sink) == numbers(0, 100)
        assert [r.levelname for r in caplog.records if "unauthorized" in r.message] == [
            "ERROR"
        ]

    def test_after_a_time_out_less_is_sent_at_once_and_then_more_again(self, drive):
        def slow(batch):
            return Accepted() if len(batch) <= 8 else Retry("too slow", smaller=True)

        sink = MemorySink(slow)
        driven = drive(sink, batch_size=64)
        driven.put(*numbers(0, 640))
        driven.run()
        assert stored(sink) == numbers(0, 640)
        assert len(sink.received) < 640 / 8 * 2
        sink._answer = None
        driven.put(*numbers(640, 6_400))
        driven.run()
        assert len(sink.received[-1]) == 64


class TestRejects:
    def test_a_poison_point_is_rejected_and_all_others_arrive_in_order(self, drive):
        sink = Picky(b"13", b"14", b"77")
        driven = drive(sink, batch_size=50)
        driven.put(*numbers(0, 100))
        driven.run()
        assert sorted(stored(sink), key=int) == [
            n for n in numbers(0, 100) if n not in sink.poison
        ]
        assert rejected(driven) == [b"13", b"14", b"77"]
        assert (driven.counters.delivered, driven.counters.rejected) == (97, 3)

    def test_one_in_a_thousand_costs_few_requests(self, drive):
        sink = Picky(*numbers(0, 5_000)[500::1_000])
        driven = drive(sink)
        driven.put(*numbers(0, 5_000))
        driven.run()
        assert driven.counters.rejected == 5
        assert len(sink.received) < 5 * 2 * 14

    def test_what_the_server_names_is_rejected_without_halving(self, drive):
        sink = Picky(b"13", b"14", names_them=True)
        driven = drive(sink)
        driven.put(*numbers(0, 100))
        driven.run()
        # Once all, then the parts before, between and after them.
        assert len(sink.received) == 3
        assert rejected(driven) == [b"13", b"14"]

    def test_one_bad_point_stops_nobody(self, drive):
        sink = Picky(b"0")
        driven = drive(sink, batch_size=1)
        driven.put(*numbers(0, 10))
        driven.run()
        assert stored(sink) == numbers(1, 10)

    def test_too_large_a_batch_is_halved_until_it_fits(self, drive):
        sink = Picky(too_large=100)
        driven = drive(sink, batch_size=64)
        driven.put(*[b"x" * 20] * 64)
        driven.run()
        assert driven.counters.delivered == 64
        assert rejected(driven) == []

    def test_what_fits_is_remembered_for_the_next_batch(self, drive):
        sink = Picky(too_large=100)
        driven = drive(sink, batch_size=64)
        driven.put(*[b"x" * 20] * 64)
        driven.run()
        sink.received.clear()
        driven.put(*[b"x" * 20] * 64)
        driven.run()
        refused = sum(len(batch.body) > 100 for batch in sink.received)
        assert refused <= len(sink.received) / 3

    def test_a_single_record_that_is_too_large_is_rejected(self, drive):
        sink = Picky(too_large=100)
        driven = drive(sink)
        driven.put(b"a", b"x" * 1_000, b"b")
        driven.run()
        assert stored(sink) == [b"a", b"b"]
        assert rejected(driven) == [b"x" * 1_000]

    def test_rejects_are_said_once(self, drive, caplog):
        driven = drive(Picky(*numbers(0, 20)))
        driven.put(*numbers(0, 20))
        driven.run()
        assert len(caplog.messages) == 1
        assert str(driven.rejects.path) in caplog.text
        assert "poison" in caplog.text

    def test_rejects_that_cannot_be_written_wait_and_the_others_go_on(
        self, drive, monkeypatch
    ):
        sink = Picky(b"1")
        driven = drive(sink, batch_size=4)
        driven.put(*numbers(0, 4))

        def refuse(*_):
            raise OSError(errno.ENOSPC, "full")

        with monkeypatch.context() as patch:
            patch.setattr(type(driven.rejects), "add", refuse)
            for _ in range(50):
                driven.step()
        assert sorted(stored(sink)) == [b"0", b"2", b"3"]
        assert driven.counters.queued == 1
        driven.run()
        assert rejected(driven) == [b"1"]
        assert driven.counters.queued == 0

    def test_a_reject_in_a_spool_is_not_lost_by_a_crash(self, drive):
        sink = Picky(b"1")
        driven = drive(sink, tier="spool")
        driven.put(*numbers(0, 4))
        driven.worker.step()
        driven.queue.abandon()
        after = drive(sink, tier="spool")
        after.run()
        assert rejected(after) == [b"1"]
        assert sorted(stored(sink)) == [b"0", b"2", b"3"]


class TestSpool:
    def test_a_segment_is_removed_only_when_all_of_it_has_arrived(self, drive):
        sink = Moody(Accepted(), Retry("down"))
        driven = drive(sink, tier="spool", batch_size=4)
        driven.worker._max_part = 2
        driven.put(*numbers(0, 4))
        driven.worker.step()
        claimed = driven.worker.claimed
        assert claimed.segment.path.exists()
        driven.worker.step()
        driven.run()
        assert not claimed.segment.path.exists()

    def test_a_lost_acknowledgement_and_a_crash_double_nothing(self, drive):
        sink = MemorySink(lambda batch: (sink.store(batch), Retry("no answer"))[1])
        driven = drive(sink, tier="spool", batch_size=3)
        driven.put(*numbers(0, 9))
        driven.worker.step()
        driven.queue.abandon()
        sink._answer = None
        after = drive(sink, tier="spool")
        after.run()
        assert sink.received[0] == sink.received[1]
        assert stored(sink) == numbers(0, 9)

    def test_a_restart_sends_only_what_had_not_arrived(self, drive):
        sink = MemorySink()
        driven = drive(sink, tier="spool", batch_size=10)
        driven.put(*numbers(0, 100))
        for _ in range(4):
            driven.worker.step()
        driven.queue.abandon()
        drive(sink, tier="spool").run()
        assert [line for batch in sink.received for line in batch.lines] == numbers(0, 100)

    def test_a_damaged_record_is_counted_and_set_aside_the_others_arrive(
        self, drive, sink, caplog
    ):
        driven = drive(sink, tier="spool")
        driven.put(*numbers(10, 20))
        driven.queue._own.freeze()
        (path,) = driven.queue._own.path.glob("*-10")
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        driven.run()
        assert stored(sink) == numbers(10, 19)
        assert driven.counters.dropped == {"damaged": 1}
        assert driven.counters.queued == 0
        assert [p.name for p in path.parent.glob("*.damaged")] == [path.name + ".damaged"]
        assert "could not be read" in caplog.text

    def test_a_segment_that_somebody_removed_is_counted(self, drive, sink):
        driven = drive(sink, tier="spool", batch_size=2)
        driven.put(*numbers(0, 4))
        next(driven.queue._own.path.glob("*-2")).unlink()
        driven.run()
        assert stored(sink) == numbers(2, 4)
        assert driven.counters.dropped == {"damaged": 2}

    def test_a_segment_that_cannot_be_read_now_is_tried_again(
        self, drive, sink, monkeypatch
    ):
        read, calls = worker_module.read_segment, []

        def fail_twice(segment):
            calls.append(1)
            if len(calls) <= 2:
                raise OSError(errno.EMFILE, "too many open files")
            return read(segment)

        monkeypatch.setattr(worker_module, "read_segment", fail_twice)
        driven = drive(sink, tier="spool")
        driven.put(*numbers(0, 4))
        driven.run()
        assert stored(sink) == numbers(0, 4)

    def test_a_file_that_cannot_be_removed_stops_nothing(
        self, drive, sink, monkeypatch, caplog
    ):
        def refuse(_):
            raise OSError(errno.EROFS, "read-only")

        monkeypatch.setattr(worker_module, "remove_segment", refuse)
        driven = drive(sink, tier="spool", batch_size=2)
        driven.put(*numbers(0, 6))
        driven.run()
        assert stored(sink) == numbers(0, 6)
        assert sum("cannot be removed" in m for m in caplog.messages) == 1

    def test_what_is_secured_on_its_way_and_then_delivered_leaves_no_file(self, drive):
        sink = MemorySink(
            lambda _: (driven.queue.spill(driven.worker.claimed), Accepted())[1]
        )
        driven = drive(sink)
        driven.put(*numbers(0, 3))
        driven.run()
        driven.queue.close()
        assert list(driven.settings.spool.iterdir()) == []
