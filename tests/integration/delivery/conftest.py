"""Real servers, real networks and real processes for a delivery."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request

import pytest
from fakes.mariadb import free_port
from fakes.proxy import Proxy
from fakes.write_server import WriteServer

from multimeter.delivery import Delivery, RetryPolicy
from multimeter.sinks.influx import InfluxDBSink

SOON = RetryPolicy(first=0.01, most=0.2, refused=0.2)
SECONDS = 300


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.integration)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def points(request):
    """How many points each fault is tried with."""
    return request.config.getoption("--points")


@pytest.fixture
def server():
    with WriteServer.running() as server:
        yield server


@pytest.fixture
def proxy(server):
    with Proxy.running(server.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def make_delivery(tmp_path):
    """Make deliveries to InfluxDB's write API, that are closed in the end."""
    made = []

    def make(url, token="any", *, timeout=5.0, **settings):
        sink = InfluxDBSink(token, url, timeout=timeout)
        settings = {"spool": tmp_path / "spool", "retry": SOON, "linger": 0.01, **settings}
        made.append(Delivery(sink, **settings))
        return made[-1]

    yield make
    for delivery in made:
        delivery.close(0)
        if delivery._thread:
            delivery._thread.join(SECONDS)


def line(number):
    """Return the point of a number: its value and its time."""
    return b"log,codename=a value=%di %d" % (number, number)


@pytest.fixture
def put_all():
    """Put points one after the other, as fast as it goes."""

    def put_all(delivery, numbers):
        for number in numbers:
            delivery.put_line(line(number))

    return put_all


class Arrivals:
    """What a server was sent: the numbers of points in the order of arrival."""

    def __init__(self, server):
        self.all = [
            int(each.rpartition(b" ")[2])
            for _, _, body in server.requests
            for each in body.split(b"\n")
        ]
        self.first = list(dict.fromkeys(self.all))

    def check(self, numbers):
        """Nothing is lost, nothing is there that was not put, and the order is kept."""
        assert self.first == list(numbers)

    @property
    def sent_again(self):
        return len(self.all) - len(self.first)


@pytest.fixture
def arrivals():
    return Arrivals


@pytest.fixture
def victoria(tmp_path, missing):
    """A VictoriaMetrics that keeps doubles; gives its URL."""
    program = shutil.which("victoria-metrics")
    if not program:
        missing("victoria-metrics")
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            program,
            f"-storageDataPath={tmp_path / 'victoria'}",
            f"-httpListenAddr={url.removeprefix('http://')}",
            "-retentionPeriod=100y",
            "-loggerLevel=ERROR",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(f"{url}/health")
    yield url
    process.terminate()
    process.wait(SECONDS)


def wait_for(url):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.05)


@pytest.fixture
def start_python():
    """Start programs in Python, that are killed in the end where they still run."""
    started = []

    def start(code, *words, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
