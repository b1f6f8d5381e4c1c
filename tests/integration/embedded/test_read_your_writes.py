"""What was acknowledged is what the next read shows, however busy the server is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from multimeter.delivery import Delivery
from multimeter.sinks.influx import InfluxDBSink

pytestmark = pytest.mark.integration

WRITERS = 4
ROUNDS = 8
POINTS = 1_000


def deliver(stack: Any, name: str) -> None:
    """Deliver a run by one delivery, which is closed then."""
    config = stack.config
    connection = (config["token"], config["url"], config["org"], config["bucket"])
    delivery = Delivery(InfluxDBSink(*connection))
    for row in range(POINTS):
        delivery.put_line(f"{name} a={row},b={row * 0.5} {row + 1}".encode())
    report = delivery.close(60)
    assert report.complete


def check(stack: Any, name: str) -> None:
    run = stack.runs().get(name)
    assert run is not None, f"{name} is not in the list"
    assert (run["points"], run["start"], run["end"]) == (POINTS, 1, POINTS)
    described = stack.get("/api/run", run=name)
    assert described["points"] == POINTS
    series = stack.get("/api/series", run=name, key="a", start=0, stop=POINTS, buckets=4)
    assert series["groups"], f"{name} has no series"


def test_what_a_delivery_has_closed_with_is_read_at_once(shared_stack) -> None:
    def write(writer: int) -> None:
        for round_ in range(ROUNDS):
            name = f"run-{writer}-{round_}"
            deliver(shared_stack, name)
            check(shared_stack, name)

    with ThreadPoolExecutor(WRITERS) as pool:
        for written in [pool.submit(write, each) for each in range(WRITERS)]:
            written.result()


def test_each_answer_is_behind_what_it_says(shared_stack) -> None:
    """Many small writes to one run: the number of points never lags behind."""

    def write(writer: int) -> None:
        for number in range(25):
            shared_stack.write(f"shared-{writer} v={number} {number}")
            assert shared_stack.runs()[f"shared-{writer}"]["points"] == number + 1

    with ThreadPoolExecutor(WRITERS) as pool:
        for written in [pool.submit(write, each) for each in range(WRITERS)]:
            written.result()
