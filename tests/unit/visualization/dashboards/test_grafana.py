from __future__ import annotations

import json
import re

import pytest
from fakes.grafana.run_dashboard import changes_of, panel_for, pattern_of
from jinja2 import UndefinedError

from multimeter import Measure, Metric, ResourceProbe, Subject
from multimeter.analysis.figures import FIGURES
from multimeter.analysis.panel_definitions import PANELS
from multimeter.analysis.units import grafana_name
from multimeter.visualization.dashboards import grafana_panels
from multimeter.visualization.dashboards.grafana import (
    DATA_SOURCE_UID,
    RUN_UID,
    RUNS_UID,
    render_dashboards,
)

KEYS = [measure.key for measure in ResourceProbe().measures]
OF_ALL_PROBES = [f"some.{metric}" for panel in PANELS for metric in panel.metrics]
RENDERED = render_dashboards()
RUN = json.loads(RENDERED["run.json"])
RUNS = json.loads(RENDERED["runs.json"])
LOGGING = json.loads(RENDERED["logging.json"])
COMPARE = json.loads(RENDERED["compare.json"])
HEALTH = json.loads(RENDERED["health.json"])


def with_folded(panels):
    for panel in panels:
        yield panel
        yield from panel.get("panels", ())


def panels(dashboard=RUN, kind="timeseries"):
    return {
        each["title"]: each
        for each in with_folded(dashboard["panels"])
        if each["type"] == kind
    }


def query_of(panel):
    return panel["targets"][0]["query"]


def fields_of(panel):
    """Return which of the known measures a panel shows, by the patterns of its query."""
    shown = []
    for key in (*KEYS, *OF_ALL_PROBES):
        wanted = re.findall(r"r\._field (=~|!~) /(.*?[^\\])/", query_of(panel))
        if all(bool(re.search(pattern, key)) == (op == "=~") for op, pattern in wanted):
            shown.append(key)
    return shown


def test_the_links_that_people_have_kept_still_work():
    assert RUN["uid"] == RUN_UID == "6V5fU2t7r"
    names = [each["name"] for each in RUN["templating"]["list"]]
    assert names == ["measurementId", "panel", "first", "last"]


@pytest.mark.parametrize("dashboard", [json.loads(text) for text in RENDERED.values()])
def test_grafana_9_knows_the_schema(dashboard):
    assert dashboard["schemaVersion"] <= 37
    ids = [each["id"] for each in with_folded(dashboard["panels"])]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", RENDERED)
def test_what_a_template_names_is_a_text_and_not_an_object_of_the_renderer(name):
    # A macro that has the name of a variable hides it.
    text = str(json.loads(RENDERED[name]))
    assert not re.findall(
        r"<(?:Macro|function|bound method|generator|\w+ object)\b.*?>", text
    )


def test_no_dashboard_is_called_as_their_folder():
    # Grafana refuses such a one, and the others with it.
    assert "Multimeter" not in {json.loads(text)["title"] for text in RENDERED.values()}


def test_the_list_of_runs_can_be_typed_into_and_the_times_are_hidden():
    identifier, *others = RUN["templating"]["list"]
    assert (identifier["hide"], {each["hide"] for each in others}) == (0, {2})
    assert identifier["allowCustomValue"]
    assert "multimeter_runs" in identifier["query"]


def test_a_run_that_is_still_to_come_stays_chosen_and_its_panels_appear():
    # When Grafana asks again, it drops a chosen value that is not among the answers.
    refresh = {each["name"]: each["refresh"] for each in RUN["templating"]["list"]}
    on_load, on_change_of_time = 1, 2
    assert refresh.pop("measurementId") == on_load
    assert set(refresh.values()) == {on_change_of_time}


def test_a_link_shows_the_run_from_its_first_to_its_last_point():
    (link,) = [each for each in RUN["links"] if each["title"] == "Full time range"]
    assert "&from=${first}&to=${last}" in link["url"]
    assert link["url"].startswith(f"/d/{RUN_UID}/multimeter?var-measurementId=")


def test_one_panel_is_repeated_for_what_a_run_has_and_the_others_are_folded():
    assert set(panels()) == {*(each.title for each in PANELS if each.group), "$panel"}
    assert panels()["$panel"]["repeat"] == "panel"
    assert variables_of(RUN)["panel"]["current"]["value"] == ["$__all"]


def test_what_only_some_runs_have_is_folded_under_its_group():
    rows = panels(kind="row")
    for title, row in rows.items():
        assert row["collapsed"]
        inside = [each["title"] for each in row["panels"]]
        assert inside == [each.title for each in PANELS if each.group == title]
    assert {each.group for each in PANELS} - {""} == set(rows)


def shown_in(title):
    """Return the pattern of the fields that the repeated panel of a title shows."""
    return pattern_of(query_of(panels()["$panel"]), title)


@pytest.mark.parametrize("definition", PANELS, ids=lambda each: each.id)
def test_each_panel_shows_its_own_measures_only(definition):
    expected = {
        key
        for key in (*KEYS, *OF_ALL_PROBES)
        if key.rpartition(".")[2] in definition.metrics
    }
    if definition.group:
        assert set(fields_of(panels()[definition.title])) == expected
    else:
        pattern = shown_in(definition.title)
        shown = {key for key in (*KEYS, *OF_ALL_PROBES) if re.search(pattern, key)}
        assert shown == expected


def test_the_panels_of_a_run_are_those_for_which_it_has_measures():
    titles = {each.title: each.metrics for each in PANELS if not each.group}
    for key in (*KEYS, *OF_ALL_PROBES):
        metric = key.rpartition(".")[2]
        planned = [title for title, metrics in titles.items() if metric in metrics]
        # What is folded away has none here.
        assert panel_for(RUN, key) == (planned[0] if planned else "")
    for key in ("rig.voltage", "voltage", "my_cpu_rate_user", "cpu_rate_user.x"):
        assert panel_for(RUN, key) == key.rpartition(".")[2]
        assert re.search(shown_in(panel_for(RUN, key)), key)
    # Its own metric may be called as a panel.
    assert re.search(shown_in("CPU"), "rig.CPU")


def test_the_unit_of_another_metric_is_asked_of_the_schema():
    other = panels()["$panel"]
    (change,) = other["transformations"]
    assert change["options"]["configRefId"] == other["targets"][1]["refId"]
    query = other["targets"][1]["query"]
    assert 'r._field == "schema"' in query
    assert '"MiB": "mbytes"' in query


def properties_of(key):
    return changes_of(panels()["$panel"], key)


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("process.cpu_rate_user", "percentunit"),
        ("tree.memory_rss", "bytes"),
        ("job.memory_rss", "bytes"),
        ("process.memory_rss_max", "kbytes"),
        ("process.memory_swap_ops", "cps"),
        ("process.io_block_in", "ops"),
        ("process.context_switches_vol", "cps"),
        ("rig.voltage", None),
    ],
)
def test_units_are_those_of_the_values_as_they_are_stored(key, unit):
    assert properties_of(key).get("unit") == unit


def test_axes_of_what_is_known_begin_with_0():
    assert properties_of("job.memory_rss")["min"] == 0
    assert "min" not in properties_of("rig.voltage")


def figure_queries():
    (stat,) = panels(kind="stat").values()
    return {each["refId"]: each["query"] for each in stat["targets"]}


def test_figures_have_their_names_and_units():
    (stat,) = panels(kind="stat").values()
    assert "unit" not in stat["fieldConfig"]["defaults"]
    units = {}
    for each in stat["fieldConfig"]["overrides"]:
        said = {p["id"]: p["value"] for p in each["properties"]}
        assert each["matcher"] == {"id": "byFrameRefID", "options": said["displayName"]}
        units[said["displayName"]] = said["unit"]
    assert set(units) == set(figure_queries())
    assert units == {each.title: grafana_name(each.unit) for each in FIGURES}
    assert units["Mean CPU"] == "percentunit"


def test_the_peak_is_that_of_whichever_probe_has_measured_it():
    query = figure_queries()["Peak memory"]
    assert "memory_rss_max" in query
    assert "memory_rss_peak" in query
    assert r"=~ /\.(memory_rss_max)$/ then r._value * 1024.0" in query


def test_a_value_stands_for_the_time_since_the_one_before_and_not_for_a_slope():
    query = figure_queries()["Page faults"]
    assert "total: accumulator.total + value * seconds" in query
    assert "integral(" not in query
    assert "mean()" not in query


@pytest.mark.parametrize("figure", [each for each in FIGURES if each.sources])
def test_a_figure_is_asked_of_the_measures_that_the_library_takes(figure):
    query = figure_queries()[figure.title]
    asked = re.findall(r"r\._field =~ /(\^\(.*?\)\$)/\)", query)
    patterns = [each.pattern for each in figure.sources]
    assert [each for each in asked if each in patterns]
    assert set(patterns) <= set(asked)
    assert f"(figure_{figure.id}|identifier|meta_data|state|version)" in query


def test_a_new_metric_of_processes_is_known_by_itself(monkeypatch):
    new = Measure(Subject("tree"), Metric("memory_swapped", "", "KiB"))
    monkeypatch.setattr(grafana_panels, "process_measures", lambda _: (new,))
    assert new.key in grafana_panels._known_measures()


def test_a_metric_has_one_hue_and_other_subjects_are_dashed():
    def shown(key):
        found = properties_of(key)
        color = found["color"]["fixedColor"]
        return found["displayName"], color, "custom.lineStyle" in found

    assert shown("process.cpu_rate_user") == ("process user", "green", False)
    assert shown("children.cpu_rate_user") == ("children user", "dark-green", True)


def test_panels_do_not_overlap_and_fill_the_width():
    taken = set()
    for panel in RUN["panels"]:
        box = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(box["x"], box["x"] + box["w"])
            for y in range(box["y"], box["y"] + box["h"])
        }
        assert not cells & taken
        taken |= cells
    assert {x for x, _ in taken} == set(range(24))


@pytest.mark.parametrize("title", list(panels()))
def test_the_storage_sums_up_to_the_width_of_a_panel(title):
    query = query_of(panels()[title])
    lines = [line.strip() for line in query.splitlines() if line.strip().startswith("|>")]
    last_filter = max(i for i, line in enumerate(lines) if line.startswith("|> filter"))
    assert lines[last_filter + 1].startswith("|> aggregateWindow(every: v.windowPeriod")
    assert "pivot" not in query


def test_every_panel_asks_the_one_data_source():
    uids = re.findall(
        r'"uid": "(multimeter-influxdb|[^"]*influx[^"]*)"', RENDERED["run.json"]
    )
    assert set(uids) == {DATA_SOURCE_UID}


def test_no_query_names_a_bucket_and_identifiers_cannot_break_out():
    for text in RENDERED.values():
        assert 'from(bucket: \\"' not in text
        for used in re.findall(r"\$\{measurementId[^}]*\}", text):
            assert used in ("${measurementId:regex}", "${measurementId:percentencode}")
        assert set(re.findall(r"\$\{codename[^}]*\}", text)) <= {"${codename:regex}"}


def test_marks_stand_over_every_panel():
    (marks,) = RUN["annotations"]["list"]
    assert marks["enable"]
    assert "multimeter_marks" in marks["target"]["query"]
    assert 'rename(columns: {_value: "text"})' in marks["target"]["query"]


def test_a_run_in_the_list_is_a_link_to_its_dashboard():
    (table,) = RUNS["panels"]
    text = json.dumps(table)
    assert RUNS["uid"] == RUNS_UID
    assert f"/d/{RUN_UID}/multimeter?var-measurementId=" in text
    assert "&from=${__data.fields.first}&to=${__data.fields.last}" in text


def test_lines_of_loggers_are_cut_where_nothing_came():
    (values, *_) = LOGGING["panels"]
    assert "elapsed" in query_of(values)
    assert values["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False
    (folded,) = [each for each in LOGGING["panels"] if each["type"] == "row"]
    (logarithmic,) = folded["panels"]
    custom = logarithmic["fieldConfig"]["defaults"]["custom"]
    assert custom["scaleDistribution"]["type"] == "log"


def test_codenames_are_chosen_from_those_that_are_there():
    (codename,) = LOGGING["templating"]["list"]
    assert codename["multi"]
    assert codename["includeAll"]
    assert "schema.tagValues" in codename["query"]


def variables_of(dashboard):
    return {each["name"]: each for each in dashboard["templating"]["list"]}


def test_runs_are_compared_on_the_time_since_their_start_or_a_mark():
    variables = variables_of(COMPARE)
    assert list(variables) == ["runs", "align", "measure", "first", "last"]
    assert variables["runs"]["multi"]
    assert not variables["runs"]["includeAll"]
    assert COMPARE["timezone"] == "utc"
    (chart,) = panels(COMPARE).values()
    assert chart["repeat"] == "measure"
    assert "r.origin" in query_of(chart)


def test_compared_measures_have_the_units_in_which_they_are_stored():
    (chart,) = panels(COMPARE).values()
    units = {}
    for each in chart["fieldConfig"]["overrides"]:
        pattern = each["matcher"]["options"].strip("/")
        for key in ("process.memory_rss_max", "tree.memory_rss", "process.cpu_rate_user"):
            if re.search(pattern, f"{key} run"):
                units[key] = each["properties"][0]["value"]
    assert units == {
        "process.memory_rss_max": "kbytes",
        "tree.memory_rss": "bytes",
        "process.cpu_rate_user": "percentunit",
    }


def test_tables_of_runs_name_their_figures_and_hide_what_is_not_for_people():
    (runs,) = panels(RUNS, "table").values()
    (compared,) = panels(COMPARE, "table").values()
    for table in (runs, compared):
        options = table["transformations"][0]["options"]
        assert options["renameByName"]["figure_peak_memory"] == "Peak memory"
        assert options["excludeByName"]["alive_until"]
    hidden = runs["transformations"][0]["options"]["excludeByName"]
    assert hidden["figure_threads"]
    titles = compared["transformations"][0]["options"]["renameByName"]
    assert set(titles) >= {f"figure_{each.id}" for each in FIGURES if each.sources}


@pytest.mark.parametrize("field", ["delivered", "queued", "rejected", "dropped", "retries"])
def test_health_shows_what_deliveries_count(field):
    queries = [query_of(each) for each in panels(HEALTH, "stat").values()]
    assert any(f'r._field == "{field}"' in query for query in queries)


def test_every_dashboard_leads_to_the_others():
    for text in RENDERED.values():
        dashboard = json.loads(text)
        assert dashboard["tags"] == ["multimeter"]
        assert dashboard["links"][-1]["tags"] == ["multimeter"]


def test_a_hole_in_a_template_is_an_error(monkeypatch):
    monkeypatch.setattr(grafana_panels, "charts", lambda *_: [object()])
    with pytest.raises(UndefinedError):
        render_dashboards()
