"""How many points of 26 values a second InfluxDBStorage brings to a server.

Without a server given, a sink answers 204 at once and stores nothing: what is left is
the work of the client. The targets are for a server, which has work of its own.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from comparison import Contender, Row, Target, compare
from options import TOKEN_VARIABLE, Options
from real_run import REAL_RUN

_POINTS = 20_000
_ROUNDS = 9

# Each round has a name of its own: to write the same points again is other work.
_COMMON = """
import itertools, json, os, sys, time
options = json.loads(sys.argv[1])
options["token"] = os.environ.get(options.pop("token_variable")) or "benchmark"
result = real_run(options.pop("points"))
numbers = itertools.count(time.time_ns())
"""

_STORE = """
from multimeter import InfluxDBStorage
storage = InfluxDBStorage(**options)
def work(times):
    result.identifier = f"benchmark-{next(numbers)}-store"
    storage.store(result)
"""

_READY = """
import http.client, urllib.parse
from multimeter.lines.result_encoder import encode_batches
result.identifier = "NAME"
pieces = list(encode_batches(result))
batches = [b"".join(pieces[at : at + 20]) for at in range(0, len(pieces), 20)]
address = urllib.parse.urlsplit(options["url"])
kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
connection = kind[address.scheme](address.hostname, address.port)
query = urllib.parse.urlencode({key: options[key] for key in ("org", "bucket")})
headers = {"Authorization": "Token " + options["token"], "Content-Type": "text/plain"}
def prepare():
    global bodies
    name = f"benchmark-{next(numbers)}-ready"
    bodies = [batch.replace(b"NAME", name.encode()) for batch in batches]
def work(times):
    for body in bodies:
        connection.request("POST", "/api/v2/write?precision=ns&" + query, body, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 204, response.status
"""

_BATCHING = """
from influxdb_client import InfluxDBClient, Point, WriteOptions
client = InfluxDBClient(options["url"], options["token"], org=options["org"])
points = [(time, point.values) for time, point in zip(result.times_ns, result.points)]
def work(times):
    name = f"benchmark-{next(numbers)}-batching"
    write = WriteOptions(batch_size=5_000, flush_interval=60_000)
    with client.write_api(write_options=write) as api:
        for time_ns, values in points:
            point = Point(name).tag("stage", "benchmark").time(time_ns)
            for key, value in values.items():
                point.field(key, value)
            api.write(options["bucket"], record=point)
"""

_SINK = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
"""


@contextlib.contextmanager
def answer_204() -> Iterator[str]:
    """Start a server that answers 204 to everything, and give its URL."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _SINK], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate()


def rows(options: Options) -> Iterator[Row]:
    """Compare with lines that were ready before, and with influxdb-client's batching."""
    with contextlib.ExitStack() as stack:
        told = {
            "url": options.url or stack.enter_context(answer_204()),
            "org": options.org,
            "bucket": options.bucket,
            "token_variable": TOKEN_VARIABLE,
            "points": _POINTS,
        }
        arguments = [json.dumps(told)]
        ours, ready, batching = (
            stack.enter_context(
                Contender(
                    sys.executable, REAL_RUN + _COMMON + code, arguments, "perf_counter"
                )
            )
            for code in (_STORE, _READY, _BATCHING)
        )
        for peer, name, limit in (
            (ready, "ready lines, one connection", 0.85),
            (batching, "influxdb-client batching", 2),
        ):
            result = compare(partial(ours.seconds, 1), partial(peer.seconds, 1), _ROUNDS)
            yield Row(
                "InfluxDBStorage.store to " + ("a server" if options.url else "a sink"),
                "points/s",
                _POINTS / result.ours,
                _POINTS / result.peer,
                name,
                1 / result.ratio,
                Target(limit, at_least=True) if options.url else None,
            )
