"""Programs that are killed, and programs that share a spool."""

from __future__ import annotations

import sys

import pytest
from fakes.resuming_program import SECONDS, ResumingProgram, moments

NIGHT = 1_000_000

LOGGER = """
import sys
from multimeter.delivery import Delivery, RetryPolicy
from multimeter.sinks.influx import InfluxDBSink

progress, url, token, spool, points, run = sys.argv[1:]
delivery = Delivery(
    InfluxDBSink(token, url, timeout=5.0),
    spool=spool,
    retry=RetryPolicy(first=0.01, most=0.2, refused=0.2),
    linger=0.01,
    batch_size=1_000,
)
for number in numbers(progress, int(points)):
    delivery.put_line(b"log,codename=a value=%di %d" % (number, number))
report = delivery.close(1_200)
assert report.complete, report
"""


@pytest.fixture
def make_logger(start_python, tmp_path):
    return lambda url, points, token="any": ResumingProgram(
        start_python, LOGGER, tmp_path, url, token, tmp_path / "spool", points
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program_that_is_killed_at_random_moments_loses_and_doubles_nothing(
    server, make_logger, arrivals, points, seed
):
    logger = make_logger(server.url, points)
    for number in moments(seed, 10, points):
        logger.run_until(number)
    logger.finish()
    found = arrivals(server)
    found.check(range(points))
    assert len(server.points()) == points


def test_a_program_that_is_killed_while_the_server_is_away_loses_nothing(
    server, proxy, make_logger, arrivals, points
):
    logger = make_logger(proxy.url, points)
    for number in moments(3, 10, points):
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
    for number in moments(4, 20 if points >= NIGHT else 5, points):
        logger.wait(process, number)
        stack.server.kill()
        assert stack.run("start").returncode == 0
    logger.finish(process)
    assert stack.runs()["log"]["points"] == points


def test_program_and_server_that_are_killed_in_turn_lose_and_double_nothing(
    stack, make_logger, points
):
    logger = make_logger(stack.config["url"], points, stack.config["token"])
    # At night the program 20 times, and the server 20 times while the program logs.
    kills = moments(5, 40 if points >= NIGHT else 6, points)

    def kill_server():
        stack.server.kill()
        assert stack.run("start").returncode == 0

    logger.killed_in_turn(kills, points, kill_server)
    stored = stack.runs()["log"]["points"]
    print(f"\n{points} points, {len(kills) // 2} kills of each: {stored} points stored")
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
