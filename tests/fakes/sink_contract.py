"""What every sink must do; a test class for each of them derives from this."""

from __future__ import annotations

from multimeter.sinks.base import Accepted, Batch, Retry

__all__ = ["SinkContract", "lines"]


def lines(start: int, stop: int) -> list[bytes]:
    """Return points of the series ``contract``, one each ms."""
    return [b"contract,codename=a value=%d.5 %d000000" % (n, n) for n in range(start, stop)]


class SinkContract:
    """Needs fixtures ``sink``, ``unreachable`` (a sink whose place is not there) and
    ``stored``: a function that returns the values that the place holds, in order of time.
    """

    def test_a_batch_is_stored_when_it_is_accepted(self, sink, stored):
        assert sink.send(Batch("one", lines(1, 4))) == Accepted()
        assert stored() == [1.5, 2.5, 3.5]

    def test_a_batch_that_is_sent_again_is_stored_once(self, sink, stored):
        batch = Batch("one", lines(1, 4))
        for _ in range(3):
            assert sink.send(batch) == Accepted()
        assert stored() == [1.5, 2.5, 3.5]

    def test_parts_that_are_sent_after_the_whole_are_stored_once(self, sink, stored):
        batch = Batch("one", lines(1, 5))
        for each in (batch, batch.part(0, 2), batch.part(2, 4), batch.part(1, 3)):
            assert sink.send(each) == Accepted()
        assert stored() == [1.5, 2.5, 3.5, 4.5]

    def test_the_whole_that_is_sent_after_parts_is_stored_once(self, sink, stored):
        batch = Batch("one", lines(1, 7))
        for each in (batch.part(0, 1), batch.part(3, 5), batch):
            assert sink.send(each) == Accepted()
        assert stored() == [1.5, 2.5, 3.5, 4.5, 5.5, 6.5]

    def test_batches_with_other_points_are_stored_beside_each_other(self, sink, stored):
        sink.send(Batch("one", lines(1, 3)))
        sink.send(Batch("two", lines(3, 5)))
        assert stored() == [1.5, 2.5, 3.5, 4.5]

    def test_after_close_it_opens_again(self, sink, stored):
        sink.send(Batch("one", lines(1, 2)))
        sink.close()
        sink.close()
        assert sink.send(Batch("two", lines(2, 3))) == Accepted()
        assert stored() == [1.5, 2.5]

    def test_after_a_fork_it_opens_another_connection(self, sink, stored):
        sink.send(Batch("one", lines(1, 2)))
        sink.after_fork()
        assert sink.send(Batch("two", lines(2, 3))) == Accepted()
        assert stored() == [1.5, 2.5]

    def test_it_says_where_it_goes(self, sink):
        assert sink.name
        assert "kind" in sink.address
        assert all(isinstance(value, str) for value in sink.address.values())

    def test_a_place_that_is_not_there_is_an_answer_and_no_error(self, unreachable):
        answer = unreachable.send(Batch("one", lines(1, 2)))
        assert isinstance(answer, Retry)
        assert answer.reason
        assert not answer.refused
