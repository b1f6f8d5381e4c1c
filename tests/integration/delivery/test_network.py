"""Faults of the network, made by a proxy between the delivery and a server."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request

import pytest
from fakes.proxy import Fault, Proxy, random_faults
from fakes.write_server import WriteServer

SECONDS = 300


@pytest.mark.parametrize("tier", ["memory", "spool"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_network_that_breaks_at_random_moments_loses_and_doubles_nothing(
    server, proxy, make_delivery, put_all, arrivals, points, tier, seed
):
    proxy.faults = random_faults(seed, 60, 100_000)
    delivery = make_delivery(proxy.url, tier=tier, batch_size=2_000, max_records=10_000)
    put_all(delivery, range(points))
    assert delivery.flush(SECONDS)
    found = arrivals(server)
    found.check(range(points))
    assert proxy.happened >= 10
    assert delivery.stats().delivered == points


def test_memory_is_bounded_while_the_network_is_cut(
    server, proxy, make_delivery, put_all, arrivals, points
):
    proxy.is_open = False
    delivery = make_delivery(proxy.url, tier="memory", max_records=1_000)
    put_all(delivery, range(points))
    assert len(delivery._queue._lines) + delivery._queue._taken_records <= 1_000
    assert delivery.stats().queued == points
    proxy.is_open = True
    assert delivery.flush(SECONDS)
    arrivals(server).check(range(points))


def test_a_black_hole_ends_with_the_time_out(
    server, proxy, make_delivery, put_all, arrivals, points
):
    proxy.faults = [Fault("up", 50_000, "stall"), Fault("down", 0, "stall")]
    delivery = make_delivery(proxy.url, timeout=0.3, batch_size=2_000)
    put_all(delivery, range(points))
    assert delivery.flush(SECONDS)
    assert proxy.happened == 2
    arrivals(server).check(range(points))


def test_lost_acknowledgements_double_nothing(
    server, proxy, make_delivery, put_all, arrivals, points
):
    proxy.faults = [Fault("down", 0, "cut"), Fault("down", 0, "reset")] * 5
    delivery = make_delivery(proxy.url, batch_size=2_000)
    put_all(delivery, range(points))
    assert delivery.flush(SECONDS)
    found = arrivals(server)
    found.check(range(points))
    # The server had all of them already; the same points replace themselves.
    assert found.sent_again > 0
    assert len(server.points()) == points


def test_what_is_sent_again_is_the_batch_and_not_the_backlog(
    victoria, make_delivery, put_all, points
):
    """VictoriaMetrics keeps doubles: it counts what was sent more than once."""
    port = urllib.parse.urlsplit(victoria).port
    lost = 3
    with Proxy.running(port) as proxy:
        proxy.faults = [Fault("down", 0, "cut")] * lost
        delivery = make_delivery(proxy.url, batch_size=2_000, linger=5.0)
        for number in range(points):
            # Its times are of ms, and it takes none that are too old.
            ms = 1_700_000_000_000 + number
            delivery.put_line(b"log value=%di %d000000" % (number, ms))
        assert delivery.flush(SECONDS)
    query = urllib.parse.urlencode({"match[]": "log_value", "reduce_mem_usage": 1})
    urllib.request.urlopen(f"{victoria}/internal/force_flush", timeout=30).close()
    with urllib.request.urlopen(f"{victoria}/api/v1/export?{query}", timeout=60) as answer:
        values = [v for each in answer for v in json.loads(each)["values"]]
    assert set(map(int, values)) == set(range(points))
    # Each lost answer costs one batch, which is cut smaller the next time.
    assert points < len(values) <= points + lost * 2_000


def test_a_network_of_a_kilobyte_a_second_gets_all_through_in_the_end(
    server, proxy, make_delivery, put_all, arrivals
):
    proxy.rate = 1_000
    delivery = make_delivery(proxy.url, timeout=1.5)
    put_all(delivery, range(100))
    assert delivery.flush(SECONDS)
    arrivals(server).check(range(100))


def test_a_server_that_comes_late_gets_all(make_delivery, put_all, arrivals, points):
    with WriteServer() as gone:
        port = gone.server_address[1]
    delivery = make_delivery(f"http://127.0.0.1:{port}")
    put_all(delivery, range(points))
    assert not delivery.flush(patient=False)
    with WriteServer.running(port) as server:
        assert delivery.flush(SECONDS)
        arrivals(server).check(range(points))


def test_a_server_that_comes_and_goes_gets_all_once(
    server, proxy, make_delivery, put_all, arrivals, points
):
    delivery = make_delivery(proxy.url, batch_size=1_000)
    for start in range(0, points, points // 10):
        put_all(delivery, range(start, start + points // 10))
        proxy.is_open = not proxy.is_open
        proxy.cut_all()
    proxy.is_open = True
    assert delivery.flush(SECONDS)
    arrivals(server).check(range(points))


def test_a_close_while_the_network_is_cut_leaves_all_to_the_next_program(
    server, proxy, make_delivery, put_all, arrivals, points
):
    proxy.is_open = False
    delivery = make_delivery(proxy.url)
    put_all(delivery, range(points))
    report = delivery.close(0.1)
    assert (report.delivered, report.queued) == (0, points)
    proxy.is_open = True
    again = make_delivery(proxy.url)
    assert again.flush(SECONDS)
    assert again.stats().resumed == points
    arrivals(server).check(range(points))
