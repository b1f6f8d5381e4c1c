"""How many points a second ContinuousLogger brings into MariaDB, and what a call costs.

The server is a MariaDB of the benchmark's own, in a folder that is removed. Two peers
write the same points: one INSERT a point, with autocommit on, as loggers of labs do;
and rows that are pasted by hand, 5,000 a statement, each committed: what one connection
can take.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial

from comparison import Contender, Row, Target, compare
from options import Options

_POINTS = 100_000
_SINGLE_POINTS = 2_000
_ROUNDS = 9
_CALLS = 50_000
_SECONDS = 60

_COMMON = """
import json, os, random, sys, time
options = json.loads(sys.argv[1])
os.environ["HOME"] = options["home"]
import pymysql
server = {key: options[key] for key in ("host", "port", "user", "database")}
points = [(1.6e9 + n * 0.001, random.random()) for n in range(options["points"])]
def prepare():
    with pymysql.connect(**server, autocommit=True) as connection:
        connection.cursor().execute("TRUNCATE dateplots_benchmark")
"""

_LOGGER = """
from multimeter.loggers import ContinuousLogger
def work(times):
    logger = ContinuousLogger(
        "dateplots_benchmark", server["user"], "", ["a"], host=server["host"],
        port=server["port"], database=server["database"], spool=options["spool"],
    )
    logger.start()
    enqueue_point = logger.enqueue_point
    for point in points:
        enqueue_point("a", point)
    report = logger.stop()
    assert report.delivered == len(points), report
"""

_SINGLE = """
connection = pymysql.connect(**server, autocommit=True)
def work(times):
    cursor = connection.cursor()
    for unixtime, value in points:
        cursor.execute(
            f"INSERT INTO dateplots_benchmark (type, time, value) "
            f"VALUES (1, FROM_UNIXTIME({unixtime}), {value})"
        )
"""

_BY_HAND = """
connection = pymysql.connect(**server)
def work(times):
    cursor = connection.cursor()
    for start in range(0, len(points), 5_000):
        some = points[start:start + 5_000]
        rows = ",".join(f"(1,FROM_UNIXTIME({t}),{v})" for t, v in some)
        cursor.execute("INSERT INTO dateplots_benchmark (type, time, value) VALUES " + rows)
        connection.commit()
"""

_CALL = """
import os, random, sys
os.environ["HOME"] = sys.argv[1]
from multimeter.loggers import ContinuousLogger
from multimeter.sinks.base import Retry
from multimeter.sinks.memory import MemorySink
import logging
logging.disable()
points = [(1.6e9 + n * 0.001, random.random()) for n in range(50_000)]
def prepare():
    global logger
    # The queue takes all of them; what is done with them is not the call.
    sink = MemorySink(lambda _: Retry("it is down"))
    logger = ContinuousLogger("log", measurement_codenames=["a"], sink=sink)
    logger.start()
def work(times):
    for _ in range(times):
        enqueue_point = logger.enqueue_point
        for point in points:
            enqueue_point("a", point)
"""

_TABLES = """
CREATE DATABASE benchmark;
USE benchmark;
CREATE TABLE dateplots_descriptions (id INT PRIMARY KEY, codename VARCHAR(80));
INSERT INTO dateplots_descriptions VALUES (1, 'a');
CREATE TABLE dateplots_benchmark (id BIGINT AUTO_INCREMENT PRIMARY KEY, type INT NOT NULL,
  time TIMESTAMP(6) NOT NULL, value DOUBLE NOT NULL, KEY (type, time));
"""


@contextlib.contextmanager
def _server(folder: pathlib.Path) -> Iterator[int]:
    """Start a MariaDB that is safe from a loss of power, and give its port."""
    import socket

    import pymysql

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    data = folder / "data"
    subprocess.run(
        [
            *("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        ],
        check=True,
        capture_output=True,
    )
    program = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
    process = subprocess.Popen(
        [
            *(program, "--no-defaults", "--user=root", f"--datadir={data}"),
            *(f"--port={port}", f"--socket={folder}/s", "--bind-address=127.0.0.1"),
            *("--innodb-flush-log-at-trx-commit=1", "--skip-name-resolve"),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                connection = pymysql.connect(host="127.0.0.1", port=port, user="root")
                break
            except pymysql.MySQLError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        with connection, connection.cursor() as cursor:
            for statement in filter(str.strip, _TABLES.split(";")):
                cursor.execute(statement)
            connection.commit()
        yield port
    finally:
        process.kill()
        process.wait()


def _call_rows(folder: pathlib.Path) -> Iterator[Row]:
    with Contender(sys.executable, _CALL, [str(folder)]) as contender:
        seconds = sorted(contender.seconds(1) for _ in range(_ROUNDS))
    yield Row(
        "ContinuousLogger.enqueue_point",
        "us",
        seconds[len(seconds) // 2] / _CALLS * 1e6,
        target=Target(2, absolute=True),
    )


def rows(_: Options) -> Iterator[Row]:
    """Compare with one INSERT a point, and with rows that are made by hand."""
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield from _call_rows(folder)
        if not shutil.which("mariadb-install-db"):
            print("logger: no MariaDB is installed", file=sys.stderr)
            return
        port = stack.enter_context(_server(folder))
        told = {"host": "127.0.0.1", "port": port, "user": "root", "database": "benchmark"}

        def contender(code: str, points: int, *, spool: bool = False) -> Contender:
            place = str(folder / "spool") if spool else None
            more = {"points": points, "spool": place, "home": str(folder)}
            arguments = [json.dumps(told | more)]
            program = Contender(sys.executable, _COMMON + code, arguments, "perf_counter")
            return stack.enter_context(program)

        single = contender(_SINGLE, _SINGLE_POINTS)
        by_hand = contender(_BY_HAND, _POINTS)
        for spool in (False, True):
            ours = contender(_LOGGER, _POINTS, spool=spool)
            what = "ContinuousLogger to MariaDB" + (", with a spool" if spool else "")
            for peer, points, name, limit in (
                (single, _SINGLE_POINTS, "one INSERT a point, autocommit", 20),
                (by_hand, _POINTS, "rows of 5,000 by hand", 0.6),
            ):
                result = compare(
                    partial(ours.seconds, 1), partial(peer.seconds, 1), _ROUNDS
                )
                yield Row(
                    what,
                    "points/s",
                    _POINTS / result.ours,
                    points / result.peer,
                    name,
                    _POINTS / points / result.ratio,
                    None if spool else Target(limit, at_least=True),
                )
