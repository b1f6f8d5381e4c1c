"""A server and a program that are killed at random moments: none lost, none doubled."""

from __future__ import annotations

import pytest
from fakes.driven import Driven
from fakes.mariadb import TABLE, MariaDB
from fakes.resuming_program import SECONDS, ResumingProgram, moments

from multimeter.sinks.base import Rejected

NIGHT = 1_000_000

PROGRAM = """
import sys
import pymysql
from multimeter.loggers import ContinuousLogger

progress, port, spool, points, password, asks, run = sys.argv[1:]
logger = ContinuousLogger(
    "dateplots_lab", "rig", password, ["a"], port=int(port), host="127.0.0.1",
    database="lab", spool=spool, reconnect_waittime=0.2, batch_size=1_000, timeout=5.0,
)
logger.start()
first = None
if asks == "asks":
    # What was left by the run before is stored now: the table says where that was.
    assert logger.flush(1_200)
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
for number in numbers(progress, int(points), first):
    # A program that is killed before it notes this logs a number again, unless it asks:
    # its point then has another time, by which it is told from one that is stored twice.
    logger.enqueue_point("a", (1_600_000_000 + number + int(run) / 1_000, number))
assert logger.flush(1_200)
report = logger.stop()
assert report.complete, report
"""


def check_program(program, database, points):
    """Check that all that was accepted is stored, once."""
    found = database.run(f"SELECT time, value FROM {TABLE}")
    assert len(found) == len(set(found)), "doubled"
    assert {value for _, value in found} == set(map(float, range(points))), "lost"
    assert len(found) < points + program.runs


@pytest.fixture
def make_program(start_python, tmp_path):
    def make_program(port, points, *, asks=False):
        """Where it was, it has noted; or it asks, and no number is logged twice."""
        words = (port, tmp_path / "spool", points, MariaDB.password)
        start = "asks" if asks else "has noted"
        return ResumingProgram(start_python, PROGRAM, tmp_path, *words, start)

    return make_program


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    database, make_program, points, seed
):
    program = make_program(database.port, points)
    for number in moments(seed, 10, points):
        program.run_until(number)
    program.finish()
    check_program(program, database, points)


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
    check_program(program, own_database, points)


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
    check_program(program, own_database, points)


def test_program_and_server_that_are_killed_in_turn_lose_and_double_nothing(
    own_database, make_program, points
):
    program = make_program(own_database.port, points, asks=True)
    # At night the program 20 times, and the server 20 times while the program logs.
    kills = moments(5, 40 if points >= NIGHT else 6, points)

    def kill_server():
        own_database.kill()
        own_database.start()

    program.killed_in_turn(kills, points, kill_server)
    stored = own_database.values()
    turns = len(kills) // 2
    print(f"\n{points} points, {turns} kills of each: {len(stored)} rows in {TABLE}")
    assert stored == [float(number) for number in range(points)]


def test_a_logger_that_starts_while_the_server_is_down_delivers_later(
    own_database, make_logger, log_all, check, points, caplog
):
    own_database.kill()
    logger = make_logger(own_database.port)
    assert "The logger starts anyway" in caplog.text
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


def test_a_record_that_is_damaged_when_half_a_batch_is_stored_hides_no_other(
    database, make_sink, tmp_path, monkeypatch
):
    """The server knows which records of a batch it has by their indices."""
    settings = {"spool": tmp_path / "spool", "tier": "spool", "linger": 0.0}
    sink = make_sink(database.port)
    send = sink.send
    monkeypatch.setattr(
        sink,
        "send",
        lambda batch: send(batch) if len(batch) <= 2 else Rejected("", too_large=True),
    )
    program = Driven(sink, tmp_path, **settings)
    program.put(
        *(b"log,codename=a value=%d %d" % (n, 10**18 + n * 10**9) for n in range(4))
    )
    program.step()
    program.step()
    assert database.values() == [0.0, 1.0]
    program.queue.abandon()
    (path,) = (tmp_path / "spool").glob("*/0*")
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    after = Driven(make_sink(database.port), tmp_path, **settings)
    after.run()
    assert database.values() == [0.0, 1.0, 2.0, 3.0]
    assert after.counters.dropped == {"damaged": 1}
