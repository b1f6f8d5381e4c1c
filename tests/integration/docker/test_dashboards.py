"""The dashboards' queries, asked of real servers by Grafana's own data source.

The stand-ins know too little Flux for them: this needs real images.
"""

from __future__ import annotations

import json
import os
from urllib.parse import parse_qs, urlsplit

import pytest

from multimeter.analysis.figures import figures_of
from multimeter.analysis.panel_definitions import PANELS
from multimeter.lines.protocol import decode, portable_measurement
from multimeter.lines.result_decoder import decode_result
from multimeter.visualization.dashboards.grafana import render_dashboards
from multimeter.visualization.examples import example_lines

pytestmark = pytest.mark.skipif(
    not os.environ.get("MULTIMETER_TEST_GRAFANA_IMAGE")
    or not os.environ.get("MULTIMETER_TEST_INFLUXDB_IMAGE"),
    reason="needs real images of InfluxDB and Grafana",
)

RENDERED = {name: json.loads(text) for name, text in render_dashboards().items()}
PANELS_AND_FOLDED = [
    each
    for panel in RENDERED["run.json"]["panels"]
    for each in (panel, *panel.get("panels", ()))
]
CHARTS = {
    each["title"]: each["targets"][0]["query"]
    for each in PANELS_AND_FOLDED
    if each["type"] == "timeseries" and "repeat" not in each
}
(REPEATED,) = (each for each in PANELS_AND_FOLDED if each.get("repeat") == "panel")
PANEL_VALUES, PANEL_UNIT = (each["query"] for each in REPEATED["targets"])
VARIABLES = {
    each["name"]: each["query"] for each in RENDERED["run.json"]["templating"]["list"]
}
FIGURES = {
    target["refId"]: target["query"]
    for each in RENDERED["run.json"]["panels"]
    if each["type"] == "stat"
    for target in each["targets"]
}
RECORDS = list(decode(example_lines().decode()))
POINTS = [each for each in RECORDS if each.measurement == "example"]

ODD = """
import time
from multimeter import InfluxDBStorage, Measure, Metric, Multimeter, Probe, Subject
from multimeter.probes import ProcessProbe

class Rig(Probe):
    RIG = Subject("rig")
    METRICS = (
        Metric("voltage", 'Between "+" and the \\\\-wire', "V", float),
        Metric("heat", "", "°C", float),
        Metric("used", "", "MiB", float),
        Metric("count", "", "", int),
        Metric(ODD_NAME, "", "N", float),
        Metric("mode", "", "", str),
        Metric("on", "", "", bool),
    )
    metrics = property(lambda self: self.METRICS)
    subjects = property(lambda self: (self.RIG,))
    measures = property(lambda self: tuple(Measure(self.RIG, m) for m in self.METRICS))
    def start(self): pass
    def end(self): pass
    def sample(self, values, time_elapsed):
        values["rig.voltage"] = 1.5
        values["rig.heat"] = 21.5
        values["rig.used"] = 2.0
        values["rig.count"] = 3
        values["rig." + ODD_NAME] = 7.0
        values["rig.mode"] = "auto"
        values["rig.on"] = True

storage = InfluxDBStorage.from_stack(CONFIG)
for identifier in IDENTIFIERS:
    meter = Multimeter(Rig(), cycle_time=0.01, storage=storage)
    with meter.measure(identifier) as result:
        time.sleep(0.1)
with Multimeter(ProcessProbe(), cycle_time=0.02, storage=storage).measure(PROCESS):
    time.sleep(0.2)
"""
PROCESS = "of a process probe"
ODD_NAME = 'an "odd\\name" of ${panel}, größe/2 {x}'
IDENTIFIERS = [
    "plain",
    "with space",
    'quo"te',
    "back\\slash",
    "sla/sh",
    "do$llar ${measurementId}",
    "größe 😀",
    "a.b*c(d)[e]{f}|g^h+i?",
    "comma,eq=ual",
]
START = 1_795_000_000
MEASUREMENTS = [portable_measurement(each) for each in IDENTIFIERS]


@pytest.fixture(scope="module")
def shown(shared_stack):
    """The stack with the example and odd runs, and the range of the example's link."""
    code = ODD.replace("CONFIG", repr(str(shared_stack.config_file)))
    code = code.replace("PROCESS", repr(PROCESS)).replace("ODD_NAME", repr(ODD_NAME))
    done = shared_stack.python(code.replace("IDENTIFIERS", repr(IDENTIFIERS)))
    assert done.returncode == 0, done.stderr
    return shared_stack


def escape(identifier):
    """Put a backslash where Grafana's format ``regex`` does."""
    special = "\\^$*+?.()|[]{}/"
    return "".join(f"\\{char}" if char in special else char for char in identifier)


RANGES: dict[tuple[str, str], tuple[str, str]] = {}


def link_range(stack, identifier):
    """Return the range of a run's link; the runs here have ended, so it stays."""
    key = stack.name, identifier
    if key not in RANGES:
        page = urlsplit(stack.json("open", identifier)["page"])
        query = {key: value for key, (value,) in parse_qs(page.query).items()}
        RANGES[key] = query["from"], query["to"]
    return RANGES[key]


def ask(stack, query, identifier, span=None):
    """Return the frames that Grafana draws for a query of a run's dashboard."""
    first, last = span or link_range(stack, identifier)
    target = {
        "refId": "A",
        "datasource": {"uid": "multimeter-influxdb", "type": "influxdb"},
        "query": query.replace(
            "${measurementId:regex}", escape(portable_measurement(identifier))
        ),
        "intervalMs": 20,
        "maxDataPoints": 1000,
    }
    body = {"queries": [target], "from": first, "to": last}
    answer = stack.grafana("POST", "/api/ds/query", json=body)
    assert answer.status_code == 200, answer.text
    frames = answer.json()["results"]["A"].get("frames") or []
    # A query without an answer is a frame without anything in it.
    return [each for each in frames if any(each["data"]["values"])]


def columns(frames):
    """Return the values of each column of the frames, by its name."""
    return {
        field["name"]: values
        for frame in frames
        for field, values in zip(frame["schema"]["fields"], frame["data"]["values"])
        if field["type"] != "time"
    }


def panels_of(stack, identifier):
    """Return what the panel of a run is repeated for."""
    (names,) = columns(ask(stack, VARIABLES["panel"], identifier)).values()
    return names


def ask_panel(stack, query, identifier, panel):
    """Return the columns of a query of one of them."""
    query = query.replace("${panel:regex}", escape(panel))
    return columns(ask(stack, query, identifier))


@pytest.mark.parametrize("panel", PANELS, ids=lambda each: each.id)
def test_each_panel_shows_the_points_of_its_own_measures(shown, panel):
    if panel.group:
        lines = columns(ask(shown, CHARTS[panel.title], "example"))
    else:
        lines = ask_panel(shown, PANEL_VALUES, "example", panel.title)
    keys = {key for each in POINTS for key in each.fields}
    assert set(lines) == {key for key in keys if key.rpartition(".")[2] in panel.metrics}
    for key, values in lines.items():
        stored = [float(each.fields[key]) for each in POINTS]
        assert len(values) > len(stored) / 2
        # Means over a pixel lie between the values that they are made of.
        assert min(stored) <= min(values) <= max(values) <= max(stored)


def test_a_line_stays_inside_the_range_that_the_link_shows(shown):
    first, last = (int(each) for each in link_range(shown, "example"))
    query = PANEL_VALUES.replace("${panel:regex}", "CPU")
    (frame, *_) = ask(shown, query, "example")
    times = frame["data"]["values"][0]
    assert times == sorted(times)
    assert first <= times[0] <= times[-1] <= last


def test_the_figures_are_those_of_the_run(shown):
    def figure(title):
        (values,) = columns(ask(shown, FIGURES[title], "example")).values()
        return values[-1]

    times = [each.time_ns for each in POINTS]
    said = {each.id: each.value for each in figures_of(decode_result(RECORDS))}
    assert figure("Duration") == pytest.approx(said["duration"])
    assert said["duration"] == pytest.approx((times[-1] - times[0]) / 1e9, abs=0.11)
    peak = max(each.fields["process.memory_rss_max"] for each in POINTS)
    assert figure("Peak memory") == peak * 1024  # getrusage counts in kB
    assert figure("Mean CPU") == pytest.approx(said["cpu"])


def test_the_figures_of_a_run_that_has_not_ended_follow_from_its_points(shown):
    lines = [
        f"unended process.memory_rss_max={100 * number}i,process.cpu_rate_user="
        f"{number / 4},process.cpu_rate_system=0.25 {(START + number) * 10**9}"
        for number in (1, 2, 3)
    ]
    write = {"params": {"bucket": shown.config["bucket"]}, "data": "\n".join(lines)}
    assert shown.influxdb("POST", "/api/v2/write", **write).status_code == 204

    def figure(title):
        span = (str(START * 1000), str((START + 10) * 1000))
        (values,) = columns(ask(shown, FIGURES[title], "unended", span)).values()
        return values[-1]

    assert figure("Peak memory") == 300 * 1024
    assert figure("Mean CPU") == pytest.approx(0.5 + 0.25)


def test_what_other_probes_measured_is_in_its_panels_and_its_figures(shown):
    memory = ask_panel(shown, PANEL_VALUES, PROCESS, "Memory")
    resident = memory["process.memory_rss"]
    (peak,) = columns(ask(shown, FIGURES["Peak memory"], PROCESS)).values()
    assert peak[-1] >= max(resident) > 2**20
    counts = columns(ask(shown, CHARTS["Processes, threads, files"], PROCESS))
    assert min(counts["tree.processes"]) >= 1
    assert set(panels_of(shown, PROCESS)) <= set(TITLES)


TITLES = [each.title for each in PANELS if not each.group]


def test_a_run_has_the_panels_for_which_it_has_numbers_and_no_others(shown):
    assert panels_of(shown, "plain") == [ODD_NAME, "count", "heat", "used", "voltage"]
    assert panels_of(shown, "example") == TITLES


@pytest.mark.parametrize(("metric", "value"), [("voltage", 1.5), (ODD_NAME, 7.0)])
def test_a_metric_that_nobody_planned_for_has_a_panel(shown, metric, value):
    lines = ask_panel(shown, PANEL_VALUES, "plain", metric)
    assert set(lines) == {f"rig.{metric}"}
    assert set(lines[f"rig.{metric}"]) == {value}


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("voltage", "V"),
        ("heat", "°C"),
        ("used", "mbytes"),
        ("count", None),
        (ODD_NAME, "N"),
    ],
)
def test_such_a_panel_has_the_unit_that_the_run_says(shown, metric, unit):
    found = ask_panel(shown, PANEL_UNIT, "plain", metric)
    assert found == ({"unit": [unit]} if unit else {})


def test_a_run_without_any_point_says_so(shown):
    query = VARIABLES["panel"]
    (names,) = columns(ask(shown, query, "nothing", ("0", "1"))).values()
    assert names == ["nothing measured yet"]
    query = PANEL_VALUES.replace("${panel:regex}", "nothing measured yet")
    assert columns(ask(shown, query, "nothing", ("0", "1"))) == {}


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_no_identifier_breaks_a_query(shown, identifier):
    for query in (*CHARTS.values(), *FIGURES.values()):
        ask(shown, query, identifier)
    for panel in panels_of(shown, identifier):
        assert ask_panel(shown, PANEL_VALUES, identifier, panel)


def test_marks_are_those_of_the_run(shown):
    (marks,) = RENDERED["run.json"]["annotations"]["list"]
    labels = columns(ask(shown, marks["target"]["query"], "example"))["text"]
    stored = [
        each.fields["label"] for each in RECORDS if each.measurement == "multimeter_marks"
    ]
    assert labels == stored


def test_the_list_of_runs_is_newest_first(shown):
    (values,) = columns(ask(shown, VARIABLES["measurementId"], "example")).values()
    assert set(values) == {"example", PROCESS, *MEASUREMENTS}
    by_time = values.index("plain") > values.index("with space")
    assert by_time
    times = [
        next(iter(columns(ask(shown, VARIABLES[name], "example")).values()))[0]
        for name in ("first", "last")
    ]
    assert times == list(link_range(shown, "example"))


def test_the_dashboard_of_runs_leads_to_each_of_them(shown):
    (table,) = RENDERED["runs.json"]["panels"]
    rows = columns(ask(shown, table["targets"][0]["query"], "example"))
    assert set(rows["Run"]) == {"example", PROCESS, *MEASUREMENTS}
    example = rows["Run"].index("example")
    first, last = link_range(shown, "example")
    assert (rows["first"][example], rows["last"][example]) == (first, last)
    assert rows["points"][example] == len(POINTS)
    assert set(rows["State"]) == {"ended"}
    peak = max(each.fields["process.memory_rss_max"] for each in POINTS) * 1024
    assert rows["figure_peak_memory"][example] == peak


LOGS = """
from multimeter.loggers import ContinuousLogger
with ContinuousLogger.to_stack(["lab_pressure", "lab.temp (1)"], config=CONFIG) as logger:
    for second in (*range(0, 100), *range(400, 500)):
        logger.enqueue_point("lab_pressure", (START + second, float(second)))
        logger.enqueue_point("lab.temp (1)", (START + 10 * second, 20.0))
    logger.flush(60)
"""


@pytest.fixture(scope="module")
def logged(shared_stack):
    code = LOGS.replace("CONFIG", repr(str(shared_stack.config_file)))
    done = shared_stack.python(code.replace("START", str(START)))
    assert done.returncode == 0, done.stderr
    return shared_stack


def ask_logs(stack, query, *codenames, seconds=500):
    joined = "|".join(map(escape, codenames))
    target = {
        "refId": "A",
        "datasource": {"uid": "multimeter-influxdb", "type": "influxdb"},
        "query": query.replace("${codename:regex}", f"({joined})"),
        "intervalMs": 1000,
        "maxDataPoints": 1000,
    }
    last = (START + seconds) * 1000
    body = {"queries": [target], "from": str(START * 1000), "to": str(last)}
    answer = stack.grafana("POST", "/api/ds/query", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]["A"].get("frames") or []


def test_a_logged_curve_is_broken_where_nothing_came(logged):
    values = RENDERED["logging.json"]["panels"][0]
    query = values["targets"][0]["query"]
    (frame,) = ask_logs(logged, query, "lab_pressure")
    times, points = frame["data"]["values"]
    assert frame["schema"]["fields"][1]["labels"] == {"codename": "lab_pressure"}
    (hole,) = [place for place, value in enumerate(points) if value is None]
    assert times[hole + 1] - times[hole - 1] >= 300_000
    assert [p for p in points if p is not None] == [*range(100), *range(400, 500)]


def test_codenames_are_chosen_and_each_is_a_line(logged):
    (codename,) = RENDERED["logging.json"]["templating"]["list"]
    (names,) = columns(ask_logs(logged, codename["query"])).values()
    assert set(names) == {"lab_pressure", "lab.temp (1)"}
    query = RENDERED["logging.json"]["panels"][0]["targets"][0]["query"]
    frames = ask_logs(logged, query, *names, seconds=5000)
    labels = [each["schema"]["fields"][1]["labels"]["codename"] for each in frames]
    assert set(labels) == set(names)
    newest = RENDERED["logging.json"]["panels"][1]["targets"][0]["query"]
    rows = columns(ask_logs(logged, newest, *names, seconds=5000))
    assert dict(zip(rows["codename"], rows["_value"]))["lab_pressure"] == 499.0


def comparison(title, target):
    for panel in RENDERED["compare.json"]["panels"]:
        if panel["title"] == title:
            return panel["targets"][target]["query"]
    variables = RENDERED["compare.json"]["templating"]["list"]
    return next(each["query"] for each in variables if each["name"] == title)


def ask_compared(stack, title, *runs, align="(start of the run)", measure="", target=0):
    chosen = {
        "${runs:regex}": f"({'|'.join(map(escape, runs))})",
        "${align:regex}": escape(align),
        "${measure:regex}": escape(measure),
    }
    query = comparison(title, target)
    for name, value in chosen.items():
        query = query.replace(name, value)
    source = {"uid": "multimeter-influxdb", "type": "influxdb"}
    target = {"refId": "A", "datasource": source, "query": query}
    target |= {"intervalMs": 20, "maxDataPoints": 1000}
    body = {"queries": [target], "from": "-60000", "to": "60000"}
    answer = stack.grafana("POST", "/api/ds/query", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]["A"].get("frames") or []


def curves(frames):
    return {
        frame["schema"]["fields"][1]["labels"]["run"]: frame["data"]["values"]
        for frame in frames
    }


def test_runs_are_laid_over_each_other_from_their_start(shown):
    asked = {"measure": "rig.voltage"}
    found = curves(ask_compared(shown, "$measure", "plain", 'quo"te', **asked))
    assert set(found) == {"plain", 'quo"te'}
    for times, values in found.values():
        assert times == sorted(times)
        # A mean stands at the beginning of its bucket.
        assert -20 <= times[0] <= 1_000
        assert set(values) == {1.5}


def test_runs_are_laid_over_each_other_at_a_mark(shown):
    labels = [r.fields["label"] for r in RECORDS if r.measurement == "multimeter_marks"]
    (choice,) = columns(ask_compared(shown, "align", "example")).values()
    assert choice == ["(start of the run)", *sorted(set(labels))]
    mark = next(r for r in RECORDS if r.fields.get("label") == labels[-1])
    asked = {"align": labels[-1], "measure": "process.cpu_rate_user"}
    (times, _) = curves(ask_compared(shown, "$measure", "example", **asked))["example"]
    expected = [(each.time_ns - mark.time_ns) / 1e6 for each in POINTS]
    assert times[0] == pytest.approx(expected[0], abs=21)
    assert times[-1] == pytest.approx(expected[-1], abs=21)
    (first,) = columns(ask_compared(shown, "first", "example", **asked)).values()
    assert int(first[0]) == pytest.approx(expected[0], abs=1)


@pytest.mark.parametrize(
    ("measure", "unit"),
    [
        ("rig.heat", ["°C"]),
        ("rig.count", []),
        (f"rig.{ODD_NAME}", ["N"]),
        ("process.memory_rss_max", ["kbytes"]),
        ("no/such.measure", []),
    ],
)
def test_compared_measures_have_the_unit_that_a_run_says(shown, measure, unit):
    runs = "example", "plain", "with space"
    frames = ask_compared(shown, "$measure", *runs, measure=measure, target=1)
    assert columns(frames).get("unit", []) == unit


def test_the_measures_to_compare_are_the_numbers_of_the_runs(shown):
    (measures,) = columns(ask_compared(shown, "measure", "plain", "example")).values()
    assert set(measures) == {key for each in POINTS for key in each.fields} | {
        f"rig.{metric}" for metric in (ODD_NAME, "count", "heat", "used", "voltage")
    }


def test_what_compared_runs_used_stands_in_a_row_each(shown):
    rows = columns(ask_compared(shown, "What they used", "plain", PROCESS))
    assert set(rows["Run"]) == {"plain", PROCESS}
    assert max(filter(None, rows["figure_peak_memory"])) > 2**20


def test_health_is_what_deliveries_said_of_themselves(logged):
    asked = {"${program:regex}": "(.*)"}
    for panel in RENDERED["health.json"]["panels"]:
        query = panel["targets"][0]["query"]
        for name, value in asked.items():
            query = query.replace(name, value)
        source = {"uid": "multimeter-influxdb", "type": "influxdb"}
        target = {"refId": "A", "datasource": source, "query": query}
        target |= {"intervalMs": 1000, "maxDataPoints": 1000}
        body = {"queries": [target], "from": "now-1h", "to": "now"}
        answer = logged.grafana("POST", "/api/ds/query", json=body)
        assert answer.status_code == 200, (panel["title"], answer.text)
        frames = answer.json()["results"]["A"].get("frames") or []
        if panel["title"] == "Delivered":
            (values,) = columns(frames).values()
            assert values[-1] >= 400
        if panel["title"].startswith("Each delivery"):
            assert 400 in columns(frames)["delivered"]


def test_the_table_of_newest_values_says_their_units(logged):
    code = (
        "from multimeter.loggers import ContinuousLogger\n"
        "with ContinuousLogger.to_stack(['flow'], units={'flow': 'l/min'},"
        f" descriptions={{'flow': 'at the pump'}}, config={str(logged.config_file)!r})"
        f" as logger:\n    logger.enqueue_point('flow', ({START} + 1, 2.5))\n"
    )
    done = logged.python(code)
    assert done.returncode == 0, done.stderr
    _, said = RENDERED["logging.json"]["panels"][1]["targets"]
    rows = columns(ask_logs(logged, said["query"], "flow"))
    assert (rows["codename"], rows["unit"]) == (["flow"], ["l/min"])
    assert rows["description"] == ["at the pump"]


OWN = """
title = "My rig"

[[panels]]
title = "Voltage"
measures = ["*.voltage"]
unit = "V"
"""


def test_a_dashboard_of_ones_own_is_in_grafana_until_it_is_removed(tool):
    tool.installed()
    path = tool.home / "rig.toml"
    path.write_text(OWN)
    code = ODD.replace("CONFIG", repr(str(tool.config_file)))
    code = code.replace("PROCESS", repr(PROCESS)).replace("IDENTIFIERS", "['plain']")
    code = code.replace("ODD_NAME", repr(ODD_NAME))
    assert tool.python(code).returncode == 0
    added = tool.run("dashboard", "add", str(path))
    assert added.returncode == 0, added.stderr

    def found():
        listed = tool.grafana("GET", "/api/search", params={"tag": "multimeter"}).json()
        return {each["title"]: each["uid"] for each in listed}

    (uid,) = [uid for title, uid in found().items() if "My rig" in title]
    dashboard = tool.grafana("GET", f"/api/dashboards/uid/{uid}").json()["dashboard"]
    (panel,) = [each for each in dashboard["panels"] if each["title"] == "Voltage"]
    assert panel["fieldConfig"]["defaults"]["unit"] == "V"
    lines = columns(ask(tool, panel["targets"][0]["query"], "plain"))
    assert set(lines["rig.voltage"]) == {1.5}
    removed = tool.run("dashboard", "remove", "rig")
    assert removed.returncode == 0, removed.stderr
    assert not any("My rig" in title for title in found())
