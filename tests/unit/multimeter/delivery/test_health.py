"""What a delivery did, as it is written to its sink."""

from __future__ import annotations

import os
import sys

import pytest
from fakes.sink_contract import SinkContract

from multimeter.data.record import Record
from multimeter.delivery import Delivery, Stats
from multimeter.delivery.health import HealthSink
from multimeter.sinks.base import Accepted, Batch, Rejected, Retry
from multimeter.sinks.memory import MemorySink

LINE = b"m value=1 1"
AWAY = Retry("away")
SECONDS = 60


class World:
    """A sink with health, its clock, and the accounts that it tells of."""

    def __init__(self):
        self.now = 0.0
        self.answers = []
        self.delivered = 0
        self.inner = MemorySink(
            lambda _: self.answers.pop(0) if self.answers else Accepted()
        )
        self.sink = HealthSink(
            self.inner,
            lambda: Stats(9, self.delivered, 1, 2, {"disk full": 3, "damaged": 4}, 5, 6, 7),
            clock=lambda: self.now,
            now_ns=lambda: int(self.now * 1e9),
        )

    def send(self, *, after=0.0):
        self.now += after
        self.delivered += 1
        return self.sink.send(Batch(f"b{self.delivered}", [LINE]))

    @property
    def health(self):
        """What was stored of it, as records."""
        return health(self.inner)


class TestHealthSink(SinkContract):
    """It is a sink like every other one."""

    @pytest.fixture
    def inner(self):
        return MemorySink()

    @pytest.fixture
    def sink(self, inner):
        return HealthSink(inner, lambda: Stats(0, 0, 0, 0, {}, 0, 0, 0))

    @pytest.fixture
    def unreachable(self):
        away = MemorySink(lambda _: AWAY)
        return HealthSink(away, lambda: Stats(0, 0, 0, 0, {}, 0, 0, 0))

    @pytest.fixture
    def stored(self, inner):
        def values():
            found = [Batch("", [line]).records[0] for line in inner.lines.values()]
            points = [each for each in found if each.measurement == "contract"]
            return [
                each.fields["value"] for each in sorted(points, key=lambda r: r.time_ns)
            ]

        return values


def health(sink):
    records = [Batch("", [line]).records[0] for line in sink.lines.values()]
    return [each for each in records if each.measurement == "multimeter_health"]


@pytest.fixture
def world():
    return World()


def test_every_ten_seconds_the_accounts_are_sent(world):
    for _ in range(10):
        world.send(after=2.5)
    assert [each.time_ns for each in world.health] == [10_000_000_000, 20_000_000_000]
    assert world.health[0].fields == {
        "closed": False,
        "accepted": 9,
        "delivered": 4,
        "rejected": 1,
        "queued": 2,
        "dropped": 7,
        "resumed": 5,
        "left_out": 6,
        "retries": 7,
    }


def test_it_says_which_program_and_where(world, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/opt/rig/rig.py", "--password=S3CRET"])
    world.sink.after_fork()
    world.send(after=10)
    tags = world.health[0].tags
    assert tags.pop("host")
    assert tags.pop("delivery").startswith(f"{os.getpid()}.")
    assert tags == {"program": "rig.py", "sink": "memory"}


def test_two_deliveries_of_a_program_are_told_apart():
    worlds = [World(), World()]
    for world in worlds:
        world.send(after=10)
    first, second = (world.health[0].tags for world in worlds)
    assert first.pop("delivery") != second.pop("delivery")
    assert first == second


def test_a_package_that_is_run_has_its_own_name(world, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/opt/lab/rig/__main__.py"])
    world.sink.after_fork()
    world.send(after=10)
    assert world.health[0].tags["program"] == "rig"


@pytest.mark.parametrize("argv", [[], [""], ["-c"]])
def test_a_program_without_a_file_is_python(world, monkeypatch, argv):
    monkeypatch.setattr(sys, "argv", argv)
    world.sink.after_fork()
    world.send(after=10)
    assert world.health[0].tags["program"] == "python"


def test_at_the_end_the_last_accounts_are_sent(world):
    world.send()
    world.sink.close()
    assert [each.fields["delivered"] for each in world.health] == [1]
    assert world.health[0].fields["closed"] is True


def test_what_never_sent_anything_says_nothing_at_its_end(world):
    world.sink.close()
    assert world.inner.received == []


def test_while_nothing_is_taken_it_is_taken_down_and_sent_later(world):
    world.answers = [AWAY] * 5
    for _ in range(5):
        assert world.send(after=10) == AWAY
    assert world.health == []
    assert world.send(after=10) == Accepted()
    assert [each.time_ns // 10**9 for each in world.health] == [10, 20, 30, 40, 50, 60]
    # The records, and one batch of health.
    assert len(world.inner.received) == 7


def test_a_sink_that_refuses_records_takes_health(world):
    world.answers = [Rejected("no")]
    world.send()
    world.sink.close()
    assert len(world.health) == 1


def test_at_the_end_a_sink_in_trouble_is_left_alone(world):
    world.send()
    world.answers = [AWAY]
    world.send()
    world.sink.close()
    assert len(world.inner.received) == 2


def test_trouble_of_hours_takes_no_more_memory(world):
    world.answers = [AWAY] * 5_000
    for _ in range(5_000):
        world.send(after=10)
    world.send(after=10)
    assert len(world.health) == 360
    assert world.health[-1].time_ns == 50_010 * 10**9


def test_health_that_does_not_arrive_comes_with_the_next(world):
    world.answers = [Accepted(), AWAY]
    assert world.send(after=10) == Accepted()
    assert world.health == []
    world.send(after=10)
    assert [each.time_ns // 10**9 for each in world.health] == [10, 20]


def test_health_that_is_refused_is_not_sent_again(world):
    world.answers = [Accepted(), Rejected("no such measurement here")]
    for _ in range(5):
        assert world.send(after=10) == Accepted()
    world.sink.close()
    assert world.health == []
    assert len(world.inner.received) == 6


def test_an_error_while_health_is_sent_is_no_trouble_of_the_records(world):
    def answer(batch):
        if batch.id.startswith("health"):
            raise RuntimeError
        return Accepted()

    world.inner._answer = answer
    assert world.send(after=10) == Accepted()
    world.sink.close()
    assert world.health == []


def test_two_records_of_a_series_never_share_a_time(world):
    world.send(after=10)
    world.now = 0.0
    world.sink.close()
    times = [each.time_ns for each in world.health]
    assert len(set(times)) == 2
    assert sorted(times) == times


def test_a_delivery_with_health_does_not_count_it(tmp_path):
    sink = MemorySink()
    delivery = Delivery(sink, spool=tmp_path, linger=0.0, health=True)
    for number in range(100):
        delivery.put(Record("m", {}, {"value": 1.0}, number))
    report = delivery.close(SECONDS)
    assert (report.delivered, delivery.stats().accepted) == (100, 100)
    delivery._thread.join(SECONDS)
    (last,) = health(sink)
    assert (last.fields["accepted"], last.fields["delivered"]) == (100, 100)
    assert len(sink.lines) == 101


def test_a_delivery_has_no_health_unless_asked():
    sink = MemorySink()
    with Delivery(sink, linger=0.0) as delivery:
        delivery.put(Record("m", {}, {"value": 1.0}, 1))
    delivery._thread.join(SECONDS)
    assert len(sink.lines) == 1


def test_the_next_program_with_health_sends_what_one_without_has_left(tmp_path):
    sink = MemorySink(lambda _: AWAY)
    delivery = Delivery(sink, spool=tmp_path, linger=0.0)
    delivery.put(Record("m", {}, {"value": 1.0}, 1))
    assert delivery.close(0).queued == 1
    delivery._thread.join(SECONDS)
    with Delivery(MemorySink(), spool=tmp_path, health=True) as again:
        assert again.flush(SECONDS)
    assert again.stats().resumed == 1
