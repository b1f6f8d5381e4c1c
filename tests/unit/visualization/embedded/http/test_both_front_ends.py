"""The page and Grafana show the same of a run: panels, series, units and marks."""

from __future__ import annotations

import json
import re

import pytest
from fakes.grafana.run_dashboard import changes_of, panel_for, pattern_of

from multimeter import Measure, Metric, ResourceProbe, Result, Subject
from multimeter.lines.protocol import decode
from multimeter.lines.result_encoder import encode_result
from multimeter.probes import ThreadProbe, default_probes
from multimeter.visualization.dashboards.grafana import render_dashboards
from multimeter.visualization.dashboards.user_defined import parse_dashboard
from multimeter.visualization.examples import EXAMPLE, example_lines

S = 10**9
STORED = {
    ("bytes", 1024.0): "kbytes",
    ("bytes", 1024.0**2): "mbytes",
    ("percentunit", 0.01): "percent",
    ("s", 1e-3): "ms",
    ("s", 1e-6): "µs",
    ("s", 1e-9): "ns",
}
"""What Grafana calls the unit in which values are stored, where the page scales them."""
OWN = """
title = "Rig"
[[panels]]
title = "Voltage"
measures = ["rig.voltage", "spare.*"]
unit = "V"
[[panels]]
title = "How late"
measures = ["rig.lag"]
unit = "ms"
"""


class RigProbe(ResourceProbe):
    """Gives measures that no panel was made for, beside those of all processes."""

    _OWN = (
        Measure(Subject("rig"), Metric("voltage", "Of the supply.", "V")),
        Measure(Subject("rig"), Metric("lag", "How late it is.", "ms")),
        Measure(Subject("spare"), Metric("voltage", "Of the supply.", "V")),
    )

    @property
    def metrics(self):
        return (*super().metrics, *(each.metric for each in self._OWN[:2]))

    @property
    def subjects(self):
        return (*super().subjects, self._OWN[0].subject, self._OWN[-1].subject)

    @property
    def measures(self):
        return (*super().measures, *self._OWN)


def on_page(served, run):
    """By panel, each series with its label and its unit as Grafana would call it."""
    answer = served.reader().get("/api/run", params={"run": run}).json()
    return {
        panel["title"]: {
            each["key"]: (
                each["label"],
                STORED.get((panel["unit"], each["scale"]), panel["unit"]),
            )
            for each in panel["series"]
        }
        for panel in answer["panels"]
    }


def in_grafana(dashboard, keys):
    """The same, of the JSON that Grafana gets: patterns of queries find the series."""
    shown = {}
    for panel in _charts(dashboard["panels"]):
        query = panel["targets"][0]["query"]
        if panel.get("repeat"):
            found = repeated(dashboard, query, keys)
        else:
            found = {panel["title"]: matched(query, keys)}
        for title, some in found.items():
            if some:
                shown[title] = {key: _look_of(panel, key) for key in some}
    return shown


def repeated(dashboard, query, keys):
    """What the panel is repeated for, each with the series that it shows then."""
    titles = {panel_for(dashboard, key) for key in keys} - {""}
    return {
        title: [key for key in keys if re.search(pattern_of(query, title), key)]
        for title in titles
    }


def matched(query, keys):
    """Return the keys that the patterns of a query find."""
    wanted = set(re.findall(r"r\._field (=~|!~) /((?:[^/\\]|\\.)*)/", query))
    return [
        key
        for key in keys
        if all(bool(re.search(text, key)) == (op == "=~") for op, text in wanted)
    ]


def _charts(panels):
    for each in panels:
        yield from _charts(each.get("panels", ()))
        if each["type"] == "timeseries":
            yield each


def _look_of(panel, key):
    said = changes_of(panel, key)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    return said.get("displayName", key), said.get("unit", unit)


def run_of_grafana(own=()):
    return json.loads(render_dashboards(own)["run.json"])


def numeric_keys(served, run):
    fields = served.store.fields(run)
    return [key for key, kind in fields.items() if kind != "string"]


def store(served, *probes, identifier="stored"):
    result = Result(*probes, identifier=identifier)
    for second in range(3):
        result.append((second + 1) * S, {each.key: 1.5 for each in result.schema.measures})
    result.add_mark(2 * S, "half way")
    served.write(b"\n".join(encode_result(result)).decode())
    return identifier


def test_of_the_example_they_show_the_same(served):
    served.write(example_lines())
    shown = on_page(served, EXAMPLE)
    assert shown == in_grafana(run_of_grafana(), numeric_keys(served, EXAMPLE))
    assert set(shown) >= {"CPU", "Memory", "Block I/O"}
    assert shown["Memory"]["process.memory_rss_max"] == (
        "process peak RSS so far",
        "kbytes",
    )


def test_of_every_probe_they_show_the_same_series_in_the_same_units(served):
    run = store(served, *default_probes(), ThreadProbe())
    mine, theirs = (
        {
            title: {key: unit for key, (_, unit) in series.items()}
            for title, series in shown.items()
        }
        for shown in (
            on_page(served, run),
            in_grafana(run_of_grafana(), numeric_keys(served, run)),
        )
    )
    assert mine == theirs
    assert {"CPU", "Memory", "CPU of the machine", "CPU of threads"} <= set(mine)


def test_what_no_panel_was_made_for_is_shown_by_both(served):
    run = store(served, RigProbe())
    mine = on_page(served, run)
    theirs = in_grafana(run_of_grafana(), numeric_keys(served, run))
    # On the page they are called after what they are, in Grafana after the metric.
    own = theirs.pop("lag"), theirs.pop("voltage")
    assert {title: mine[title] for title in theirs} == theirs
    rest = sorted(list(mine[title]) for title in mine.keys() - theirs)
    assert rest == [list(each) for each in own]
    assert rest == [["rig.lag"], ["rig.voltage", "spare.voltage"]]


def test_a_dashboard_of_ones_own_is_the_same_in_both(served):
    run = store(served, RigProbe())
    own = parse_dashboard("rig", OWN)
    served.own = own.panels
    dashboard = json.loads(render_dashboards([own])["multimeter-own-rig.json"])
    theirs = in_grafana(dashboard, numeric_keys(served, run))
    shown = on_page(served, run)
    assert {title: shown[title] for title in theirs} == theirs
    assert theirs == {
        "Voltage": {
            "rig.voltage": ("rig.voltage", "V"),
            "spare.voltage": ("spare.voltage", "V"),
        },
        "How late": {"rig.lag": ("rig.lag", "ms")},
    }


@pytest.mark.parametrize("name", ["run.json", "multimeter-own-rig.json"])
def test_the_marks_of_a_run_are_the_same_in_both(served, name):
    served.write(example_lines())
    store(served, RigProbe(), identifier="another")
    page = served.reader().get("/api/marks", params={"run": EXAMPLE}).json()
    dashboard = json.loads(render_dashboards([parse_dashboard("rig", OWN)])[name])
    (annotation,) = dashboard["annotations"]["list"]
    query = annotation["target"]["query"].replace("${measurementId:regex}", EXAMPLE)
    (measurement,) = re.findall(r'r\._measurement == "(\w+)"', query)
    (run,) = re.findall(r"r\.measurement =~ /(.*?)/", query)
    (field,) = re.findall(r'r\._field == "(\w+)"', query)
    records = [
        record
        for record in decode(example_lines().decode())
        if record.measurement == measurement and re.search(run, record.tags["measurement"])
    ]
    assert [(each["time"], each["label"]) for each in page] == [
        (record.time_ns, record.fields[field]) for record in records
    ]
    assert len(page) == 6


def test_the_figures_of_a_run_have_the_same_titles_and_units_in_both(served):
    run = store(served, *default_probes())
    answer = served.reader().get("/api/run", params={"run": run}).json()
    page = {each["title"]: each["unit"] for each in answer["figures"]}
    (stat,) = (each for each in run_of_grafana()["panels"] if each["type"] == "stat")
    grafana = {}
    for each in stat["fieldConfig"]["overrides"]:
        found = {part["id"]: part["value"] for part in each["properties"]}
        grafana[found["displayName"]] = found["unit"]
    assert {"Page faults", "Read", "CPU time"} <= set(page)
    assert page.items() <= grafana.items()
