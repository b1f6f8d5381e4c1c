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

from comparison import Contender, Row, Target, compare
from options import Options

_POINTS = 10_000
_ROUNDS = 7

# Each work uses a name of its own: writing the same points again would be cheaper.
_RESULT = """
import itertools, json, random, sys, time
from multimeter import InfluxDBStorage, ResourceProbe
from multimeter.result import Result
from multimeter.result_lines import encode_result
options = json.loads(sys.argv[1])
probe, random = ResourceProbe(), random.Random(1)
numbers = itertools.count(time.time_ns() // 10**6)
result = Result(probe)
for number in range(options.pop("points")):
    result.append(1_700_000_000_000_000_000 + number * 10**9, {
        measure.key: random.randrange(10**6) if measure.metric.value_type is int
        else random.random() for measure in probe.measures
    })
"""

_STORE = (
    _RESULT
    + """
storage = InfluxDBStorage(**options)
def work(times):
    for _ in range(times):
        result.identifier = f"benchmark-{next(numbers)}-store"
        storage.store(result)
"""
)

_RAW = (
    _RESULT
    + """
import http.client, urllib.parse
result.identifier = "NAME"
lines = list(encode_result(result))
batches = ["\\n".join(lines[i:i + 5_000]) for i in range(0, len(lines), 5_000)]
address = urllib.parse.urlsplit(options["url"])
kind = getattr(http.client, address.scheme.upper() + "Connection")
connection = kind(address.hostname, address.port)
query = urllib.parse.urlencode({key: options[key] for key in ("org", "bucket")})
headers = {"Authorization": "Token " + options["token"], "Content-Type": "text/plain"}
ready = []
def prepare():
    name = f"benchmark-{next(numbers)}-raw"
    ready[:] = [batch.replace("NAME", name).encode() for batch in batches]
def work(times):
    for body in ready:
        connection.request("POST", "/api/v2/write?precision=ns&" + query, body, headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 204, response.status
"""
)

_BATCHING = (
    _RESULT
    + """
from influxdb_client import InfluxDBClient, Point, WriteOptions
client = InfluxDBClient(options["url"], options["token"], org=options["org"])
points = [(time, point.values) for time, point in zip(result.times_ns, result.points)]
def work(times):
    name = f"benchmark-{next(numbers)}-batching"
    write = WriteOptions(batch_size=5_000, flush_interval=60_000)
    with client.write_api(write_options=write) as api:
        for time_ns, values in points:
            point = Point(name).time(time_ns)
            for key, value in values.items():
                point.field(key, value)
            api.write(options["bucket"], record=point)
"""
)


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
def _sink() -> Iterator[str]:
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
        url = options.url or stack.enter_context(_sink())
        to = {
            "url": url,
            "token": options.token,
            "org": options.org,
            "bucket": options.bucket,
        }
        arguments = [json.dumps(to | {"points": _POINTS})]
        start = lambda code: stack.enter_context(  # noqa: E731
            Contender(sys.executable, code, arguments)
        )
        ours, raw, batching = map(start, (_STORE, _RAW, _BATCHING))
        for peer, name, limit in (
            (raw, "ready lines, one connection", 0.85),
            (batching, "influxdb-client batching", 2),
        ):
            result = compare(
                lambda: ours.seconds(1), lambda other=peer: other.seconds(1), _ROUNDS
            )
            yield Row(
                "InfluxDBStorage.store to " + ("a server" if options.url else "a sink"),
                "points/s",
                _POINTS / result.ours,
                _POINTS / result.peer,
                name,
                1 / result.ratio,
                Target(limit, at_least=True) if options.url else None,
            )
