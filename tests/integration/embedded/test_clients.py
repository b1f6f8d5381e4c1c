"""The official client of InfluxDB against the server as a process."""

from __future__ import annotations

import random
import threading

import pytest
from influxdb_client import InfluxDBClient, WriteOptions
from influxdb_client.client.write_api import SYNCHRONOUS

POINTS = 100_000
FIELDS = [f"field_{number:02}" for number in range(26)]
START = 1_700_000_000_000_000_000
STEP = 10_000_000
AT_ONCE = 5_000


def lines(measurement):
    """Points of 26 values, as line protocol."""
    numbers = random.Random(7)
    for number in range(POINTS):
        fields = ",".join(f"{key}={numbers.random()}" for key in FIELDS)
        yield f"{measurement} {fields} {START + number * STEP}"


def write_synchronously(client, bucket, measurement):
    write = client.write_api(write_options=SYNCHRONOUS).write
    every = list(lines(measurement))
    for first in range(0, POINTS, AT_ONCE):
        write(bucket, record="\n".join(every[first : first + AT_ONCE]))


def write_in_batches(client, bucket, measurement):
    failed = []
    done = threading.Event()
    remaining = iter(range(POINTS // AT_ONCE - 1, -1, -1))

    def count(*_batch):
        if next(remaining) == 0:
            done.set()

    with client.write_api(
        write_options=WriteOptions(batch_size=AT_ONCE, flush_interval=60_000),
        success_callback=count,
        error_callback=lambda *error: failed.append(error),
    ) as api:
        for line in lines(measurement):
            api.write(bucket, record=line)
        # Closing this client waits for a while only, not for what is under way.
        assert done.wait(300)
    assert failed == []


@pytest.mark.parametrize("write", [write_synchronously, write_in_batches])
@pytest.mark.parametrize("gzip", [False, True])
def test_every_point_is_counted_even_after_the_server_was_killed(stack, write, gzip):
    config = stack.config
    with InfluxDBClient(
        config["url"], config["token"], org=config["org"], enable_gzip=gzip, timeout=120_000
    ) as client:
        assert client.ping()
        write(client, config["bucket"], "big")
    # At once: nothing had the time to be written a little later.
    server = stack.server
    server.kill()
    server.wait(60)
    assert stack.run("start").returncode == 0
    run = stack.runs()["big"]
    assert run["points"] == POINTS
    assert (run["start"], run["end"]) == (START, START + (POINTS - 1) * STEP)
    answer = stack.get("/api/series", run="big", key=FIELDS, buckets=1000)
    (group,) = answer["groups"]
    assert set(group["series"]) == set(FIELDS)
    for summary in group["series"].values():
        assert all(
            0 <= low <= mean <= high < 1
            for low, mean, high in zip(
                summary["min"], summary["mean"], summary["max"], strict=True
            )
        )


def test_the_same_points_again_are_the_same_points(stack):
    config = stack.config
    with InfluxDBClient(config["url"], config["token"], org=config["org"]) as client:
        write = client.write_api(write_options=SYNCHRONOUS).write
        body = [f"again value={number} {START + number}" for number in range(1000)]
        for _ in range(3):
            write(config["bucket"], record=body)
    assert stack.runs()["again"]["points"] == 1000
