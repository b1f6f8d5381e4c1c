from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter.connection import Connection
from multimeter.errors import ConfigurationError, MultimeterError
from multimeter.http.embedded import EmbeddedServer
from multimeter.http.influxdb import InfluxDBApi
from multimeter.http.server_url import checked_server_url, without_secrets
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.sql_client import MySQLServer, ODBCSource, parse_url
from multimeter.storages.influx import InfluxDBStorage
from multimeter.visualization.config import read_config

SECRET = "Zq9SECRETqZ"
around = st.text(string.ascii_letters + string.digits + ":@/?#%[]&=+;. \\é\n", max_size=8)
URLS = st.one_of(
    st.builds("{}://{}:{}{}{}@{}/{}".format, st.sampled_from(["http", "mysql", "odbc"]),
              around, around, st.just(SECRET), around, around, around),
    st.builds("http://{}@host:8086/{}".format, st.just(SECRET), around),
    st.builds("http://host:8086/{}?{}{}{}".format, around, around, st.just(SECRET), around),
    st.builds("http://host:8086#{}{}".format, around, st.just(SECRET)),
    st.builds("http://host%3F{}{}".format, around, st.just(SECRET)),
    st.builds("http://user:{}%40host".format, st.just(SECRET)),
    st.builds("user:{}@host:8086".format, st.just(SECRET)),
    st.builds("http://user:{}{}".format, st.just(SECRET), st.sampled_from(["", "/", "/x"])),
    st.builds("https://host/;token={}".format, st.just(SECRET)),
)  # fmt: skip


@given(URLS)
def test_no_secret_is_shown(url):
    assert SECRET not in without_secrets(url)


@given(st.text())
def test_whatever_is_given_for_a_url_can_be_shown(text):
    assert len(without_secrets(text)) <= len(text) + 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8086", "http://localhost:8086"),
        ("https://[::1]:8086/below/", "https://[::1]:8086/below/"),
        ("http://me:secret@host:1/x?y#z", "http://host:1/x"),
        ("mysql://me:a/b@host:3306/db", "mysql://host:3306/db"),
        ("mysql://me:a/b?c#d@host/db", "mysql://..."),
        ("http://host/größe", "http://host/größe"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(url, shown):
    assert without_secrets(url) == shown
    assert without_secrets(shown) == shown


def messages_of(url, folder):
    """Return all that is said of a URL by those who are given it."""
    config = folder / "visu.config.json"
    config.write_text(json.dumps({
        "version": 1, "engine": "embedded", "url": url, "org": "o", "bucket": "b",
        "token": "t", "page": url, "engine_state": {"directory": "/d", "port": 1},
    }))  # fmt: skip
    uses = [
        lambda: checked_server_url(url),
        lambda: InfluxDBSink("t", url).address,
        lambda: InfluxDBStorage("t", url),
        lambda: InfluxDBSink.from_stack(config).name,
        lambda: EmbeddedServer(url, "t").url,
        lambda: InfluxDBApi(url).url,
        lambda: Connection("http://h", "o", "b", "t", page=url).page_of("run"),
        lambda: MySQLServer(**{"username": "", "password": "", **parse_url(url)}).name,
        lambda: ODBCSource(url).name,
        lambda: read_config(config).page,
    ]
    for use in uses:
        try:
            yield repr(use())
        except MultimeterError as error:
            yield str(error) + repr(error)


@given(url=URLS)
def test_no_error_name_or_address_holds_a_secret(tmp_path_factory, url):
    folder = tmp_path_factory.mktemp("stack")
    found = "\n".join(messages_of(url, folder))
    assert SECRET not in found


@pytest.mark.parametrize("url", ["http://h/?token=SECRET", "http://h/#SECRET", "SECRET@h"])
def test_a_secret_in_a_url_is_refused_with_a_word_where_it_goes(url):
    with pytest.raises(ConfigurationError) as caught:
        InfluxDBSink("t", url)
    assert "SECRET" not in str(caught.value)
    assert "token" in str(caught.value)
