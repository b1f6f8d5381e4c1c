"""The example package of the documents: a sink of another package, really installed."""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import pytest

import multimeter

EXAMPLE = pathlib.Path(__file__).parents[3] / "docs" / "example-sink"
MAIN = "from multimeter.cli import main; main()"

STORAGE = """
import sys
from multimeter import Multimeter, ResourceProbe
from multimeter.storages.sink import SinkStorage
from multimeter.delivery.settings import DeliveryOptions
from multimeter_collector_sink import CollectorSink

for live in (True, False):
    sink = CollectorSink(sys.argv[1])
    storage = SinkStorage(sink, DeliveryOptions(spool=sys.argv[2]), live=live)
    with Multimeter(ResourceProbe(), storage=storage).measure(f"live-{live}"):
        pass
    assert storage.close() == 0
"""

LOGGER = """
import sys
from multimeter.delivery import Delivery
from multimeter.data.record import Record
from multimeter_collector_sink import CollectorSink

delivery = Delivery(CollectorSink(sys.argv[1]), spool=sys.argv[2])
for second in range(5):
    delivery.put(Record("rig", {}, {"pressure": 1.5 * second}, second))
print(delivery.close(float(sys.argv[3])).queued)
"""


class Collector(http.server.ThreadingHTTPServer):
    """Keeps the points that are posted, each once."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/points"
        self.points = {}
        self.status = 200


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.points |= {point["id"]: point for point in json.loads(body)}
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector():
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which pip has installed the package."""
    folder = tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source")
    for file in EXAMPLE.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", str(folder), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def run(installed, tmp_path):
    def run(program, *words):
        paths = str(installed), str(pathlib.Path(multimeter.__path__[0]).parent)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "HOME": str(tmp_path),
            "USERPROFILE": str(tmp_path),
        }
        return subprocess.run(
            [sys.executable, "-c", program, *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_serves_a_storage_live_and_whole(collector, run, tmp_path):
    done = run(STORAGE, collector.url, str(tmp_path / "spool"))
    assert (done.returncode, done.stderr) == (0, "")
    names = {point["name"] for point in collector.points.values()}
    assert names == {"live-True", "live-False", "multimeter_runs"}


def test_it_serves_single_values(collector, run, tmp_path):
    done = run(LOGGER, collector.url, str(tmp_path / "spool"), "60")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    values = sorted(p["fields"]["pressure"] for p in collector.points.values())
    assert values == [0.0, 1.5, 3.0, 4.5, 6.0]


def test_what_is_left_in_a_spool_is_delivered_by_the_tool(collector, run, tmp_path):
    spool = str(tmp_path / "spool")
    collector.status = 503
    assert run(LOGGER, collector.url, spool, "0").stdout == "5\n"
    collector.status = 200
    done = run(MAIN, "deliver", spool)
    assert done.returncode == 0, done.stderr
    assert "the collector at" in done.stdout
    assert len(collector.points) == 5


def test_without_the_package_the_tool_says_what_is_missing(
    collector, run, tmp_path, installed
):
    spool = str(tmp_path / "spool")
    collector.status = 503
    assert run(LOGGER, collector.url, spool, "0").stdout == "5\n"
    renamed = installed.with_name("away")
    installed.rename(renamed)
    try:
        done = run(MAIN, "deliver", spool)
    finally:
        renamed.rename(installed)
    assert done.returncode == 1
    assert "no sink of the kind 'collector': there are influxdb, mysql, odbc" in done.stderr
