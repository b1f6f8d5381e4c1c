"""Programs that are killed, and programs that share a spool."""

from __future__ import annotations

import random
import signal
import sys
import time

import pytest

SECONDS = 1_200
NIGHT = 1_000_000

LOGGER = """
import os, sys, time
from multimeter.delivery import Delivery, RetryPolicy
from multimeter.sinks.influx import InfluxDBSink

url, token, spool, progress, points = sys.argv[1:]
descriptor = os.open(progress, os.O_RDWR | os.O_CREAT)
first = int(os.read(descriptor, 20) or 0)
delivery = Delivery(
    InfluxDBSink(token, url, timeout=5.0),
    spool=spool,
    retry=RetryPolicy(first=0.01, most=0.2, refused=0.2),
    linger=0.01,
    batch_size=1_000,
)
gate = os.open(progress + ".gate", os.O_RDWR | os.O_CREAT)
allowed = 0
for number in range(first, int(points)):
    while number >= allowed:
        allowed = int(os.pread(gate, 20, 0) or points)
        time.sleep(0.001)
    delivery.put_line(b"log,codename=a value=%di %d" % (number, number))
    # What is accepted now is never put again.
    os.pwrite(descriptor, b"%020d" % (number + 1), 0)
report = delivery.close(1_200)
assert report.complete, report
"""


class Logger:
    """A program that logs numbers and goes on where it was when it is started again."""

    def __init__(self, start_python, folder, url, points, token="any"):
        self.progress_file = folder / "progress"
        words = (url, token, folder / "spool", self.progress_file, points)
        self.start = lambda: start_python(LOGGER, *words)

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

    def finish(self):
        process = self.start()
        _, errors = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, errors


@pytest.fixture
def make_logger(start_python, tmp_path):
    return lambda url, points, token="any": Logger(
        start_python, tmp_path, url, points, token
    )


def kills(seed, number, points):
    """Return the numbers of points at which a program is killed."""
    return sorted(random.Random(seed).randrange(points) for _ in range(number))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    server, make_logger, arrivals, points, seed
):
    logger = make_logger(server.url, points)
    for number in kills(seed, 10, points):
        logger.run_until(number)
    logger.finish()
    found = arrivals(server)
    found.check(range(points))
    assert len(server.points()) == points


def test_a_program_that_is_killed_while_the_server_is_away_loses_nothing(
    server, proxy, make_logger, arrivals, points
):
    logger = make_logger(proxy.url, points)
    for number in kills(3, 10, points):
        proxy.is_open = not proxy.is_open
        proxy.cut_all()
        logger.run_until(number)
    proxy.is_open = True
    logger.finish()
    arrivals(server).check(range(points))


@pytest.mark.skipif(sys.platform == "win32", reason="signals as Unix has them")
def test_a_server_that_is_killed_loses_and_doubles_nothing(stack, make_logger, points):
    logger = make_logger(stack.config["url"], points, stack.config["token"])
    process = logger.start()
    for number in kills(4, 20 if points >= NIGHT else 5, points):
        logger.wait(process, number)
        stack.server.kill()
        assert stack.run("start").returncode == 0
    _, errors = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    assert stack.runs()["log"]["points"] == points


def test_program_and_server_that_are_killed_in_turn_lose_and_double_nothing(
    stack, make_logger, points
):
    logger = make_logger(stack.config["url"], points, stack.config["token"])
    # At night the program 20 times, and the server 20 times while the program logs.
    moments = kills(5, 40 if points >= NIGHT else 6, points)
    for server_dies, program_dies in zip(moments[::2], moments[1::2]):
        # It is in the middle of its work, however long the server takes to start.
        logger.let_through(min(program_dies + points // 100, points - 1))
        process = logger.start()
        logger.wait(process, server_dies)
        stack.server.kill()
        assert stack.run("start").returncode == 0
        logger.wait(process, program_dies)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    logger.let_through(points)
    logger.finish()
    stored = stack.runs()["log"]["points"]
    print(f"\n{points} points, {len(moments) // 2} kills of each: {stored} points stored")
    assert stored == points


SHARE = """
import sys
from multimeter.delivery import Delivery
from multimeter.sinks.influx import InfluxDBSink

url, spool, name, points = sys.argv[1:]
delivery = Delivery(InfluxDBSink("any", url), spool=spool, linger=0.01)
for number in range(int(points)):
    delivery.put_line(b"log,codename=%b value=%di %d" % (name.encode(), number, number))
print("put", flush=True)
if name == "killed":
    sys.stdin.read()
assert delivery.close(300).complete
"""


def test_programs_that_share_a_spool_keep_apart_and_inherit_what_is_left(
    server, proxy, start_python, tmp_path, points
):
    proxy.is_open = False
    each = points // 5
    killed = start_python(SHARE, proxy.url, tmp_path / "spool", "killed", each)
    assert killed.stdout.readline() == "put\n"
    others = [
        start_python(SHARE, proxy.url, tmp_path / "spool", name, each) for name in "ab"
    ]
    for other in others:
        assert other.stdout.readline() == "put\n"
    killed.kill()
    killed.wait()
    proxy.is_open = True
    for other in others:
        _, errors = other.communicate(timeout=SECONDS)
        assert other.returncode == 0, errors
    assert len(server.points()) == 2 * each, "the living do not touch what is in use"
    last = start_python(SHARE, proxy.url, tmp_path / "spool", "last", 0)
    _, errors = last.communicate(timeout=SECONDS)
    assert last.returncode == 0, errors
    assert len(server.points()) == 3 * each
    assert list((tmp_path / "spool").iterdir()) == []
