"""A cluster of three databases behind one address, whose node in use is killed."""

from __future__ import annotations

import pytest
from fakes.galera import Galera, provider
from fakes.proxy import Proxy

SECONDS = 300


@pytest.fixture
def cluster(mariadb_program, missing):
    if not provider():
        missing("Galera (Debian: apt install galera-4 rsync)")
    with Galera.running() as cluster:
        yield cluster


def test_a_node_that_is_killed_while_it_is_in_use_loses_and_doubles_nothing(
    cluster, make_logger, log_all, points
):
    assert cluster.size == 3
    first, second, _ = cluster.nodes
    with Proxy.running(first.port) as address:
        logger = make_logger(int(address.url.rpartition(":")[2]), batch_size=500)
        log_all(logger, range(points // 2))
        while logger.stats().delivered < points // 10:
            logger.flush(0.01)
        first.kill()
        log_all(logger, range(points // 2, points))
        assert not logger.flush(0.1)
        address.target = second.port
        assert logger.flush(SECONDS)
        assert logger.stop().complete
    assert sorted(second.values()) == [float(number) for number in range(points)]
