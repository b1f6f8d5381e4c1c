"""A database that swallows all: nobody waits for it longer than was promised."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from fakes.mariadb import DATABASE, TABLE, MariaDB

from multimeter.loggers import ContinuousLogger

SECONDS = 300
# What a busy machine may add.
SLACK = 2.5


@contextlib.contextmanager
def swallowing():
    """A port whose packets are dropped by the kernel: nobody accepts, the queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]


@contextlib.contextmanager
def silent():
    """A port where somebody accepts and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture(params=[swallowing, silent])
def hole(request):
    with request.param() as port:
        yield port


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make(port, **more):
    options = {"host": "127.0.0.1", "port": port, "database": DATABASE, **more}
    return ContinuousLogger(TABLE, MariaDB.username, MariaDB.password, ["a"], **options)


class Watch:
    def __init__(self):
        self._start = time.monotonic()

    @property
    def seconds(self):
        return time.monotonic() - self._start


def test_the_start_waits_some_seconds_and_stop_as_long_as_was_said(hole, home, caplog):
    watch = Watch()
    logger = make(hole)
    assert 4.5 <= watch.seconds <= 5 + SLACK
    assert "has not answered in 5 s" in caplog.text
    logger.start()
    for number in range(1_000):
        logger.enqueue_point("a", (number, number))
    watch = Watch()
    report = logger.stop()
    assert 0.9 <= watch.seconds <= 1 + SLACK
    spool = home / ".multimeter" / "spool"
    assert (report.queued, report.spool, report.lost) == (1_000, spool, 0)
    assert f"multimeter deliver {spool} --url-file FILE" in caplog.text


@pytest.mark.parametrize("dequeue_timeout", [0.0, 0.5, 3])
def test_both_waits_can_be_chosen(hole, dequeue_timeout):
    watch = Watch()
    logger = make(hole, startup_timeout=0.2, dequeue_timeout=dequeue_timeout)
    assert watch.seconds <= 0.2 + SLACK
    logger.start()
    logger.enqueue_point("a", (1, 1))
    watch = Watch()
    assert logger.stop().queued == 1
    assert watch.seconds <= max(1, dequeue_timeout) + SLACK


def test_a_name_that_nobody_looks_up_does_not_hold_up_the_start(monkeypatch, caplog):
    go = threading.Event()
    found = socket.getaddrinfo

    def wait(*words, **more):
        assert go.wait(SECONDS)
        return found(*words, **more)

    monkeypatch.setattr("socket.getaddrinfo", wait)
    watch = Watch()
    logger = make(3306, host="db.lab", startup_timeout=0.2)
    assert watch.seconds <= 0.2 + SLACK
    assert "has not answered in 0.2 s" in caplog.text
    go.set()
    logger.stop(0)


def test_a_database_that_stands_still_holds_up_neither_the_start_nor_the_end(
    own_database, home
):
    logger = make(own_database.port)
    logger.start()
    logger.enqueue_point("a", (1, 1))
    assert logger.flush(SECONDS)
    os.kill(own_database._process.pid, signal.SIGSTOP)
    try:
        for number in range(2, 1_000):
            logger.enqueue_point("a", (number, number))
        watch = Watch()
        report = logger.stop()
        assert watch.seconds <= 1 + SLACK
        assert (report.delivered, report.queued) == (1, 998)
        watch = Watch()
        again = make(own_database.port, startup_timeout=0.5)
        assert watch.seconds <= 0.5 + SLACK
    finally:
        os.kill(own_database._process.pid, signal.SIGCONT)
    # What the first one had left is sent by the next, each point once.
    logger._delivery._thread.join(SECONDS)
    again.stop()
    with make(own_database.port) as last:
        assert last.flush(SECONDS)
    assert sorted(own_database.values()) == [float(number) for number in range(1, 1_000)]


PROGRAM = """
import sys
from multimeter.loggers import ContinuousLogger
logger = ContinuousLogger(
    "dateplots_lab", "rig", "S3CRET-of-rig", ["a"], host="127.0.0.1", port=int(sys.argv[1]),
    database="lab", startup_timeout=0.2,
)
logger.start()
for number in range(1_000):
    logger.enqueue_point("a", (number, number))
{end}
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise ValueError", "logger.stop()"])
def test_however_a_program_ends_what_waits_is_kept_and_it_says_where(hole, home, end):
    watch = Watch()
    program = [sys.executable, "-c", PROGRAM.format(end=end), str(hole)]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert watch.seconds <= 7 + SLACK
    spool = home / ".multimeter" / "spool"
    assert f"1000 not delivered yet: they lie in {spool}" in done.stderr
    assert "S3CRET" not in done.stderr
    (folder,) = (each for each in spool.iterdir() if each.is_dir())
    assert [each.name for each in folder.iterdir() if each.name.endswith("-1000")]
