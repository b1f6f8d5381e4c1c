from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multimeter.delivery.worker import InFlightBatch
from multimeter.sinks.base import Batch


def lines_of(in_flight):
    found = []
    while in_flight.remaining:
        part = in_flight.part(1_000)
        found += [(part.first + i, line) for i, line in enumerate(part.lines)]
        in_flight.delivered()
    return found


def batch(size):
    return Batch("b", [b"%d" % n for n in range(size)])


def test_halves_are_in_order_and_know_where_they_begin():
    in_flight = InFlightBatch(batch(5))
    in_flight.halve()
    assert in_flight.part(9) == Batch("b", [b"0", b"1"], 0)
    in_flight.delivered()
    assert in_flight.part(9) == Batch("b", [b"2", b"3", b"4"], 2)


def test_a_part_is_cut_to_what_may_be_sent_at_once():
    in_flight = InFlightBatch(batch(5))
    assert in_flight.part(2) == Batch("b", [b"0", b"1"], 0)
    assert in_flight.remaining == 5


def test_around_the_rejected_ones_all_others_are_left():
    in_flight = InFlightBatch(batch(6))
    in_flight.rejected([4, 0, 2])
    assert lines_of(in_flight) == [(1, b"1"), (3, b"3"), (5, b"5")]


def test_what_is_postponed_goes_last():
    in_flight = InFlightBatch(batch(2))
    in_flight.halve()
    in_flight.postpone()
    assert lines_of(in_flight) == [(1, b"1"), (0, b"0")]


def test_an_empty_batch_has_nothing_left():
    assert InFlightBatch(batch(0)).remaining == 0


@given(st.integers(1, 40), st.data())
def test_whatever_is_cut_and_rejected_each_record_is_accounted_for_once(size, data):
    in_flight, delivered, rejected = InFlightBatch(batch(size)), [], []
    while in_flight.remaining:
        part = in_flight.part(data.draw(st.integers(1, size)))
        indices = range(part.first, part.first + len(part))
        deeds = ["deliver", "reject"] + (["halve"] if len(part) > 1 else [])
        match data.draw(st.sampled_from(deeds)):
            case "deliver":
                delivered += indices
                in_flight.delivered()
            case "halve":
                in_flight.halve()
            case "reject":
                some = data.draw(
                    st.sets(st.integers(0, len(part) - 1), min_size=1, max_size=len(part))
                )
                rejected += [indices[i] for i in some]
                in_flight.rejected(some)
    assert sorted(delivered + rejected) == list(range(size))
    assert delivered == sorted(delivered)
