"""The application over a store of its own, and clients that ask it without a network."""

from __future__ import annotations

import pytest
from fakes.stores import new_store
from starlette.testclient import TestClient

from multimeter.visualization.embedded.http.access import Access
from multimeter.visualization.embedded.http.app import create_app
from multimeter.visualization.embedded.http.reading import Limits

URL = "http://127.0.0.1:8086"


class StubClock:
    """Stands still until it is set."""

    def __init__(self):
        self.now_ns = 1_700_000_000_000_000_000

    def __call__(self):
        return self.now_ns


class Served:
    """An application, and what a test needs to ask it."""

    def __init__(self, path):
        self.access = Access("kantai", "multimeter", "the-write-token", "the-read-token")
        self.clock = StubClock()
        self.store = new_store(path)
        self.limits = Limits()
        self.own = []

    def client(self, **more):
        """Return a client with no token and no cookie; the server may be a new one."""
        app = create_app(
            self.store,
            self.access,
            limits=self.limits,
            now_ns=self.clock,
            user_panels=lambda: self.own,
        )
        more = {"base_url": URL, "follow_redirects": False, **more}
        return TestClient(app, **more)

    def reader(self):
        return self.client(headers={"Authorization": "Token the-read-token"})

    def writer(self):
        return self.client(headers={"Authorization": "Token the-write-token"})

    def write(self, lines, **params):
        where = {"org": "kantai", "bucket": "multimeter", **params}
        answer = self.writer().post("/api/v2/write", params=where, content=lines)
        assert answer.status_code == 204, answer.text

    def browser(self):
        """Return a client that is logged in by a cookie."""
        client = self.client(headers={"Sec-Fetch-Site": "same-origin"})
        assert client.post("/login", data={"token": "the-read-token"}).status_code == 303
        return client


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """An application for all tests of a file that only read."""
    served = Served(tmp_path_factory.mktemp("store") / "store.duckdb")
    yield served
    served.store.close()


@pytest.fixture
def served(tmp_path):
    """An application for one test."""
    served = Served(tmp_path / "store.duckdb")
    yield served
    served.store.close()
