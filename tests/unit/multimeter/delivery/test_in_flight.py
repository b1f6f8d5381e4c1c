from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from multimeter.delivery.in_flight import Transit
from multimeter.sinks.base import Batch


def lines_of(transit):
    found = []
    while transit.remaining:
        part = transit.part(1_000)
        found += [(part.first + i, line) for i, line in enumerate(part.lines)]
        transit.delivered()
    return found


def batch(size):
    return Batch("b", [b"%d" % n for n in range(size)])


def test_halves_are_in_order_and_know_where_they_begin():
    transit = Transit(batch(5))
    transit.halve()
    assert transit.part(9) == Batch("b", [b"0", b"1"], 0)
    transit.delivered()
    assert transit.part(9) == Batch("b", [b"2", b"3", b"4"], 2)


def test_a_part_is_cut_to_what_may_be_sent_at_once():
    transit = Transit(batch(5))
    assert transit.part(2) == Batch("b", [b"0", b"1"], 0)
    assert transit.remaining == 5


def test_around_the_rejected_ones_all_others_are_left():
    transit = Transit(batch(6))
    transit.rejected([4, 0, 2])
    assert lines_of(transit) == [(1, b"1"), (3, b"3"), (5, b"5")]


def test_what_is_postponed_goes_last():
    transit = Transit(batch(2))
    transit.halve()
    transit.postpone()
    assert lines_of(transit) == [(1, b"1"), (0, b"0")]


def test_an_empty_batch_has_nothing_left():
    assert Transit(batch(0)).remaining == 0


@given(st.integers(1, 40), st.data())
def test_whatever_is_cut_and_rejected_each_record_is_accounted_for_once(size, data):
    transit, delivered, rejected = Transit(batch(size)), [], []
    while transit.remaining:
        part = transit.part(data.draw(st.integers(1, size)))
        indices = range(part.first, part.first + len(part))
        deeds = ["deliver", "reject"] + (["halve"] if len(part) > 1 else [])
        match data.draw(st.sampled_from(deeds)):
            case "deliver":
                delivered += indices
                transit.delivered()
            case "halve":
                transit.halve()
            case "reject":
                some = data.draw(
                    st.sets(st.integers(0, len(part) - 1), min_size=1, max_size=len(part))
                )
                rejected += [indices[i] for i in some]
                transit.rejected(some)
    assert sorted(delivered + rejected) == list(range(size))
    assert delivered == sorted(delivered)
