"""What a server gets to know that asks for more than it needs."""

from __future__ import annotations

import hashlib
import shutil

import pytest
from fakes.certificates import make_certificate
from fakes.mysql_server import Ask, MySQLFake

from multimeter.errors import ConfigurationError, StartupException
from multimeter.loggers import ContinuousLogger
from multimeter.sinks.base import Accepted, Batch, Retry
from multimeter.sinks.sql import SQLSink
from multimeter.sinks.sql_client import MySQLServer

PASSWORD = "S3cret-pässwörd-密"
FULL = b"\x01\x04"  # caching_sha2_password: show me the password
KNOWN = b"\x01\x03"  # caching_sha2_password: it is known
PUBLIC_KEY = b"\x01-----BEGIN PUBLIC KEY-----\n"
GREEDY = {
    "clear": Ask(switch="mysql_clear_password"),
    "clear, from the first": Ask(
        plugin="mysql_clear_password", switch="mysql_clear_password"
    ),
    "dialog": Ask(switch="dialog"),
    "sha256": Ask(switch="sha256_password", more=[PUBLIC_KEY]),
    "sha256, from the first": Ask(plugin="sha256_password", more=[PUBLIC_KEY]),
    "sha256, then again": Ask(plugin="sha256_password", switch="sha256_password"),
    "caching_sha2": Ask(switch="caching_sha2_password", more=[FULL, PUBLIC_KEY]),
    "caching_sha2, from the first": Ask(
        plugin="caching_sha2_password", more=[FULL, PUBLIC_KEY]
    ),
    "caching_sha2, nonsense": Ask(switch="caching_sha2_password", more=[b"\x01\x02"]),
    "old": Ask(switch="mysql_old_password"),
    "unknown": Ask(switch="nonsense"),
    "no text": Ask(switch="\udcff".encode(errors="surrogateescape").decode("latin1")),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl")
    return make_certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1", "DNS:localhost")


@pytest.fixture
def serve(certificate):
    """Run a server that asks for something, with TLS or without."""
    running = []

    def serve(ask, *, tls=False, certificate=certificate):
        context = MySQLFake(ask, certificate if tls else None).running()
        running.append(context)
        return context.__enter__()

    yield serve
    for context in running:
        context.__exit__(None, None, None)


def sink(fake, **more):
    server = MySQLServer("rig", PASSWORD, "127.0.0.1", fake.port, "lab", 10.0, **more)
    return SQLSink(server, "dateplots_lab")


def hears_the_password(fake):
    return PASSWORD.encode() in fake.heard


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "unverified TLS"])
@pytest.mark.parametrize("ask", GREEDY.values(), ids=GREEDY)
def test_a_server_that_was_not_verified_is_never_shown_the_password(serve, ask, tls):
    fake = serve(ask, tls=tls)
    answer = sink(fake).send(Batch("b", [b"log,codename=a value=1 1000"]))
    assert isinstance(answer, Retry), answer
    assert not hears_the_password(fake)
    assert PASSWORD not in answer.reason


@pytest.mark.parametrize("ask", [GREEDY["clear"], GREEDY["sha256"], GREEDY["caching_sha2"]])
def test_the_start_says_what_was_asked_for_and_what_to_do(serve, ask):
    fake = serve(ask)
    with pytest.raises(StartupException, match="password in a readable form") as caught:
        ContinuousLogger(
            *("dateplots_lab", "rig", PASSWORD, ["a"]),
            host="127.0.0.1",
            port=fake.port,
            database="lab",
        )
    assert "ca=" in str(caught.value)
    assert ask.switch in str(caught.value)
    assert not hears_the_password(fake)


@pytest.mark.parametrize(
    "ask",
    [GREEDY["clear"], Ask(plugin="sha256_password"), Ask(switch="sha256_password")],
)
def test_a_server_that_was_verified_gets_the_password_that_it_asks_for(
    serve, ask, certificate
):
    fake = serve(ask, tls=True)
    connection = sink(fake, ca=certificate.file)._server.connect()
    connection.close()
    assert hears_the_password(fake)


@pytest.mark.parametrize("more", [[], [KNOWN]])
@pytest.mark.parametrize("tls", [False, True])
def test_a_password_that_is_known_is_only_proved(serve, tls, more):
    fake = serve(Ask(switch="caching_sha2_password", more=more), tls=tls)
    sink(fake)._server.connect().close()
    proof = hashlib.sha256(PASSWORD.encode()).digest()
    assert not hears_the_password(fake)
    assert proof not in fake.heard


@pytest.mark.parametrize("plugin", ["mysql_native_password", "caching_sha2_password"])
def test_without_tls_a_server_that_must_be_verified_gets_nothing(
    serve, certificate, plugin
):
    fake = serve(Ask(plugin=plugin, switch="mysql_clear_password"))
    answer = sink(fake, ca=certificate.file).check(["a"])
    assert isinstance(answer, Retry)
    assert answer.refused
    assert "no TLS" in answer.reason or "doesn't support" in answer.reason
    assert fake.heard == b""


def test_a_server_with_the_certificate_of_another_host_gets_nothing(serve, tmp_path):
    other = make_certificate(tmp_path, "DNS:db.elsewhere")
    fake = serve(GREEDY["clear"], tls=True, certificate=other)
    answer = sink(fake, ca=other.file).check(["a"])
    assert isinstance(answer, Retry)
    assert answer.refused
    assert "certificate" in answer.reason
    assert b"rig" not in fake.heard


@pytest.mark.parametrize("ca", [True, "own"])
def test_a_certificate_that_nobody_has_signed_is_not_trusted(serve, ca, tmp_path):
    fake = serve(GREEDY["clear"], tls=True)
    own = make_certificate(tmp_path, "IP:127.0.0.1")
    answer = sink(fake, ca=own.file if ca == "own" else ca).check(["a"])
    assert isinstance(answer, Retry)
    assert answer.refused
    assert b"rig" not in fake.heard


def test_the_authorities_of_the_system_are_trusted(serve, certificate, monkeypatch):
    # As it is on a machine whose administrator has added the lab's own authority.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    fake = serve(GREEDY["clear"], tls=True)
    sink(fake, ca=True)._server.connect().close()
    assert hears_the_password(fake)


@pytest.mark.parametrize("bad", ["missing.pem", "empty.pem", "", 5])
def test_authorities_that_cannot_be_used_are_an_error_at_once(tmp_path, bad):
    (tmp_path / "empty.pem").write_text("")
    ca = tmp_path / bad if str(bad).endswith(".pem") else bad
    with pytest.raises(ConfigurationError, match="'ca' cannot be used"):
        ContinuousLogger("t", "rig", PASSWORD, ["a"], database="lab", ca=ca)


def test_a_server_that_asks_for_a_file_gets_none(serve, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the private key")
    fake = serve(Ask(query=b"\xfb" + str(secret).encode()))
    answer = sink(fake).check(["a"])
    assert isinstance(answer, Retry)
    assert b"private key" not in fake.heard


@pytest.mark.parametrize(
    "query", [b"", b"\x01", b"\xfe\xfe\xfe", b"\xff", b"\x02\x00\x00", b"\xfc\xff\xff\0"]
)
def test_an_answer_that_makes_no_sense_is_trouble_and_no_crash(serve, query):
    assert not isinstance(sink(serve(Ask(query=query))).check(["a"]), Accepted)


@pytest.mark.parametrize("field", ["username", "password", "host", "database"])
def test_what_is_no_text_is_an_error_without_the_text(field):
    given = {"username": "u", "password": "p", "host": "h", "database": "d"}
    with pytest.raises(ConfigurationError, match=field) as caught:
        MySQLServer(**{**given, field: "S3CRET\ud800"})
    assert "S3CRET" not in str(caught.value)
