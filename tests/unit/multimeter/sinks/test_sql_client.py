from __future__ import annotations

import struct
import sys
import types

import pymysql
import pytest

from multimeter.errors import ConfigurationError, MissingExtraError
from multimeter.loggers import ContinuousLogger
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer, ODBCSource, parse_url


def test_a_url_says_all_of_it():
    assert parse_url("mysql://u%40x:p%2Fw@db.lab:3307/cinf") == {
        "username": "u@x",
        "password": "p/w",
        "host": "db.lab",
        "port": 3307,
        "database": "cinf",
    }
    assert parse_url("mariadb://u@h") == {"username": "u", "host": "h"}


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://u:p@h/d",
        "mariadb+mysqldb://u:p@h/d?charset=utf8mb4",
        "mysql://u:p@h/d?charset=UTF8",
    ],
)
def test_a_url_as_others_write_it_says_the_same(url):
    found = {"username": "u", "password": "p", "host": "h", "database": "d"}
    assert parse_url(url) == found


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:S3CRET@h/d",
        "mysql+pymysql:u:S3CRET@h/d",
        "pymysql+mysql://u:S3CRET@h/d",
        "mysql://u:S3CRET@h/d?charset=latin1",
        "mysql://u:S3CRET@h/d?charset=utf8mb4&ssl_ca=x",
        "mysql://u:S3CRET@h/d?charset",
        "mysql://u:S3CRET@h/d#x",
        "mysql://u:S3CRET@h/d/e",
        "mysql://u:S3CRET@h:x/d",
        "mysql://",
        "",
        None,
        b"mysql://u:S3CRET@h/d",
    ],
)
def test_a_url_that_says_something_else_is_an_error_without_its_password(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_url(url)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("ca", [True, "ca.pem"])
def test_authorities_have_no_place_beside_a_source_of_odbc(odbc, ca):
    with pytest.raises(ConfigurationError, match="'ca' cannot be combined with 'dsn'"):
        ContinuousLogger("t", "u", "p", ["a"], dsn="lab", ca=ca)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (pymysql.err.OperationalError(1213, "Deadlock"), 1213),
        (pymysql.err.OperationalError("no number"), 0),
        (pymysql.err.InterfaceError(0, ""), 2006),
        (pymysql.err.Error(), 0),
        (ConnectionResetError("reset"), 2013),
        (TimeoutError(), 2013),
        (EOFError(), 2013),
        (struct.error("unpack requires a buffer of 4 bytes"), 2013),
        (ValueError("invalid literal for int() with base 10: 'HTTP/1'"), 2013),
        (RuntimeError("'pynacl' package is required for ed25519_password"), 2059),
        (RuntimeError("**WARN**: Received LOAD_LOCAL packet"), 2068),
    ],
)
def test_errors_of_pymysql_have_their_number(error, code):
    known = MySQLServer("u", "p", database="d").error(error)
    assert known is not None
    assert known.code == code


def test_an_error_that_is_not_the_drivers_is_none_of_ours():
    for error in (KeyError("x"), RuntimeError("can't start new thread")):
        assert MySQLServer("u", "p", database="d").error(error) is None


@pytest.mark.parametrize("module", ["pymysql", "pyodbc"])
def test_a_missing_driver_says_what_to_install(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    extra = {"pymysql": "mysql", "pyodbc": "odbc"}[module]
    with pytest.raises(MissingExtraError, match=rf"multimeter\[{extra}\]"):
        MySQLServer("u", "p", database="d") if extra == "mysql" else ODBCSource("lab")


def test_a_driver_without_its_library_says_which_one_is_missing(monkeypatch):
    reason = "libodbc.so.2: cannot open shared object file"

    def fail(_name):
        raise ImportError(reason)

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(MissingExtraError, match=reason) as caught:
        ODBCSource("lab")
    assert "not installed" not in str(caught.value)


class ODBCError(Exception):
    pass


class ODBCConnection:
    """Answers as a server without trouble; what ``failing`` names fails."""

    timeout = 0

    def __init__(self, failing):
        self.failing = failing
        self.executed = []
        self.commits = 0

    def cursor(self):
        return self

    def execute(self, statement, parameters):
        self.executed.append((statement, list(parameters)))
        for words, error in self.failing.items():
            if words in statement:
                raise error

    def fetchall(self):
        return [(7,)]

    def fetchone(self):
        return ("YES",) if "TRANSACTIONS" in self.executed[-1][0] else ("0-1",)

    def commit(self):
        self.commits += 1

    def rollback(self):
        pass

    def close(self):
        pass


@pytest.fixture
def odbc(monkeypatch):
    """A pyodbc whose connections are made here: no driver of a database is needed."""
    module = types.ModuleType("pyodbc")
    module.connections = []
    module.failing = {}

    def connect(text, **options):
        module.connections.append((text, options, ODBCConnection(module.failing)))
        return module.connections[-1][-1]

    module.connect, module.Error = connect, ODBCError
    monkeypatch.setitem(sys.modules, "pyodbc", module)
    return module


BATCH = Batch("id", [b"log,codename=a value=1.5 2000", b"log,codename=a value=2.5 4000"])


def test_odbc_speaks_with_question_marks_and_one_insert(odbc):
    sink = SQLSink(ODBCSource("lab", "u", "p;w}d"), "dateplots_lab")
    assert sink.send(BATCH) == Accepted()
    text, options, connection = odbc.connections[0]
    assert text == "DSN=lab;UID=u;PWD={p;w}}d}"
    assert options["autocommit"] is False
    inserts = [each for each in connection.executed if "`dateplots_lab`" in each[0]]
    assert [values for _, values in inserts] == [[7, 2, 1.5, 7, 4, 2.5]]
    assert inserts[0][0].count("?") == 6
    assert "%s" not in str(connection.executed)


def test_odbc_knows_the_numbers_of_errors_and_hides_the_password(odbc):
    odbc.failing["`dateplots_lab`"] = ODBCError(
        "40001", "[40001] [ma-3.1][10.11]Deadlock found (1213) (SQLExecDirectW)"
    )
    sink = SQLSink(ODBCSource("lab", "u", "S3CRET"), "dateplots_lab")
    answer = sink.send(BATCH)
    assert isinstance(answer, Retry)
    assert "1213" in answer.reason
    assert sink.address == {"kind": "odbc", "dsn": "lab", "table": "dateplots_lab"}
    assert "S3CRET" not in repr(sink) + repr(sink._server) + answer.reason


def test_odbc_knows_a_batch_that_is_there(odbc):
    odbc.failing["INSERT INTO `multimeter_batches`"] = ODBCError(
        "23000",
        "[23000] [ma-3.1]Duplicate entry 'id' for key 'PRIMARY' (1062) (SQLExecDirectW)",
    )
    sink = SQLSink(ODBCSource("lab"), "dateplots_lab")
    assert sink.send(BATCH) == Accepted()
    executed = odbc.connections[0][-1].executed
    assert [v for s, v in executed if "`dateplots_lab`" in s] == [[7, 4, 2.5]]
    assert ["0-2", "id"] in [values for _, values in executed]


def test_a_name_of_a_source_that_says_more_is_an_error(odbc):
    with pytest.raises(ConfigurationError, match="data source"):
        ODBCSource("lab;PWD=x")
