from __future__ import annotations

import json
import pathlib

import pytest
from fakes.impostor import ANSWERS, Impostor

from multimeter.visualization.engines.docker.grafana import Grafana
from multimeter.visualization.engines.docker.influxdb import InfluxDBApi, _rows
from multimeter.visualization.errors import VisualizationError

EXCHANGES = pathlib.Path(__file__).parents[4] / "exchanges"


def recorded(name):
    (file,) = (EXCHANGES / "influxdb-2.9.1").glob(f"*-{name}.json")
    return json.loads(file.read_text())["response"]["body"]


def without_annotations(text):
    return "\r\n".join(line for line in text.split("\r\n") if not line.startswith("#"))


def test_the_rows_of_all_tables_are_read_each_by_its_own_header():
    rows = _rows(without_annotations(recorded("query")))
    assert [(row["_field"], row["_value"]) for row in rows[:3]] == [
        ("label", 'a "b"'),
        ("ok", "true"),
        ("process.cpu_rate_user", "0.6"),
    ]
    assert {row["_measurement"] for row in rows} == {"example"}


def test_an_empty_answer_has_no_rows():
    assert _rows(recorded("query-empty")) == []


@pytest.mark.parametrize("text", ["a\nb", 'a "b"', "a,b", "größe 😀"])
def test_text_in_a_cell_stays_what_it_is(text):
    cell = '"' + text.replace('"', '""') + '"'
    assert _rows(f",result,_value\r\n,,{cell}\r\n\r\n")[0]["_value"] == text


@pytest.mark.parametrize("answer", ["redirect", "keep the method"])
def test_no_redirect_takes_a_password_or_a_token_along(answer):
    with (
        Impostor.running(ANSWERS["ok"]) as other,
        Impostor.running(ANSWERS[answer].replace(b"{here}", other.url.encode())) as here,
    ):
        influxdb = InfluxDBApi(here.url)
        with pytest.raises(VisualizationError, match="answered 30"):
            influxdb.set_up("user", "s3cret", "org", "bucket", "t0ken")
        with pytest.raises(VisualizationError, match="answered 30"):
            influxdb.write("t0ken", "org", "bucket", b"m v=1 1")
        assert influxdb.place("t0ken", "org", "bucket") is None
        influxdb.close()
        grafana = Grafana(here.url, "s3cret")
        with pytest.raises(VisualizationError, match="answered 30"):
            grafana.reload_data_sources()
        assert not grafana.has_dashboard("uid")
        grafana.close()
    assert here.received
    assert other.received == b""
