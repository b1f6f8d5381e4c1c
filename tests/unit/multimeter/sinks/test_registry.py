"""What opens the places that a spool's points are for."""

from __future__ import annotations

import pathlib
import sys
import types

import pytest

from multimeter.errors import ConfigurationError, MissingExtraError
from multimeter.sinks.influx import InfluxDBSink
from multimeter.sinks.registry import Credentials, make_sink
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer, ODBCSource

SERVER = {"kind": "mysql", "host": "db.lab", "port": "3307", "database": "lab"}
MYSQL = {**SERVER, "table": "dateplots_rig"}
ODBC = {"kind": "odbc", "dsn": "the lab", "table": "dateplots_rig"}


@pytest.fixture
def keys(tmp_path):
    """Write lines into a file of URLs."""

    def keys(*lines):
        path = tmp_path / "urls"
        path.write_text("\n".join(lines), encoding="utf-8")
        return Credentials(url_file=path)

    return keys


@pytest.fixture
def pyodbc(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodbc", types.ModuleType("pyodbc"))


def opened(address, keys):
    """Return the user and the password for a place."""
    sink = make_sink(address, keys)
    assert sink.address == address
    return sink._server.username, sink._server.password


def test_the_line_for_a_database_says_who_writes_there(keys):
    lines = [
        "# of the lab",
        "",
        "mysql://other:WRONG@db.lab/lab",
        "mysql://other:WRONG@db2.lab:3307/lab",
        "mysql://other:WRONG@db.lab:3307/another",
        "odbc://other:WRONG@lab",
        "  mysql://rig:p%40ss@DB.lab:3307/lab  ",
    ]
    assert opened(MYSQL, keys(*lines)) == ("rig", "p@ss")


def test_an_editor_of_windows_may_have_saved_the_file_of_urls(keys):
    found = keys("\ufeffmysql://rig:p@db.lab:3307/lab")
    assert opened(MYSQL, found) == ("rig", "p")


def test_a_line_without_a_database_is_for_all_of_a_server(keys):
    assert opened(MYSQL, keys("mariadb://rig:pass@db.lab:3307")) == ("rig", "pass")


def test_the_port_may_be_left_out_where_it_is_the_usual_one(keys):
    assert opened({**MYSQL, "port": "3306"}, keys("mysql://rig@db.lab/lab")) == ("rig", "")


def test_no_password_goes_to_a_server_that_no_line_is_for(keys):
    with pytest.raises(ConfigurationError, match="not known") as caught:
        make_sink(MYSQL, keys("mysql://rig:S3CRET@db2.lab:3307/lab"))
    assert "mysql://user:password@db.lab:3307/lab" in str(caught.value)
    assert "S3CRET" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="--url-file FILE"):
        make_sink(MYSQL, Credentials())


def test_a_line_that_is_no_url_is_a_clear_error_without_its_password(keys):
    with pytest.raises(ConfigurationError, match="%XX") as caught:
        make_sink(MYSQL, keys("mysql://rig:S3/CRET@db.lab:3307/lab"))
    assert "S3" not in str(caught.value)


def test_another_table_of_descriptions_is_found_again(keys):
    server = MySQLServer("rig", "", "db.lab", 3307, "lab")
    address = SQLSink(server, "rig", descriptions="names").address
    assert SQLSink(server, "dateplots_rig").address == MYSQL
    assert address == {**SERVER, "table": "rig", "descriptions": "names"}
    assert opened(address, keys("mysql://rig@db.lab:3307")) == ("rig", "")


def test_the_file_of_certificates_is_for_databases_too(keys):
    found = keys("mysql://rig@db.lab:3307")
    found = Credentials(url_file=found.url_file, ca=pathlib.Path("ca.pem"))
    assert make_sink(MYSQL, found)._server.ca == pathlib.Path("ca.pem")


@pytest.mark.usefixtures("pyodbc")
def test_a_source_of_odbc_that_knows_its_user_needs_no_more(keys):
    assert opened(ODBC, Credentials()) == ("", "")
    assert opened(ODBC, keys("odbc://rig:WRONG@another", "nonsense")) == ("", "")


@pytest.mark.usefixtures("pyodbc")
def test_a_source_of_odbc_can_have_a_line_in_the_file(keys):
    assert opened(ODBC, keys("odbc://rig:p%3Ass@the%20lab")) == ("rig", "p:ss")


def test_a_driver_that_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(MissingExtraError, match=r"multimeter\[odbc\]"):
        make_sink(ODBC, Credentials())


def test_a_file_of_urls_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make_sink(MYSQL, Credentials(url_file=tmp_path / "none"))


def test_every_sink_that_can_be_sent_to_is_known_again(keys, pyodbc, tmp_path):
    (tmp_path / "token").write_text("T0KEN\n")
    all_keys = Credentials(
        token_file=tmp_path / "token", url_file=keys("mysql://u:p@db.lab").url_file
    )
    sinks = [
        InfluxDBSink("T0KEN", "http://influx:8086", "org", "bucket"),
        SQLSink(MySQLServer("u", "p", "db.lab", 3306, "lab"), "rig"),
        SQLSink(ODBCSource("lab", "u", "p"), "rig"),
    ]
    for sink in sinks:
        assert make_sink(sink.address, all_keys).address == sink.address
