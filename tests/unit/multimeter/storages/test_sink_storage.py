from __future__ import annotations

import pickle

import pytest

from multimeter import Multimeter, Result, StorageError
from multimeter.delivery.settings import DeliveryOptions
from multimeter.lines.protocol import decode
from multimeter.lines.result_decoder import decode_result
from multimeter.sinks.base import Accepted, Rejected, Retry
from multimeter.sinks.memory import MemorySink
from multimeter.storages.sink import SinkStorage

NEVER = 3600.0
SECONDS = 120


class Answering:
    """A sink that gives some answers in turn, then accepts all."""

    name = "a place"

    def __init__(self, *answers):
        self.address = {"kind": "test"}
        self.answers = list(answers)
        self.batches = []
        self.is_closed = False

    def send(self, batch):
        self.batches.append(batch)
        answer = self.answers.pop(0) if self.answers else Accepted()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def after_fork(self):
        pass

    def close(self):
        self.is_closed = True


def records_of(sink):
    return list(decode(b"\n".join(sink.lines.values()).decode()))


def result_of(points=3):
    result = Result(identifier="run")
    for number in range(points):
        result.append(number, {"a": float(number)})
    return result


def test_a_whole_result_arrives_in_any_sink():
    sink, result = MemorySink(), result_of()
    storage = SinkStorage(sink)
    storage.store(result)
    storage.close()
    assert decode_result(records_of(sink)) == result


def test_a_live_run_arrives_in_any_sink(make_probe, tmp_path):
    sink = MemorySink()
    options = DeliveryOptions(spool=tmp_path / "spool")
    storage = SinkStorage(sink, options, end_timeout=SECONDS)
    multimeter = Multimeter(make_probe("a", value=1.5), cycle_time=NEVER, storage=storage)
    with multimeter.measure("live") as result:
        storage.append(result, 7, {"stub.a": 2.5})
    assert storage.close() == 0
    names = {record.measurement for record in records_of(sink)}
    assert names == {"live", "multimeter_runs"}
    assert any(record.time_ns == 7 for record in records_of(sink))


def test_a_result_that_is_stored_again_has_the_same_batches():
    sink = Answering()
    storage = SinkStorage(sink, DeliveryOptions(batch_size=2))
    storage.store(result_of(3))
    storage.store(result_of(3))
    ids = [batch.id for batch in sink.batches]
    assert ids[:2] == ids[2:]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Retry("it is away"), "a place: it is away\nNext: Store the result again"),
        (
            Retry("no", refused=True, next_step="Ask Ada."),
            "Next: Ask Ada. Store the result",
        ),
        (Rejected("too much", too_large=True), "smaller batch_size"),
        (Rejected("never"), "a place: never"),
        (OSError("the cable"), "failed: OSError('the cable')"),
    ],
)
def test_what_did_not_arrive_is_an_error_and_ends_the_batches(answer, words):
    sink = Answering(answer)
    with pytest.raises(StorageError) as caught:
        SinkStorage(sink, DeliveryOptions(batch_size=1)).store(result_of())
    assert words in str(caught.value)
    assert len(sink.batches) == 1


def test_where_the_others_were_stored_all_are_sent_and_the_refusal_is_raised():
    sink = Answering(Accepted(), Rejected("a conflict", others_stored=True))
    with pytest.raises(StorageError, match="a conflict"):
        SinkStorage(sink, DeliveryOptions(batch_size=1)).store(result_of())
    assert len(sink.batches) == 4


def test_another_process_gets_a_storage_over_a_copy_of_the_sink():
    storage = SinkStorage(Answering(), DeliveryOptions(batch_size=7), live=False)
    copy = pickle.loads(pickle.dumps(storage))
    copy.store(result_of())
    assert len(copy._sink.batches) == 1
    assert copy._options == storage._options


def test_runs_of_one_name_are_numbered_as_far_as_it_is_known():
    storage = SinkStorage(Answering(), has_run={"train", "train-2"}.__contains__)
    assert storage.free_identifier("train") == "train-3"
    assert storage.reserve_identifier("other") == "other"
    assert storage.free_identifier("other") == "other"
    assert storage.free_identifier("other") == "other-2"


def test_the_sink_is_closed_with_the_storage_and_a_second_time_does_nothing():
    sink = Answering()
    storage = SinkStorage(sink)
    assert (storage.close(), storage.close(), storage.waiting) == (0, 0, 0)
    assert sink.is_closed
