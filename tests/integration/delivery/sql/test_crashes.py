"""A server and a program that are killed at random moments: none lost, none doubled."""

from __future__ import annotations

import random
import signal
import time

import pytest
from fakes.mariadb import TABLE, MariaDB

SECONDS = 1_200
NIGHT = 1_000_000

PROGRAM = """
import os, sys, time
import pymysql
from multimeter.loggers import ContinuousLogger

port, spool, progress, points, password, asks, run = sys.argv[1:]
descriptor = os.open(progress, os.O_RDWR | os.O_CREAT)
first = int(os.read(descriptor, 20) or 0)
logger = ContinuousLogger(
    "dateplots_lab", "rig", password, ["a"], port=int(port), host="127.0.0.1",
    database="lab", spool=spool, reconnect_waittime=0.2, batch_size=1_000, timeout=5.0,
)
logger.start()
if asks == "asks":
    # What was left by the run before is stored now: the table says where that was.
    assert logger.flush(1_200)
    first = None
    while first is None:
        try:
            with pymysql.connect(
                host="127.0.0.1", port=int(port), user="rig", password=password,
                database="lab",
            ) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT COALESCE(MAX(value), -1) + 1 FROM dateplots_lab")
                first = int(cursor.fetchone()[0])
        except (OSError, pymysql.MySQLError):
            time.sleep(0.05)  # the server may be killed right now
gate = os.open(progress + ".gate", os.O_RDWR | os.O_CREAT)
allowed = 0
for number in range(first, int(points)):
    while number >= allowed:
        allowed = int(os.pread(gate, 20, 0) or points)
        time.sleep(0.001)
    # A program that is killed between these two logs a number again, unless it asks: its
    # point then has another time, by which it is told from one that is stored twice.
    logger.enqueue_point("a", (1_600_000_000 + number + int(run) / 1_000, number))
    os.pwrite(descriptor, b"%020d" % (number + 1), 0)
assert logger.flush(1_200)
report = logger.stop()
assert report.complete, report
"""


class Program:
    """Logs numbers, and goes on where it was when it is started again.

    Where that was, it has noted; or it asks the database, and no number is logged twice.
    """

    def __init__(self, start_python, folder, port, points, *, asks=False):
        self.progress_file = folder / "progress"
        self.runs = 0
        self._words = (
            *(port, folder / "spool", self.progress_file, points, MariaDB.password),
            "asks" if asks else "has noted",
        )
        self._start_python = start_python

    def start(self):
        self.runs += 1
        return self._start_python(PROGRAM, *self._words, self.runs)

    @property
    def progress(self):
        try:
            return int(self.progress_file.read_bytes() or 0)
        except FileNotFoundError:
            return 0

    def let_through(self, number):
        """Let it log so many points, and no more."""
        self.progress_file.with_suffix(".gate").write_bytes(b"%020d" % number)

    def wait(self, process, number):
        deadline = time.monotonic() + SECONDS
        while self.progress < number and process.poll() is None:
            assert time.monotonic() < deadline, "it does not log"
            time.sleep(0.001)

    def run_until(self, number):
        """Start it, and kill it as soon as it has logged so many points."""
        process = self.start()
        self.wait(process, number)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def finish(self, process=None):
        process = process or self.start()
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors

    def check(self, database, points):
        """Check that all that was accepted is stored, once."""
        found = database.run(f"SELECT time, value FROM {TABLE}")
        assert len(found) == len(set(found)), "doubled"
        assert {value for _, value in found} == set(map(float, range(points))), "lost"
        assert len(found) < points + self.runs


@pytest.fixture
def make_program(start_python, tmp_path):
    def make_program(port, points, **more):
        return Program(start_python, tmp_path, port, points, **more)

    return make_program


def moments(seed, number, points):
    """Return after how many points something happens."""
    return sorted(random.Random(seed).randrange(points) for _ in range(number))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    database, make_program, points, seed
):
    program = make_program(database.port, points)
    for number in moments(seed, 10, points):
        program.run_until(number)
    program.finish()
    program.check(database, points)


def test_a_server_that_is_killed_loses_and_doubles_nothing(
    own_database, make_program, points
):
    program = make_program(own_database.port, points)
    process = program.start()
    for number in moments(3, 5, points):
        program.wait(process, number)
        own_database.kill()
        own_database.start()
    program.finish(process)
    program.check(own_database, points)


def test_a_server_that_is_stopped_loses_and_doubles_nothing(
    own_database, make_program, points
):
    program = make_program(own_database.port, points)
    process = program.start()
    for number in moments(4, 2, points):
        program.wait(process, number)
        own_database.stop()
        own_database.start()
    program.finish(process)
    program.check(own_database, points)


def test_program_and_server_that_are_killed_in_turn_lose_and_double_nothing(
    own_database, make_program, points
):
    program = make_program(own_database.port, points, asks=True)
    # At night the program 20 times, and the server 20 times while the program logs.
    kills = moments(5, 40 if points >= NIGHT else 6, points)
    for server_dies, program_dies in zip(kills[::2], kills[1::2]):
        # It is in the middle of its work, however long the server takes to start.
        program.let_through(min(program_dies + points // 100, points - 1))
        process = program.start()
        program.wait(process, server_dies)
        own_database.kill()
        own_database.start()
        program.wait(process, program_dies)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    program.let_through(points)
    program.finish()
    stored = own_database.values()
    turns = len(kills) // 2
    print(f"\n{points} points, {turns} kills of each: {len(stored)} rows in {TABLE}")
    assert stored == [float(number) for number in range(points)]


def test_a_logger_that_starts_while_the_server_is_down_delivers_later(
    own_database, make_logger, log_all, check, points, caplog
):
    own_database.kill()
    logger = make_logger(own_database.port)
    assert "The logger starts all the same" in caplog.text
    log_all(logger, range(points))
    assert not logger.flush(0.2)
    own_database.start()
    assert logger.flush(SECONDS)
    check(own_database, range(points))


def test_a_logger_that_stops_while_the_server_is_down_leaves_all_to_the_next(
    own_database, make_logger, log_all, check, points
):
    logger = make_logger(own_database.port, dequeue_timeout=0.1)
    own_database.kill()
    log_all(logger, range(points))
    report = logger.stop()
    assert (report.delivered, report.queued) == (0, points)
    assert report.spool
    own_database.start()
    again = make_logger(own_database.port)
    assert again.flush(SECONDS)
    assert again.stats().resumed == points
    check(own_database, range(points))


def test_without_a_spool_the_oldest_points_are_dropped_and_counted(
    own_database, make_logger, log_all, check
):
    logger = make_logger(own_database.port, spool=None, max_records=1_000, batch_size=100)
    own_database.kill()
    log_all(logger, range(5_000))
    stats = logger.stats()
    assert stats.dropped == {"queue full": stats.accepted - stats.queued}
    own_database.start()
    assert logger.flush(SECONDS)
    found = own_database.values()
    assert len(found) == stats.queued <= 1_000
    assert found[-1] == 4_999
    assert logger.stats().delivered == len(found)
