from __future__ import annotations

import threading

import duckdb
import pytest

from multimeter.visualization.embedded.store.interrupt import Interrupt
from multimeter.visualization.errors import QueryCancelledError

# More rows than anybody could wait for.
ENDLESS = "SELECT count(*) FROM range(1_000_000_000_000) WHERE hash(range) = 7"


def test_a_query_that_runs_is_ended_from_another_thread() -> None:
    interrupt = Interrupt()
    with duckdb.connect() as connection:
        timer = threading.Timer(0.05, interrupt.set)
        timer.start()
        with pytest.raises(QueryCancelledError), interrupt.ending(connection):
            connection.execute(ENDLESS).fetchall()
        timer.join()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_what_has_been_read_is_ended_by_nothing() -> None:
    interrupt = Interrupt()
    with duckdb.connect() as connection:
        with interrupt.ending(connection):
            connection.execute("SELECT 1").fetchall()
        interrupt.set()
        assert connection.execute("SELECT 2").fetchall() == [(2,)]
