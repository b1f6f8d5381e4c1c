"""Times are instants, also in the hours that a change of clocks repeats or leaves out."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import pytest
from fakes.mariadb import TABLE, MariaDB

from multimeter.sinks.base import Accepted, Batch

ZONE = "Europe/Copenhagen"
HOUR = 3_600_000_000
# In autumn 02:00 to 03:00 comes twice, in spring it does not come.
NIGHTS = {"autumn": "2026-10-24T22:00", "spring": "2026-03-28T22:00"}


@pytest.fixture(scope="module", params=["SYSTEM", ZONE, "+02:00"])
def database(mariadb_program, tmp_path_factory, request):
    """A server whose sessions have the machine's time zone, a named or a fixed one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", ZONE if request.param == "SYSTEM" else "UTC")
        server = MariaDB(tmp_path_factory.mktemp("zones") / "data")
        server.install()
        server.start()
    try:
        server.make_tables()
        server.load_time_zone(ZONE)
        server.run("SET GLOBAL time_zone = %s", request.param)
        server.zone = request.param
        yield server
    finally:
        server.kill()


def night(name):
    """Return times of a whole night in us, each with other digits."""
    start = dt.datetime.fromisoformat(f"{NIGHTS[name]}+00:00")
    first = round(start.timestamp() * 1e6)
    return list(range(first, first + 6 * HOUR, 433_123_457))


def lines(times_us):
    return [f"log,codename=a value=1 {time}000".encode() for time in times_us]


def make_table(database, column):
    name = "".join(c if c.isalnum() else "_" for c in column)
    database.run(f"CREATE OR REPLACE TABLE {name} LIKE {TABLE}")
    database.run(f"ALTER TABLE {name} MODIFY time {column} NOT NULL")
    return name


@pytest.mark.parametrize("name", NIGHTS)
@pytest.mark.parametrize("digits", range(7))
def test_a_timestamp_is_the_instant_in_each_hour_of_the_night(
    database, make_sink, digits, name
):
    table = make_table(database, f"TIMESTAMP({digits})")
    times, sink = night(name), make_sink(database.port, table)
    half = len(times) // 2
    assert sink.send(Batch(f"{table}-{name}-1", lines(times[:half]))) == Accepted()
    sink._drop()  # the next connection speaks of the same time
    assert sink.send(Batch(f"{table}-{name}-2", lines(times[half:]))) == Accepted()
    step = 10 ** (6 - digits)
    found = database.run(f"SELECT UNIX_TIMESTAMP(time) * 1000000 FROM {table} ORDER BY id")
    assert [int(row[0]) for row in found] == [time // step * step for time in times]


def wall_clock(database, time_us):
    zone = dt.timezone(dt.timedelta(hours=2))
    if database.zone != "+02:00":
        zone = zoneinfo.ZoneInfo(ZONE)
    utc = dt.datetime.fromtimestamp(time_us // 10**6, dt.timezone.utc)
    return (utc + dt.timedelta(microseconds=time_us % 10**6)).astimezone(zone)


@pytest.mark.parametrize("name", NIGHTS)
def test_a_datetime_is_the_time_of_the_day_where_the_server_is(database, make_sink, name):
    table = make_table(database, "DATETIME(6)")
    times = night(name)
    sink = make_sink(database.port, table)
    assert sink.send(Batch(f"{table}-{name}", lines(times))) == Accepted()
    found = database.run(f"SELECT time FROM {table} ORDER BY id")
    assert [row[0] for row in found] == [
        wall_clock(database, time).replace(tzinfo=None) for time in times
    ]


def test_a_number_is_the_time_of_the_day_in_digits_where_the_server_is(database, make_sink):
    table = make_table(database, "DECIMAL(30, 6)")
    times = night("spring")
    assert make_sink(database.port, table).send(Batch(table, lines(times))) == Accepted()
    found = database.run(f"SELECT time FROM {table} ORDER BY id")
    assert [f"{row[0]:f}" for row in found] == [
        f"{wall_clock(database, time):%Y%m%d%H%M%S.%f}" for time in times
    ]


def test_the_zone_of_other_sessions_and_of_the_server_stays(database, make_sink):
    table = make_table(database, "TIMESTAMP(6)")
    sink = make_sink(database.port, table)
    assert sink.send(Batch("zone", lines(night("autumn")[:1]))) == Accepted()
    (zones,) = database.run("SELECT @@global.time_zone, @@session.time_zone")
    assert zones == (database.zone, database.zone)
