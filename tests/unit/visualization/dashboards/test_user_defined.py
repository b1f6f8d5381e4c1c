from __future__ import annotations

import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import ConfigurationError, Measure, Metric, ResourceProbe, Subject
from multimeter.analysis.panel_definitions import key_pattern
from multimeter.analysis.panels import panels_of
from multimeter.schema import Schema
from multimeter.visualization.dashboards.grafana import RUN_UID, render_dashboards
from multimeter.visualization.dashboards.user_defined import (
    UserPanels,
    add_dashboard,
    broken_dashboards,
    dashboard_folder,
    dashboard_name,
    parse_dashboard,
    remove_dashboard,
    remove_dashboards,
    user_dashboards,
)
from multimeter.visualization.engines.docker.grafana import dashboard_files, digest
from multimeter.visualization.engines.docker.spec import desired_containers
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.stack_spec import StackSpec

RIG = """
title = "Rig"

[[panels]]
title = "Voltages"
measures = ["rig.voltage_?", "*.bias"]
unit = "V"
description = "Of the supply, and of the bias."

[[panels]]
title = "Memory"
measures = ["*.memory_rss*"]
unit = "bytes"
axis = "log"

[[panels]]
title = "Lag"
measures = ["rig.lag"]
unit = "ms"
"""
SPEC = StackSpec(name="rig", port=8086, grafana_port=3000)
PANEL = '[[panels]]\ntitle = "P"\nmeasures = ["*"]\nunit = ""\n'
KEYS = [
    *(measure.key for measure in ResourceProbe().measures),
    "rig.voltage_1",
    "rig.voltage_10",
    "probe.bias",
    "rig.lag",
    "tree.memory_rss",
]


def grafana(text=RIG):
    rendered = render_dashboards([parse_dashboard("rig", text)])
    return json.loads(rendered["multimeter-own-rig.json"])


def shown_by_grafana(panel):
    """Return the keys that a panel shows, with the unit of each."""
    (target,) = panel["targets"]
    patterns = re.findall(r"r\._field =~ /((?:[^/\\]|\\.)*)/", target["query"])
    (pattern,) = set(patterns)
    units = {
        each["matcher"]["options"]: each["properties"][0]["value"]
        for each in panel["fieldConfig"]["overrides"]
    }
    usual = panel["fieldConfig"]["defaults"]["unit"]
    return {key: units.get(key, usual) for key in KEYS if re.search(pattern, key)}


def shown_by_page(text=RIG, keys=KEYS):
    panels = panels_of(None, keys, parse_dashboard("rig", text).panels)
    return [panel for panel in panels if panel.group]


SCALES = {
    ("bytes", 1024.0): "kbytes",
    ("s", 1e-3): "ms",
    ("percentunit", 0.01): "percent",
}


def test_both_front_ends_show_the_same_series_in_the_same_units():
    on_page = {
        panel.title: {
            each.key: SCALES.get((panel.unit, each.scale), panel.unit)
            for each in panel.series
        }
        for panel in shown_by_page()
    }
    in_grafana = {each["title"]: shown_by_grafana(each) for each in grafana()["panels"]}
    assert on_page == in_grafana
    assert on_page["Voltages"] == {"probe.bias": "V", "rig.voltage_1": "V"}
    assert on_page["Memory"]["process.memory_rss_max"] == "kbytes"
    assert on_page["Memory"]["tree.memory_rss"] == "bytes"
    assert on_page["Lag"] == {"rig.lag": "ms"}


def test_both_front_ends_say_the_same_of_a_panel():
    for mine, theirs in zip(shown_by_page(), grafana()["panels"], strict=True):
        custom = theirs["fieldConfig"]["defaults"]["custom"]
        assert (mine.title, mine.description) == (theirs["title"], theirs["description"])
        assert mine.axis == custom["scaleDistribution"]["type"]
        assert mine.group == "Rig"


def test_a_panel_of_ones_own_stands_behind_the_others_and_takes_nothing_from_them():
    plain = panels_of(None, KEYS)
    with_own = panels_of(None, KEYS, parse_dashboard("rig", RIG).panels)
    assert with_own[: len(plain)] == plain
    assert [each.id for each in with_own[len(plain) :]] == [
        "own:rig:1",
        "own:rig:2",
        "own:rig:3",
    ]


def test_a_panel_without_measures_in_a_run_is_left_out_of_it():
    assert [each.title for each in shown_by_page(keys=["rig.lag"])] == ["Lag"]


def test_what_a_run_says_of_a_measure_is_said_of_its_line():
    measure = Measure(Subject("rig"), Metric("lag", "How late.", "ms"))
    schema = Schema((measure.metric,), (measure.subject,), (measure,))
    *_, panel = panels_of(schema, ["rig.lag"], parse_dashboard("rig", RIG).panels)
    assert panel.series[0].description == "How late."


def test_grafana_shows_them_of_the_run_that_is_chosen_with_its_marks():
    rendered = render_dashboards([parse_dashboard("rig", RIG)])
    own, run = grafana(), json.loads(rendered["run.json"])
    assert (own["uid"], own["title"]) == ("multimeter-own-rig", "Rig")
    for key in ("templating", "annotations", "tags", "schemaVersion"):
        assert own[key] == run[key]
    (there,) = [each for each in run["links"] if each["title"] == "Rig"]
    (back,) = [each for each in own["links"] if each["title"] == "One run"]
    assert (there["url"], back["url"]) == (
        "/d/multimeter-own-rig/multimeter",
        f"/d/{RUN_UID}/multimeter",
    )
    assert there["includeVars"]
    assert back["keepTime"]


def test_other_dashboards_of_grafana_stay_as_they_are():
    plain, more = render_dashboards(), render_dashboards([parse_dashboard("rig", RIG)])
    assert set(more) - set(plain) == {"multimeter-own-rig.json"}
    assert {name for name in plain if plain[name] != more[name]} == {"run.json"}


def test_a_panel_of_a_wild_pattern_draws_numbers_only():
    query = grafana()["panels"][0]["targets"][0]["query"]
    assert "types.isNumeric" in query
    assert query.index("isNumeric") < query.index("aggregateWindow")


def test_a_dashboard_goes_into_the_container_where_the_others_are_and_makes_it_outdated():
    own = [parse_dashboard("rig", RIG)]
    paths = [each.path for each in dashboard_files(own)]
    assert "/etc/multimeter/dashboards/multimeter-own-rig.json" in paths
    assert digest(dashboard_files(own)) != digest(dashboard_files())


def test_what_is_removed_here_is_removed_in_grafana_too():
    (provider,) = [
        each.text for each in dashboard_files() if each.path.endswith("multimeter.yaml")
    ]
    assert "disableDeletion: false" in provider


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_a_pattern_without_wild_characters_matches_itself_only(key):
    plain = key.replace("*", "x").replace("?", "x")
    matches = re.compile(key_pattern([plain])).fullmatch
    assert matches(plain)
    assert not matches(plain + "x")
    assert not matches("x" + plain)


@given(st.text(st.sampled_from("$/[]{}()|.^\\a*?"), min_size=1))
def test_no_pattern_can_end_the_expression_or_be_a_variable_of_grafana(pattern):
    written = key_pattern([pattern])
    assert not re.search(r"(?<!\\)(?:\\\\)*/", written)
    assert "$" not in written[:-1].replace("[$]", "")
    assert not re.search(r"\[\[\w", written)


def test_stars_stand_for_any_characters_and_question_marks_for_one():
    matches = re.compile(key_pattern(["rig.*", "a?c"])).fullmatch
    assert [key for key in ("rig.", "rig.a.b", "rigxa", "abc", "ac") if matches(key)] == [
        "rig.",
        "rig.a.b",
        "abc",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title =", "not TOML"),
        ("[[panels]]\n", "it has no title"),
        ('title = "T"', "it has no panels"),
        ('title = "T"\npanels = []', "it has no panels"),
        ('title = "T"\npanels = [1]', "in panel 1, it is not a table"),
        ('title = " "\n' + PANEL, "title is empty"),
        ("title = 3\n" + PANEL, "title is 3, but must be a string"),
        ('titel = "T"\n' + PANEL, "an unknown key 'titel'; valid keys are title, panels"),
        (
            'title = "T"\n' + PANEL + "colour = 1",
            "in panel 1, it has an unknown key 'colour'",
        ),
        ('title = "T"\n' + PANEL + PANEL, "two panels have the title 'P'"),
        ('title = "T"\n' + PANEL.replace('["*"]', "[]"), "it has no measures"),
        ('title = "T"\n' + PANEL.replace('["*"]', '"*"'), "it has no measures"),
        ('title = "T"\n' + PANEL.replace('["*"]', "[1]"), "measures contains 1"),
        ('title = "T"\n' + PANEL.replace('["*"]', '[""]'), "measures contains ''"),
        ('title = "T"\n' + PANEL.replace('""', "1.5"), "unit is 1.5, but must be a string"),
        ('title = "T"\n' + PANEL.replace('unit = ""', ""), "it has no unit"),
        ('title = "T"\n' + PANEL + 'axis = "logarithmic"', "must be linear or log"),
        ('title = "T"\n' + PANEL + "description = false", "description is False"),
        ('title = "T"\n' + PANEL * 51, "it has 51 panels; the maximum is 50"),
    ],
)
def test_what_cannot_be_used_is_said(text, says):
    with pytest.raises(ConfigurationError) as raised:
        parse_dashboard("rig", text)
    assert says in raised.value.what
    assert "docs/dashboards.md" in raised.value.next_step


@given(st.text(max_size=80))
def test_whatever_stands_in_a_file_it_is_a_dashboard_or_an_error_of_ours(text):
    with contextlib.suppress(ConfigurationError):
        assert parse_dashboard("rig", text).panels


def test_a_dashboard_is_called_after_its_file():
    assert dashboard_name("My Rig (2)") == "my-rig-2"
    assert len(dashboard_name("a" * 99)) == 24
    with pytest.raises(ConfigurationError):
        dashboard_name("💡")


@pytest.fixture
def config_file(tmp_path):
    return tmp_path / "visu.config.json"


@pytest.fixture
def rig(tmp_path):
    file = tmp_path / "Rig.toml"
    file.write_text(RIG)
    return file


def test_a_dashboard_is_kept_beside_the_configuration_as_it_was_written(config_file, rig):
    assert user_dashboards(config_file) == []
    added, replaces = add_dashboard(config_file, rig)
    assert (added.name, replaces) == ("rig", False)
    assert (dashboard_folder(config_file) / "rig.toml").read_text() == RIG
    rig.unlink()
    assert user_dashboards(config_file) == [added]


def test_adding_it_again_replaces_it(config_file, rig):
    add_dashboard(config_file, rig)
    rig.write_text(RIG.replace("Voltages", "Volts"))
    added, replaces = add_dashboard(config_file, rig)
    assert replaces
    assert user_dashboards(config_file) == [added]
    assert added.panels[0].title == "Volts"


def test_one_that_cannot_be_used_leaves_what_is_there(config_file, rig):
    added, _ = add_dashboard(config_file, rig)
    rig.write_text("title = 1")
    with pytest.raises(ConfigurationError):
        add_dashboard(config_file, rig)
    assert user_dashboards(config_file) == [added]


@pytest.mark.parametrize("title", ["rig", "One run", "MULTIMETER"])
def test_a_title_that_is_taken_is_refused(config_file, rig, title):
    add_dashboard(config_file, rig)
    other = rig.with_name("other.toml")
    other.write_text(RIG.replace('"Rig"', f'"{title}"'))
    with pytest.raises(ConfigurationError, match="already"):
        add_dashboard(config_file, other)


def test_titles_that_are_taken_are_those_of_grafanas_dashboards():
    from multimeter.visualization.dashboards import user_defined

    titles = {json.loads(text)["title"].lower() for text in render_dashboards().values()}
    assert set(user_defined._TAKEN) == titles | {"multimeter"}


def test_one_that_was_broken_by_hand_is_left_out_and_said_to_be(config_file, rig, caplog):
    add_dashboard(config_file, rig)
    (dashboard_folder(config_file) / "rig.toml").write_text("broken")
    assert user_dashboards(config_file) == []
    assert "not TOML" in broken_dashboards(config_file)["rig"]
    assert "ignored" in caplog.text
    remove_dashboard(config_file, "rig")
    assert broken_dashboards(config_file) == {}


def test_the_page_has_what_is_in_the_files_now_and_reads_them_when_they_change(
    config_file, rig, caplog
):
    panels = UserPanels(config_file)
    assert panels() == ()
    added, _ = add_dashboard(config_file, rig)
    assert panels() == added.panels
    (dashboard_folder(config_file) / "rig.toml").write_text("broken")
    assert panels() == ()
    assert panels() == ()
    assert caplog.text.count("ignored") == 1
    remove_dashboard(config_file, "rig")
    assert panels() == ()


def test_only_grafana_is_made_anew_for_a_dashboard():
    def configurations(own):
        wanted = desired_containers(SPEC, "", digest(dashboard_files(own)))
        return {each.service: each.configuration for each in wanted}

    before, after = configurations([]), configurations([parse_dashboard("rig", RIG)])
    assert before["influxdb"] == after["influxdb"]
    assert before["grafana"] != after["grafana"]


def test_a_dashboard_that_is_removed_leaves_nothing(config_file, rig):
    add_dashboard(config_file, rig)
    remove_dashboard(config_file, "rig")
    assert not dashboard_folder(config_file).exists()
    with pytest.raises(VisualizationError, match="There is no dashboard 'rig'"):
        remove_dashboard(config_file, "rig")


def test_all_go_with_the_stack(config_file, rig):
    add_dashboard(config_file, rig)
    assert remove_dashboards(config_file) == []
    assert not dashboard_folder(config_file).exists()
    assert remove_dashboards(config_file) == []


def test_what_else_is_in_their_folder_stays(config_file, rig, tmp_path):
    add_dashboard(config_file, rig)
    folder = dashboard_folder(config_file)
    (folder / "notes.txt").write_text("mine")
    (folder / "old.toml").mkdir()
    (folder / "linked.toml").symlink_to(rig)
    left = [folder / name for name in ("linked.toml", "notes.txt", "old.toml")]
    assert remove_dashboards(config_file) == left
    assert sorted(folder.iterdir()) == left
    assert rig.exists()


def test_a_link_in_the_place_of_their_folder_is_not_followed(config_file, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine.toml").write_text("")
    config_file.parent.mkdir(parents=True, exist_ok=True)
    dashboard_folder(config_file).symlink_to(elsewhere)
    assert remove_dashboards(config_file) == [dashboard_folder(config_file)]
    assert (elsewhere / "mine.toml").exists()


@pytest.mark.parametrize("name", ["../visu.config", "rig/../rig", ""])
def test_only_a_dashboard_can_be_removed(config_file, rig, name):
    add_dashboard(config_file, rig)
    with pytest.raises(VisualizationError):
        remove_dashboard(config_file, name)


def test_a_file_that_cannot_be_read_is_named(config_file, tmp_path):
    for file, reason in ((tmp_path / "no.toml", "No such file"), (tmp_path, "directory")):
        with pytest.raises(ConfigurationError, match=reason):
            add_dashboard(config_file, file)
    binary = tmp_path / "b.toml"
    binary.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        add_dashboard(config_file, binary)


def test_an_editor_of_windows_may_have_saved_a_dashboard():
    assert parse_dashboard("rig", "\ufeff" + RIG) == parse_dashboard("rig", RIG)
