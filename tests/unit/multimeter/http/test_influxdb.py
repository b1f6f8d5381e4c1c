"""InfluxDB 2 by influxdb-client: the stand-in, and answers that real servers gave."""

from __future__ import annotations

import json
import pathlib
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest
from fakes.answering import Answering, running
from fakes.impostor import ANSWERS, Impostor
from fakes.influxdb_stand_in import stand_in
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, MissingExtraError, StorageError
from multimeter.data.record import Unsigned
from multimeter.http.influxdb import BucketIds, InfluxDBApi, flux_text

TOKEN = "T0KEN-very-secret"
TESTS = pathlib.Path(__file__).parents[3]
SERVERS = ("influxdb-2.9.1", "influxdb-2.7.12")


def recorded(server, name):
    (file,) = (TESTS / "exchanges" / server).glob(f"*-{name}.json")
    answer = json.loads(file.read_text())["response"]
    headers = {**answer["headers"]}
    headers.pop("Content-Encoding", None)  # bodies were recorded without it
    body = answer["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    return Answering.with_answer(answer["status"], headers, text.encode())


@contextmanager
def asking(handler, context=None, **options):
    """A server with a handler, and its client."""
    with running(handler, context) as url, closing(InfluxDBApi(url, **options)) as api:
        yield api


def records_of(handler):
    with asking(handler) as api:
        return list(api.query(TOKEN, "kantai", "any"))


def records_in(text):
    return records_of(Answering.with_answer(200, {}, text.encode()))


@pytest.fixture
def api(tmp_path):
    """A stand-in that has not been set up."""
    with stand_in(tmp_path / "influxdb") as url:
        api = InfluxDBApi(url)
        yield api
        api.close()


class TestSetUp:
    def test_a_server_is_set_up_once_and_knows_its_tokens(self, api):
        assert api.is_up()
        assert abs(api.time() - time.time()) < 5
        assert api.can_be_set_up()
        bucket = api.set_up("admin", "a-long-password", "kantai", "multimeter", TOKEN)
        assert not api.can_be_set_up()
        assert api.find_bucket(TOKEN, "kantai", "multimeter") == bucket
        assert api.find_bucket(TOKEN, "kantai", "other") is None
        assert api.find_bucket("wrong", "kantai", "multimeter") is None
        assert (api.accepts(TOKEN), api.accepts("wrong")) == (True, False)
        with pytest.raises(StorageError, match="answered 422: onboarding has already"):
            api.set_up("admin", "a-long-password", "kantai", "multimeter", TOKEN)

    def test_a_new_token_has_the_one_right(self, api):
        bucket = api.set_up("admin", "a-long-password", "kantai", "multimeter", TOKEN)
        read = api.authorize(TOKEN, "read", bucket, "for a test")
        write = api.authorize(TOKEN, "write", bucket, "for a test")
        query = 'from(bucket: "multimeter") |> range(start: 0)'
        assert list(api.query(read, "kantai", query)) == []
        with pytest.raises(StorageError, match=r"answered 404: .*could not find"):
            list(api.query(write, "kantai", query))
        with pytest.raises(StorageError, match="answered 401"):
            api.authorize(read, "read", bucket, "for a test")

    @pytest.mark.parametrize("server", SERVERS)
    def test_answers_of_real_servers_are_understood(self, server):
        bucket = BucketIds("o", "b")
        with asking(recorded(server, "setup")) as api:
            ids = api.set_up("admin", "a-long-password", "o", "b", TOKEN)
        with asking(recorded(server, "buckets")) as api:
            assert api.find_bucket(TOKEN, "o", "multimeter") == ids
        with asking(recorded(server, "buckets-missing")) as api:
            assert api.find_bucket(TOKEN, "o", "multimeter") is None
        with asking(recorded(server, "authorization-create-write")) as api:
            assert len(api.authorize(TOKEN, "write", bucket, "")) == 88
        with asking(recorded(server, "orgs")) as api:
            assert api.accepts(TOKEN)
        with asking(recorded(server, "health")) as api:
            assert api.is_up()
        with asking(recorded(server, "setup-not-allowed")) as api:
            assert not api.can_be_set_up()

    def test_what_is_asked_for_is_what_the_api_describes(self):
        handler = recorded("influxdb-2.9.1", "authorization-create-write")
        with asking(handler) as api:
            api.authorize(TOKEN, "write", BucketIds("o", "b"), "for a test")
        (body,) = map(json.loads, handler.bodies)
        resource = {"type": "buckets", "id": "b", "orgID": "o"}
        assert body["permissions"] == [{"action": "write", "resource": resource}]
        assert (body["orgID"], body["description"]) == ("o", "for a test")


class TestHealth:
    @pytest.mark.parametrize(
        "answer",
        [
            (200, {}, b""),
            (200, {}, b"<html>"),
            (200, {}, b"[]"),
            (200, {}, b'{"status": "fail"}'),
            (200, {}, b'{"status": null}'),
            (503, {}, b'{"status": "fail"}'),
            (302, {"Location": "http://127.0.0.1:9/"}, b""),
        ],
    )
    def test_what_is_not_well_is_not_up(self, answer):
        with asking(Answering.with_answer(*answer)) as api:
            assert not api.is_up()

    @pytest.mark.parametrize("version", ["1.8.10", "v1.11", "3.1.0"])
    @pytest.mark.parametrize(("status", "body"), [(200, b"OK"), (401, b"")])
    def test_another_version_is_named(self, version, status, body):
        handler = Answering.with_answer(status, {"X-Influxdb-Version": version}, body)
        with asking(handler) as api, pytest.raises(StorageError, match="needs InfluxDB 2"):
            api.is_up()

    def test_where_nothing_listens_nothing_is_up(self):
        api = InfluxDBApi("http://127.0.0.1:9")
        assert not api.is_up()
        with pytest.raises(StorageError, match=r"does not answer: \[Errno") as caught:
            api.can_be_set_up()
        assert caught.value.next_step == "multimeter-visu start"

    @pytest.mark.parametrize("date", ["", "soon"])
    def test_a_server_without_a_clock_has_no_time(self, date):
        # The date of the handler itself comes first.
        class Undated(Answering):
            def date_time_string(self, _timestamp=None):
                return date

        with asking(Undated.with_answer(204)) as api:
            assert api.time() is None


class TestSecrets:
    @pytest.mark.parametrize("answer", ["redirect", "keep the method"])
    def test_no_redirect_takes_a_password_or_a_token_along(self, answer):
        with (
            Impostor.running(ANSWERS["ok"]) as other,
            Impostor.running(
                ANSWERS[answer].replace(b"{here}", other.url.encode())
            ) as here,
        ):
            api = InfluxDBApi(here.url)
            with pytest.raises(StorageError, match="answered 30"):
                api.set_up("user", "s3cret", "org", "bucket", TOKEN)
            with pytest.raises(StorageError, match="answered 30"):
                list(api.query(TOKEN, "org", "any"))
            assert api.find_bucket(TOKEN, "org", "bucket") is None
            api.close()
        assert here.received
        assert other.received == b""

    def test_a_server_that_echoes_a_token_does_not_make_us_show_it(self):
        body = json.dumps({"message": f"no such token: {TOKEN}"}).encode()
        for text in (body, body[10:]):
            with pytest.raises(StorageError, match=r"no such token: \.\.\.") as caught:
                records_of(Answering.with_answer(500, {}, text))
            assert TOKEN not in repr(caught.value.__context__ and caught.value)

    @pytest.mark.parametrize("token", [f"{TOKEN}\n", f"{TOKEN}\r\nX: y", f"{TOKEN}ä"])
    def test_a_token_that_fits_in_no_header_is_refused_and_not_shown(self, token):
        with pytest.raises(ConfigurationError, match="no token has") as caught:
            list(InfluxDBApi("http://127.0.0.1:9").query(token, "org", "any"))
        assert TOKEN not in str(caught.value)

    def test_what_is_no_server_is_refused(self):
        with pytest.raises(ConfigurationError, match="not the URL"):
            InfluxDBApi("file:///etc/passwd")

    @pytest.mark.parametrize(("use_proxy", "asked"), [(True, 1), (False, 0)])
    def test_a_proxy_is_used_where_that_is_wanted(self, monkeypatch, use_proxy, asked):
        proxy = recorded("influxdb-2.9.1", "health")
        with running(proxy) as url:
            monkeypatch.setenv("http_proxy", url)
            monkeypatch.setenv("no_proxy", "127.0.0.2")
            api = InfluxDBApi("http://127.0.0.1:9", use_proxy=use_proxy)
            assert api.is_up() == use_proxy
            api.close()
            assert not InfluxDBApi("http://127.0.0.2:9", use_proxy=use_proxy).is_up()
        assert len(proxy.asked) == asked

    def test_a_certificate_of_nobody_is_not_trusted(self, tmp_path):
        file = tmp_path / "server.pem"
        make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
        try:
            subprocess.run(
                ["openssl", *make, "-keyout", str(file), "-out", str(tmp_path / "cert")],
                check=True,
                capture_output=True,
            )
        except FileNotFoundError:
            pytest.skip("there is no openssl")
        file.write_text(file.read_text() + (tmp_path / "cert").read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        handler = Answering.with_answer(200)
        with (
            running(handler, context) as url,
            closing(InfluxDBApi(url.replace("http:", "https:"))) as api,
            pytest.raises(StorageError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            list(api.query(TOKEN, "org", "any"))
        assert handler.asked == []


class TestQueries:
    @pytest.mark.parametrize("server", SERVERS)
    def test_points_of_a_real_server_come_back_whole(self, server):
        records = records_of(recorded(server, "query"))
        assert {record.measurement for record in records} == {"example"}
        assert all(record.tags == {"host": "a"} for record in records)
        first, *others = records
        assert first.time_ns == 1_700_000_000 * 10**9
        assert first.fields == {
            "label": 'a "b"',
            "ok": True,
            "process.cpu_rate_user": 0.6,
            "process.memory_rss_max": 1024,
        }
        types = [type(value) for value in first.fields.values()]
        assert types == [str, bool, float, int]
        assert others[-1].fields == {"process.cpu_rate_user": 0.8}
        times = [record.time_ns for record in records]
        assert times == sorted(set(times))

    @pytest.mark.parametrize("server", SERVERS)
    def test_an_empty_answer_has_no_points(self, server):
        assert records_of(recorded(server, "query-empty")) == []

    def test_an_empty_text_is_a_value_and_times_are_exact(self):
        text = (
            "#datatype,string,long,dateTime:RFC3339,string,string,string\r\n"
            "#group,false,false,false,false,true,true\r\n"
            "#default,_result,,,,,\r\n"
            ",result,table,_time,_value,_field,_measurement\r\n"
            ",,0,2023-11-14T22:13:20.000000001Z,,state,m\r\n"
        )
        (record,) = records_in(text)
        assert record.fields == {"state": ""}
        assert record.time_ns == 1_700_000_000 * 10**9 + 1

    def test_unsigned_integers_stay_what_they_are(self):
        text = (
            "#datatype,string,long,dateTime:RFC3339,unsignedLong,string,string\r\n"
            "#group,false,false,false,false,true,true\r\n"
            "#default,_result,,,,,\r\n"
            ",result,table,_time,_value,_field,_measurement\r\n"
            ",,0,2023-11-14T22:13:20Z,18446744073709551615,n,m\r\n"
        )
        (record,) = records_in(text)
        assert record.fields == {"n": 2**64 - 1}
        assert isinstance(record.fields["n"], Unsigned)

    @pytest.mark.parametrize("value", ["x\ny", "x\r\ny", 'a "b"', "a,b", "größe 😀", "#a"])
    @pytest.mark.parametrize("size", [1, 200_000])
    def test_text_in_a_cell_stays_what_it_is(self, value, size):
        cell = '"' + (value * size).replace('"', '""') + '"'
        text = (
            "#datatype,string,long,dateTime:RFC3339,string,string,string\r\n"
            "#group,false,false,false,false,true,true\r\n"
            "#default,_result,,,,,\r\n"
            ",result,table,_time,_value,_field,_measurement\r\n"
            f",,0,2023-11-14T22:13:20Z,{cell},n,m\r\n\r\n"
        )
        (record,) = records_in(text)
        assert record.fields == {"n": value * size}

    def test_an_error_half_way_is_an_error(self):
        text = "#datatype,string,string\r\n,error,reference\r\n,it broke,897\r\n"
        with pytest.raises(StorageError, match="it broke"):
            records_in(text)

    @pytest.mark.parametrize(
        "text",
        ["<html>,a\r\n<b>,c\r\n", ",a,b\r\n,1,2\r\n", "#datatype,long\r\n_time\r\n,x\r\n"],
    )
    def test_what_is_no_annotated_csv_is_refused(self, text):
        with pytest.raises(StorageError, match="does not answer as InfluxDB 2"):
            records_in(text)

    @pytest.mark.parametrize("name", ["query-syntax-error", "query-unknown-bucket"])
    def test_a_refusal_of_a_real_server_is_reported_in_its_words(self, name):
        with pytest.raises(StorageError, match=r"answered 40[04]: .*(RPAREN|bucket)"):
            records_of(recorded("influxdb-2.9.1", name))

    @pytest.mark.parametrize(
        "headers",
        [{"Content-Length": "100000"}, {"Transfer-Encoding": "chunked"}],
        ids=["length", "chunks"],
    )
    def test_an_answer_that_ends_half_way_is_an_error(self, headers):
        body = b"2\r\n#d\r\n" if "Transfer-Encoding" in headers else b"#d"
        with pytest.raises(StorageError, match="does not answer"):
            records_of(Answering.with_answer(200, headers, body))

    def test_silence_ends(self, monkeypatch):
        monkeypatch.setattr("multimeter.http.influxdb._SILENT_MS", 50)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            api = InfluxDBApi(f"http://127.0.0.1:{listening.getsockname()[1]}")
            with pytest.raises(StorageError, match="does not answer"):
                list(api.query(TOKEN, "kantai", "any"))
            api.close()

    def test_without_the_extra_it_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "influxdb_client", None)
        with pytest.raises(MissingExtraError, match=r"pip install 'multimeter\[influx\]'"):
            list(InfluxDBApi("http://127.0.0.1:9").query(TOKEN, "kantai", "any"))
        with pytest.raises(MissingExtraError):
            InfluxDBApi("http://127.0.0.1:9").is_up()


def test_an_expression_in_a_name_stays_text():
    assert flux_text('a"b\\c${1+1}$x\n') == '"a\\"b\\\\c\\${1+1}$x\\n"'


@given(name=st.text())
def test_no_name_ends_its_literal(name):
    literal = flux_text(name)
    inside, position = literal[1:-1], 0
    while position < len(inside):
        assert inside[position] not in '"\n'
        assert not inside.startswith("${", position)
        position += 2 if inside[position] == "\\" else 1
    assert position == len(inside)
