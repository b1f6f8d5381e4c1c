from __future__ import annotations

import errno
import logging
import math
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest

from multimeter.data.record import Record
from multimeter.delivery import Delivery, RetryPolicy
from multimeter.delivery.folder import SegmentFolder
from multimeter.errors import ConfigurationError, QueueFullError, StateError, StorageError
from multimeter.sinks.base import Accepted, Rejected, Retry
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.memory import MemorySink

SECONDS = 120
SOON = RetryPolicy(first=0.001, most=0.01, refused=0.01)


class StalledSink(MemorySink):
    """Holds each batch until it is let go."""

    def __init__(self):
        super().__init__(self.wait)
        self.reached = threading.Event()
        self.go = threading.Event()

    def wait(self, _):
        self.reached.set()
        assert self.go.wait(SECONDS)
        return Accepted()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make():
    """Make deliveries that are closed in the end."""
    made = []

    def make(sink, **settings):
        made.append(Delivery(sink, **{"linger": 0.0, "retry": SOON, **settings}))
        return made[-1]

    yield make
    for delivery in made:
        go = getattr(delivery._sink, "go", None)
        if go:
            go.set()
        delivery.close(0)
        delivery._thread.join(SECONDS)


def point(value, time_ns=1):
    return Record("m", {"a": "b"}, {"v": value}, time_ns)


def stored(sink):
    return list(sink.lines.values())


class TestPut:
    def test_a_record_arrives(self, make):
        sink = MemorySink()
        delivery = make(sink)
        delivery.put(point(1.5))
        assert delivery.flush(SECONDS)
        assert stored(sink) == [b"m,a=b v=1.5 1"]

    def test_records_without_a_time_never_share_one(self, make, monkeypatch):
        sink = MemorySink()
        delivery = make(sink)
        monkeypatch.setattr("time.time_ns", iter([100, 100, 50, 200]).__next__)
        for _ in range(4):
            delivery.put(point(1.0, None))
        assert delivery.flush(SECONDS)
        assert [int(line.split()[-1]) for line in stored(sink)] == [100, 101, 102, 200]

    def test_nan_leaves_its_field_out_and_is_counted(self, make):
        sink = MemorySink()
        delivery = make(sink)
        delivery.put(Record("m", {}, {"v": math.nan, "w": 1.0}, 1))
        assert delivery.flush(SECONDS)
        assert stored(sink) == [b"m w=1.0 1"]
        assert delivery.stats().left_out == 1

    def test_a_record_without_any_value_is_counted_as_dropped(self, make):
        sink = MemorySink()
        delivery = make(sink)
        delivery.put(point(math.nan))
        assert delivery.flush(SECONDS)
        assert sink.received == []
        stats = delivery.stats()
        assert (stats.accepted, dict(stats.dropped)) == (1, {"no value": 1})

    def test_many_threads_can_put(self, make):
        sink = MemorySink()
        delivery = make(sink, batch_size=100)
        threads = [
            threading.Thread(
                target=lambda n=n: [delivery.put(point(float(i), n)) for i in range(500)]
            )
            for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert delivery.flush(SECONDS)
        assert len(set(stored(sink))) == 4_000

    def test_a_stalled_sink_stalls_nobody_who_puts(self, make):
        sink = StalledSink()
        delivery = make(sink, max_records=100, spool=None)
        delivery.put(point(0.0))
        assert sink.reached.wait(SECONDS)
        for n in range(1_000):
            delivery.put(point(float(n)))
        assert delivery.stats().queued == 1_001
        sink.go.set()
        assert delivery.flush(SECONDS)
        assert len(stored(sink)) == 1_001

    def test_one_stalled_sink_stalls_no_other(self, make):
        stalled, other = StalledSink(), MemorySink()
        first, second = make(stalled), make(other)
        first.put(point(1.0))
        assert stalled.reached.wait(SECONDS)
        second.put(point(1.0))
        assert second.flush(SECONDS)
        assert not stored(stalled)

    def test_who_wants_to_know_is_told_that_it_is_full(self, make):
        sink = StalledSink()
        delivery = make(sink, when_full="raise", max_records=2)
        delivery.put(point(1.0))
        assert sink.reached.wait(SECONDS)
        delivery.put(point(2.0))
        with pytest.raises(QueueFullError, match="2 points"):
            delivery.put(point(3.0))
        assert delivery.stats().accepted == 2

    def test_who_wants_to_wait_goes_on_when_there_is_room(self, make):
        sink = StalledSink()
        delivery = make(sink, when_full="block", max_records=2)
        done = threading.Event()

        def put():
            for n in range(10):
                delivery.put(point(float(n)))
            done.set()

        thread = threading.Thread(target=put)
        thread.start()
        assert sink.reached.wait(SECONDS)
        assert not done.is_set()
        sink.go.set()
        thread.join(SECONDS)
        assert done.is_set()
        assert delivery.flush(SECONDS)
        assert len(stored(sink)) == 10

    def test_who_is_blocked_is_told_when_it_is_closed(self, make):
        sink = StalledSink()
        delivery = make(sink, when_full="block", max_records=1)
        delivery.put(point(1.0))
        assert sink.reached.wait(SECONDS)
        errors = []

        def put():
            with pytest.raises(StateError) as caught:
                delivery.put(point(2.0))
            errors.append(caught)

        thread = threading.Thread(target=put)
        thread.start()
        delivery.close(0)
        thread.join(SECONDS)
        assert errors

    def test_a_log_that_is_delivered_too_does_not_stop_it(self, make):
        """A handler may put points into the very delivery that says something."""
        sink = StalledSink()
        delivery = make(sink, max_records=5)

        class Handler(logging.Handler):
            def emit(self, record):
                delivery.put(point(-1.0))

        def put():
            for _ in range(50):
                delivery.put(point(1.0))

        handler = Handler()
        logging.getLogger("multimeter").addHandler(handler)
        try:
            threads = [threading.Thread(target=put) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SECONDS)
                assert not thread.is_alive()
        finally:
            logging.getLogger("multimeter").removeHandler(handler)
        sink.go.set()
        assert delivery.flush(SECONDS)
        assert len(stored(sink)) >= 201

    def test_after_the_end_nothing_is_taken(self, make):
        delivery = make(MemorySink())
        delivery.close()
        with pytest.raises(StateError, match="closed"):
            delivery.put(point(1.0))

    def test_a_disk_that_fails_is_told_where_it_was_promised(
        self, make, tmp_path, monkeypatch
    ):
        delivery = make(MemorySink(), spool=tmp_path, tier="spool+fsync", linger=60.0)
        delivery.put(point(1.0))

        def fail(_):
            raise OSError("broken")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(StorageError, match="broken"):
            delivery.put(point(2.0))


class TestFlush:
    def test_without_anything_to_do_it_returns_at_once(self, make):
        assert make(MemorySink()).flush(0)

    def test_it_says_when_time_was_not_enough(self, make):
        sink = StalledSink()
        delivery = make(sink)
        delivery.put(point(1.0))
        assert not delivery.flush(0)

    def test_it_does_not_wait_for_what_is_put_later(self, make):
        sink = MemorySink(lambda _: (delivery.put(point(2.0)), Accepted())[1])
        delivery = make(sink)
        delivery.put(point(1.0))
        assert delivery.flush(SECONDS)

    def test_who_is_impatient_waits_for_one_try_only(self, make):
        sink = MemorySink(lambda _: Retry("down"))
        delivery = make(sink, retry=RetryPolicy(first=1e6, most=1e6))
        delivery.put(point(1.0))
        assert not delivery.flush(patient=False)
        assert delivery.stats().retries >= 1

    def test_what_is_dropped_meanwhile_is_not_taken_for_delivered(self, make):
        sink = StalledSink()
        delivery = make(sink)
        delivery.put(point(1.0))
        assert sink.reached.wait(SECONDS)
        for _ in range(10):
            delivery.put(point(math.nan))
        assert not delivery.flush(0)


class TestClose:
    def test_it_delivers_what_it_can_and_says_so(self, make):
        delivery = make(MemorySink(), linger=60.0)
        for n in range(10):
            delivery.put(point(float(n)))
        report = delivery.close(SECONDS)
        assert report.complete
        assert str(report) == "10 points delivered"
        assert report == delivery.close()

    def test_it_ends_the_thread(self, make):
        delivery = make(MemorySink())
        delivery.put(point(1.0))
        delivery.close(SECONDS)
        assert delivery._thread.join(SECONDS)

    def test_with_the_server_down_what_is_left_lies_in_the_spool(self, make, home):
        sink = MemorySink(lambda _: Retry("down"))
        delivery = make(sink)
        for n in range(10):
            delivery.put(point(float(n)))
        report = delivery.close(0)
        assert (report.queued, report.delivered) == (10, 0)
        assert report.spool == home / ".multimeter" / "spool"
        assert "multimeter deliver" in str(report)
        delivery._thread.join(SECONDS)
        again = make(sink)
        sink._answer = None
        assert again.flush(SECONDS)
        assert len(stored(sink)) == 10
        assert again.stats().resumed == 10

    def test_without_a_spool_it_says_how_many_are_gone(self, make):
        sink = MemorySink(lambda _: Retry("down"))
        delivery = make(sink, when_full="drop_oldest")
        delivery.put(point(1.0))
        report = delivery.close(0)
        assert (report.queued, report.lost, report.spool) == (1, 1, None)
        assert str(report) == "0 points delivered, 1 not delivered: they are lost"

    def test_a_spool_that_cannot_be_written_is_not_named(self, make, home):
        home.mkdir(parents=True)
        (home / ".multimeter").write_text("a file, where the folder would be")
        delivery = make(MemorySink(lambda _: Retry("down")))
        for n in range(3):
            delivery.put(point(float(n)))
        report = delivery.close(0)
        assert (report.queued, report.lost, report.spool) == (3, 3, None)
        assert "spool" not in str(report)

    def test_what_a_full_disk_did_not_take_is_lost_and_the_rest_is_not(
        self, make, tmp_path, monkeypatch
    ):
        sink = MemorySink(lambda _: Retry("down"))
        delivery = make(sink, spool=tmp_path / "spool", tier="memory", batch_size=4)
        keep, kept = SegmentFolder.keep, []

        def keep_one(self, number, lines):
            if kept:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            kept.append(lines)
            return keep(self, number, lines)

        monkeypatch.setattr(SegmentFolder, "keep", keep_one)
        for n in range(10):
            delivery.put(point(float(n)))
        report = delivery.close(0)
        assert (report.queued, report.lost) == (10, 10 - len(kept[0]))
        assert report.spool == tmp_path / "spool"
        assert f"{len(kept[0])} not delivered yet" in str(report)
        assert f"{report.lost} not delivered: they are lost" in str(report)

    def test_the_command_says_what_it_needs_beside_the_spool(
        self, make, tmp_path, monkeypatch
    ):
        address = {"kind": "mysql", "host": "db"}
        monkeypatch.setattr(MemorySink, "address", address)
        delivery = make(MemorySink(lambda _: Retry("down")), spool=tmp_path / "our spool")
        delivery.put(point(1.0))
        folder = tmp_path / "our spool"
        said = str(delivery.close(0))
        assert f"multimeter deliver '{folder}' --url-file FILE" in said

    def test_it_returns_in_time_while_the_sink_hangs(self, make):
        sink = StalledSink()
        delivery = make(sink)
        delivery.put(point(1.0))
        assert sink.reached.wait(SECONDS)
        report = delivery.close(0)
        assert report.queued == 1
        sink.go.set()
        delivery._thread.join(SECONDS)
        # It arrived after all: then nothing of it is left in the spool.
        assert not list(report.spool.iterdir())

    def test_a_context_says_what_did_not_arrive(self, make, caplog):
        sink = MemorySink(lambda _: Retry("down"))
        with pytest.MonkeyPatch.context() as patch:
            close = Delivery.close
            patch.setattr(Delivery, "close", lambda self, timeout=0: close(self, timeout))
            with make(sink) as delivery:
                delivery.put(point(1.0))
        assert "1 not delivered yet" in caplog.messages[-1]

    def test_the_report_tells_of_rejects_and_drops(self, make):
        delivery = make(MemorySink(lambda _: Rejected("no")))
        delivery.put(point(1.0))
        delivery.put(point(math.nan))
        report = delivery.close(SECONDS)
        assert (report.rejected, report.dropped) == (1, 1)
        assert str(report.rejects) in str(report)
        assert "1 dropped" in str(report)


class TestWorld:
    def test_it_starts_and_accepts_while_the_server_is_down(self, make):
        sink = MemorySink(lambda _: Retry("down"))
        delivery = make(sink)
        delivery.put(point(1.0))
        sink._answer = None
        assert delivery.flush(SECONDS)

    def test_what_an_earlier_program_left_is_sent_without_a_new_point(self, make, tmp_path):
        sink = MemorySink(lambda _: Retry("down"))
        first = make(sink, spool=tmp_path / "spool")
        first.put(point(1.0))
        first.close(0)
        first._thread.join(SECONDS)
        sink._answer = None
        second = make(sink, spool=tmp_path / "spool")
        assert second.flush(SECONDS)
        assert len(stored(sink)) == 1

    def test_two_deliveries_on_one_spool_keep_apart(self, make, tmp_path):
        sinks = MemorySink(), MemorySink()
        both = [make(sink, spool=tmp_path / "spool") for sink in sinks]
        for n in range(100):
            both[n % 2].put(point(float(n)))
        assert all(each.flush(SECONDS) for each in both)
        assert [len(sink.lines) for sink in sinks] == [50, 50]

    def test_a_spool_that_cannot_be_written_is_refused(self, make, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(ConfigurationError, match="cannot be written"):
            make(MemorySink(), spool=tmp_path / "file")

    def test_a_bug_in_the_worker_is_said_and_does_not_end_the_thread(
        self, make, monkeypatch, caplog
    ):
        monkeypatch.setattr("multimeter.delivery.worker_thread.RECHECK_SECONDS", 0.001)
        delivery = make(MemorySink())
        step, calls = delivery._worker.step, []

        def fail_a_while():
            calls.append(1)
            if len(calls) < 5:
                raise ZeroDivisionError
            return step()

        monkeypatch.setattr(delivery._worker, "step", fail_a_while)
        delivery.put(point(1.0))
        assert delivery.flush(SECONDS)
        assert caplog.text.count("Traceback") == 1
        assert "ZeroDivisionError" in caplog.text

    def test_where_no_thread_can_start_any_more_who_flushes_does_the_work(
        self, make, monkeypatch
    ):
        def refuse(_):
            raise RuntimeError("can't start new thread at interpreter shutdown")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        sink = MemorySink()
        delivery = make(sink)
        for n in range(10):
            delivery.put(point(float(n)))
        assert delivery.close(SECONDS).complete
        assert len(stored(sink)) == 10

    def test_who_is_the_first_to_put_starts_one_thread(self, make, monkeypatch):
        started = []
        start = threading.Thread.start

        def count(thread):
            if thread.name.startswith("multimeter"):
                started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", count)
        delivery = make(MemorySink(), when_full="drop_oldest", max_records=1)
        go = threading.Barrier(8)

        def put():
            go.wait(SECONDS)
            delivery.put(point(1.0))

        threads = [threading.Thread(target=put) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(started) == 1

    def test_settings_that_make_no_sense_leave_the_backlog_alone(self, make, tmp_path):
        sink = MemorySink(lambda _: Retry("down"))
        first = make(sink, spool=tmp_path / "spool")
        first.put(point(1.0))
        first.close(0)
        with pytest.raises(ConfigurationError):
            make(sink, spool=tmp_path / "spool", batch_size=0)
        sink._answer = lambda _: Retry("unauthorized", refused=True)
        make(sink, spool=tmp_path / "spool").close(0)
        sink._answer = None
        assert make(sink, spool=tmp_path / "spool").flush(SECONDS)
        assert len(stored(sink)) == 1

    def test_its_repr_tells_where_to_and_how_much(self, make):
        assert "memory" in repr(make(MemorySink()))


def run(code, *words, **environment):
    """Run a program that uses a delivery; return what it said."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


PROGRAM = """
import os, sys
from multimeter.delivery import Delivery
from multimeter.data.record import Record
from multimeter.sinks.base import Accepted, Retry

class Sink:
    name = "file"
    address = {"kind": "file"}
    down = False
    def send(self, batch):
        if self.down:
            return Retry("down")
        with open(sys.argv[1], "a") as stream:
            stream.writelines(f"{os.getpid()} {line.decode()}\\n" for line in batch.lines)
        return Accepted()
    def after_fork(self): pass
    def close(self): pass

def put(delivery, *values):
    for value in values:
        delivery.put(Record("m", {}, {"v": value}, value))
"""


class TestProcesses:
    def test_the_end_of_a_program_delivers_what_is_queued(self, tmp_path):
        out = tmp_path / "out"
        run(PROGRAM + "put(Delivery(Sink(), linger=60.0), 1, 2, 3)", str(out))
        assert len(out.read_text().splitlines()) == 3

    def test_the_end_of_a_program_says_what_is_left_and_does_not_hang(self, tmp_path):
        code = (
            PROGRAM
            + "sink = Sink(); sink.down = True\n"
            + "delivery = Delivery(sink, spool=sys.argv[2], exit_timeout=0)\n"
            + "put(delivery, 1, 2, 3)"
        )
        out = tmp_path / "out"
        _, said = run(code, str(out), str(tmp_path / "spool"))
        assert "3 not delivered yet" in said
        run(
            PROGRAM + "assert Delivery(Sink(), spool=sys.argv[2]).flush(120)",
            str(out),
            str(tmp_path / "spool"),
        )
        assert len(out.read_text().splitlines()) == 3

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    @pytest.mark.parametrize("tier", ["memory", "spool"])
    def test_after_a_fork_each_delivers_its_own_and_nothing_twice(self, tmp_path, tier):
        code = PROGRAM + (
            f"delivery = Delivery(Sink(), spool=sys.argv[2], tier={tier!r}, linger=60.0)\n"
            "put(delivery, 1, 2)\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    assert delivery.stats().queued == 0\n"
            "    put(delivery, 3, 4, 5)\n"
            "    sys.exit()\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
            "put(delivery, 6)\n"
            "assert delivery.close(120).complete\n"
        )
        out = tmp_path / "out"
        run(code, str(out), str(tmp_path / "spool"), PYTHONWARNINGS="ignore")
        lines = [line.split() for line in out.read_text().splitlines()]
        assert sorted(int(line[-1]) for line in lines) == [1, 2, 3, 4, 5, 6]
        by_process = {pid: {int(w[-1]) for w in lines if w[0] == pid} for pid, *_ in lines}
        assert sorted(map(sorted, by_process.values())) == [[1, 2, 6], [3, 4, 5]]
        left = tmp_path / "spool"
        assert not left.exists() or not list(left.iterdir())

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_what_a_killed_child_left_is_not_the_parents_to_lose(self, tmp_path):
        code = PROGRAM + (
            "import signal\n"
            "sink = Sink(); sink.down = True\n"
            "delivery = Delivery(sink, spool=sys.argv[2])\n"
            "put(delivery, 1)\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    put(delivery, 2)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "os.waitpid(child, 0)\n"
            "sink.down = False\n"
            "assert delivery.close(120).complete\n"
            "assert Delivery(Sink(), spool=sys.argv[2]).flush(120)\n"
        )
        out = tmp_path / "out"
        run(code, str(out), str(tmp_path / "spool"))
        values = sorted(int(line.split()[-1]) for line in out.read_text().splitlines())
        assert values == [1, 2]

    @pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
    def test_children_of_multiprocessing_deliver_at_their_end(self, tmp_path, method):
        script = tmp_path / "script.py"
        script.write_text(
            PROGRAM
            + "import multiprocessing\n"
            + "def work(out, n):\n"
            + "    sys.argv = ['', out]\n"
            + "    put(Delivery(Sink(), linger=60.0), n)\n"
            + "if __name__ == '__main__':\n"
            + f"    context = multiprocessing.get_context({method!r})\n"
            + "    start = context.Process\n"
            + "    ps = [start(target=work, args=(sys.argv[1], n)) for n in (1, 2)]\n"
            + "    [p.start() for p in ps]; [p.join() for p in ps]\n"
        )
        out = tmp_path / "out"
        subprocess.run([sys.executable, str(script), str(out)], check=True, timeout=SECONDS)
        values = sorted(int(line.split()[-1]) for line in out.read_text().splitlines())
        assert values == [1, 2]


def test_no_secret_of_a_sink_stands_in_a_log_line(make, caplog):
    caplog.set_level(logging.DEBUG)
    sink = InfluxDBSink("s3cret-token", "http://127.0.0.1:1")
    delivery = make(sink)
    delivery.put(point(1.0))
    assert not delivery.flush(5, patient=False)
    assert "s3cret" not in caplog.text + repr(sink) + repr(delivery) + str(sink.address)
