from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading

import pytest

from multimeter import (
    FileStorage,
    JsonFormat,
    Measure,
    Metric,
    Probe,
    ProbeError,
    Storage,
    StorageError,
    Subject,
)
from multimeter.sampling import helper as process
from multimeter.sampling.messages import (
    Channel,
    End,
    Ended,
    Failed,
    Job,
    Log,
    MarkMessage,
    PointMessage,
    Started,
)

ME = os.getpid()
VALUE = Measure(Subject("rig"), Metric("value"))
WAIT = 10


class RigProbe(Probe):
    """Gives a number at each sample; it can be handed over, and told to fail."""

    metrics = (VALUE.metric,)
    subjects = (VALUE.subject,)
    measures = (VALUE,)

    def __init__(self, *, fails=False):
        self.fails = fails

    def for_process(self, pid):
        return self

    def start(self):
        if self.fails:
            raise ProbeError("The rig is off.", next_step="Switch it on.")

    def baseline(self):
        return {VALUE.key: 7}

    def sample(self, values, time_elapsed):
        values[VALUE.key] = 1.0


class Kept(Storage):
    def __init__(self):
        self.results = []

    def store(self, result):
        self.results.append(result)


class Parent:
    """The measured process, at the other end of two pipes."""

    def __init__(self, job, alive=None):
        to_helper, from_helper = os.pipe(), os.pipe()
        self.files = [os.fdopen(to_helper[0], "rb"), os.fdopen(from_helper[1], "wb")]
        self.ends = [os.fdopen(from_helper[0], "rb"), os.fdopen(to_helper[1], "wb")]
        self.channel = Channel(*self.ends)
        self.pid = ME
        self.helper = process.Helper(job, Channel(*self.files), lambda: self.pid)
        self.thread = threading.Thread(target=self.helper.run)
        self.thread.start()

    def until(self, kind):
        """Return the messages up to the first one of a kind."""
        messages = [self.channel.receive()]
        while not isinstance(messages[-1], kind):
            assert messages[-1] is not None, f"no {kind.__name__} came"
            messages.append(self.channel.receive())
        return messages

    def close(self):
        for file in self.ends:
            if not file.closed:
                file.close()
        self.thread.join(WAIT)
        assert not self.thread.is_alive()
        for file in self.files:
            with contextlib.suppress(BrokenPipeError):  # it had more to say
                file.close()


@pytest.fixture
def storage():
    return Kept()


@pytest.fixture
def begin(storage):
    parents = []

    def begin(**more):
        job = {
            "parent": ME,
            "probes": (RigProbe(),),
            "cycle_time": 0.001,
            "max_overhead": None,
            "identifier": "run",
            "run_id": "01hf7yat000000000000",
            "tags": {"a": "b"},
            "storage": storage,
            **more,
        }
        parents.append(Parent(Job(**job)))
        return parents[-1]

    yield begin
    for parent in parents:
        parent.close()


def test_points_come_until_the_end_and_then_how_it_went(begin, storage):
    parent = begin()
    (started,) = parent.until(Started)
    assert started.sampling.baseline == {VALUE.key: 7}
    assert started.sampling.clock.started_ns > 0
    parent.until(PointMessage)
    parent.channel.send(End())
    *points, ended = parent.until(Ended)
    assert all(each.values == {VALUE.key: 1.0} for each in points)
    assert points[-1].time_ns > started.sampling.clock.started_ns
    assert ended.sampling.samples >= len(points)
    assert ended.sampling.gil_time == 0.0
    assert ended.measures == (VALUE,)
    parent.thread.join(WAIT)
    assert storage.results == []


def test_when_the_parent_is_gone_the_helper_stores_the_run_itself(begin, storage):
    parent = begin()
    parent.until(PointMessage)
    parent.channel.send(MarkMessage(5, "here"))
    parent.close()
    (result,) = storage.results
    assert (result.identifier, result.tags) == ("run", {"a": "b"})
    assert result.values(VALUE.key)[0] == 1.0
    labels = [mark.label for mark in result.marks]
    assert labels == ["here", process.LOST]
    assert result.meta_data["baseline"]["values"] == {VALUE.key: 7}
    assert result.schema.measures == (VALUE,)


def test_what_the_storage_does_not_take_then_goes_to_a_file(
    begin, storage, tmp_path, monkeypatch, capsys
):
    def refuse(result):
        raise StorageError("The server is away.")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setattr(storage, "store", refuse)
    parent = begin()
    parent.until(PointMessage)
    parent.close()
    folder = tmp_path / ".multimeter" / "runs"
    assert len(FileStorage(folder, JsonFormat()).load("run").points) >= 1
    said = capsys.readouterr().err
    assert "The server is away." in said
    assert str(folder / "run.json") in said


def test_the_end_of_the_parent_is_noticed_while_its_pipe_is_held_open(begin, storage):
    parent = begin()
    parent.until(PointMessage)
    parent.pid = 1  # another process has adopted the helper
    parent.thread.join(WAIT)
    assert len(storage.results) == 1


def test_what_was_said_before_the_end_is_kept_however_late_it_comes(begin, storage):
    parent = begin()
    parent.until(PointMessage)
    parent.pid = 1
    while not parent.helper._is_orphan:
        parent.until(PointMessage)
    parent.channel.send(MarkMessage(5, "last words"))
    parent.thread.join(WAIT)
    (result,) = storage.results
    assert [mark.label for mark in result.marks] == ["last words", process.LOST]


def test_without_a_storage_nothing_is_kept(begin, storage):
    parent = begin(storage=None)
    parent.until(PointMessage)
    parent.close()
    assert storage.results == []


def test_a_probe_that_cannot_start_is_told(begin):
    parent = begin(probes=(RigProbe(fails=True),))
    assert parent.channel.receive() == Failed(
        "RigProbe could not start: The rig is off.\nNext: Switch it on.",
        "",
        "Fix the cause, or measure without this probe.",
    )
    parent.thread.join(WAIT)


def test_a_parent_that_does_not_read_does_not_stop_the_sampling(begin):
    class Wide(RigProbe):
        def sample(self, values, time_elapsed):
            values[VALUE.key] = "x" * 100_000  # more than a pipe holds
            counted.put(time_elapsed)

    counted = queue.Queue()
    parent = begin(probes=(Wide(),))
    for _ in range(20):
        counted.get(timeout=WAIT)
    parent.until(Started)
    parent.channel.send(End())
    messages = parent.until(Ended)
    assert sum(isinstance(each, PointMessage) for each in messages) >= 20


def test_what_is_logged_is_told(begin):
    parent = begin()
    parent.helper.log(logging.WARNING, "careful")
    messages = parent.until(Log)
    assert messages[-1] == Log(logging.WARNING, "careful")


def test_what_is_no_message_ends_the_listening(tmp_path):
    (tmp_path / "in").write_bytes(b"neither pickled nor long")
    with (tmp_path / "in").open("rb") as incoming, (tmp_path / "out").open("wb") as out:
        assert Channel(incoming, out).receive() is None
