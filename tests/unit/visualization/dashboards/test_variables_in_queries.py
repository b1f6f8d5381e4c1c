"""Variables in the queries of dashboards, put in as the page of Grafana does it.

No server is needed for this: the rules by which the page formats a value are those of
``fakes.grafana.variables``, and a query is read word by word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes.grafana.variables import FORMATS, Value, interpolate
from fakes.influxdb.tokens import FluxTokenError, Token, tokens

from multimeter import Measure, Metric, Schema, Subject
from multimeter.lines.schema_json import schema_to_json
from multimeter.visualization.dashboards.grafana import render_dashboards
from multimeter.visualization.dashboards.user_defined import parse_dashboard

OWN = parse_dashboard(
    "rig",
    'title = "Rig"\n[[panels]]\ntitle = "All"\nunit = ""\n'
    """measures = ['a/b.*', '[[runs]]', 'x"$y', 'c\\d', '${other}', '$measure']""",
)
DASHBOARDS = {name: json.loads(text) for name, text in render_dashboards([OWN]).items()}

NAMES = (
    "plain",
    "rig 1, left",
    'the "best" one',
    "it's",
    "back\\slash\\n",
    "C:\\new\\x41",
    "${runs} $other [[measure]]",
    "a/b//c",
    "{x,y}",
    "(a|b)*+?.^$",
    '") |> drop()',
    "// no comment",
    "Küche °C 温度 😀",
)
"""Names that runs, measures, codenames, marks or programs can have."""


def targets(dashboard: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield each query of a dashboard, with where it stands."""

    def found_in(node: object, where: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, dict):
            title = str(node.get("title") or node.get("name") or node.get("refId") or "")
            inside = f"{where}/{title}" if title else where
            if isinstance(node.get("query"), str):
                yield inside, node["query"]
            for value in node.values():
                yield from found_in(value, inside)
        elif isinstance(node, list):
            for value in node:
                yield from found_in(value, where)

    yield from found_in(dashboard, "")


QUERIES = [
    pytest.param(query, id=f"{name}{where}")
    for name, dashboard in DASHBOARDS.items()
    for where, query in targets(dashboard)
]
VARIABLES = {
    each["name"]
    for dashboard in DASHBOARDS.values()
    for each in dashboard["templating"]["list"]
}


def all_set_to(value: Value) -> dict[str, Value]:
    return dict.fromkeys(VARIABLES, value)


def words(query: str, value: Value, version: str) -> list[Token]:
    return tokens(interpolate(query, all_set_to(value), FORMATS[version]))


def structure(found: list[Token]) -> list[str]:
    """Return the words, without what is inside regular expressions."""
    return [each.kind if each.kind == "regex" else each.text for each in found]


def pattern_of(word: Token) -> re.Pattern[str]:
    assert word.kind == "regex"
    return re.compile(word.text[1:-1].replace("\\/", "/"))


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("query", QUERIES)
def test_no_name_changes_what_a_query_does(query, version):
    expected = structure(words(query, "plain", version))
    for name in NAMES:
        assert structure(words(query, name, version)) == expected
    for several in ([], ["plain"], ["plain", *NAMES]):
        assert structure(words(query, several, version)) == expected


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("query", QUERIES)
def test_a_pattern_matches_the_chosen_name_and_no_other(query, version):
    marked = words(query, "plain", version)
    places = [i for i, each in enumerate(marked) if "plain" in each.text]
    for name in NAMES:
        found = words(query, name, version)
        for place in places:
            pattern = pattern_of(found[place])
            assert pattern.search(name)
            assert [each for each in NAMES if pattern.search(each)] == [name]


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("variable", ["codename", "program", "runs"])
def test_several_chosen_names_are_matched_each_by_itself(variable, version):
    chosen = [*NAMES[1:7], "last"]
    uses = f"${{{variable}:regex}}"
    used = [each.values[0] for each in QUERIES if uses in each.values[0]]
    assert used
    for query in used:
        for word in tokens(interpolate(query, {variable: chosen}, FORMATS[version])):
            if word.kind == "regex" and re.escape("last") in word.text:
                pattern = pattern_of(word)
                assert all(pattern.search(name) for name in chosen)
                assert not any(pattern.search(name) for name in ("plain", *NAMES[7:]))


def test_what_older_pages_quote_and_newer_ones_do_not_is_found():
    query = 'x = "a" + ${runs:json}'
    assert words(query, "plain", "9.3")[-1] == Token("string", '"plain"')
    with pytest.raises(AssertionError):
        test_no_name_changes_what_a_query_does(query, "12")
    with pytest.raises(FluxTokenError):
        words("x = ${runs:doublequote}", "C:\\dir", "12")


STEPS = {
    "getString": r"regexp\.getString\(r: /(?P<r>.*)/\)",
    "matches": r"regexp\.replaceAllString"
    r"\(r: /(?P<r>.*)/, v: (?P<v>\w+), t: (?P<t>\".*\")\)",
    "text": r"strings\.replaceAll\(v: (?P<v>\w+), t: (?P<t>\".*\"), u: (?P<u>\".*\")\)",
}


def schema_pattern(query: str) -> re.Pattern[str]:
    """Work out the pattern by which a query looks for a unit in the schema of a run."""
    known: dict[str, str] = {}
    for name, expression in re.findall(r"^(\w+) = (.*)$", query, re.MULTILINE):
        for kind, form in STEPS.items():
            if found := re.fullmatch(form, expression):
                known[name] = worked_out(kind, found.groupdict(), known)
        if re.fullmatch(r'"(?:[^"\\]|\\.)*"', expression):
            known[name] = json.loads(expression)
    (sum_of,) = re.findall(r"regexp\.compile\(\s*v: (.*),\s*\)", query)
    parts = re.split(r" \+ ", sum_of)
    return re.compile("".join(known.get(each) or json.loads(each) for each in parts))


def worked_out(kind: str, given: dict[str, str], known: Mapping[str, str]) -> str:
    if kind == "getString":
        return given["r"].replace("\\/", "/")
    if kind == "text":
        return known[given["v"]].replace(json.loads(given["t"]), json.loads(given["u"]))
    replacement = json.loads(given["t"])
    return re.sub(given["r"], lambda _: replacement, known[given["v"]])


UNIT_QUERIES = [each for each in QUERIES if "regexp.getString" in each.values[0]]


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("query", UNIT_QUERIES)
@pytest.mark.parametrize("description", ["", 'With "quotes", \\ and ü'])
def test_a_unit_is_found_in_the_schema_whatever_the_metric_is_called(
    query, description, version
):
    units = {name: f"unit {number}" for number, name in enumerate(NAMES)}
    metrics = [Metric(name, description, unit) for name, unit in units.items()]
    schema = Schema.of_measures([Measure(Subject("rig"), each) for each in metrics])
    text = json.dumps(schema_to_json(schema))
    for metric in metrics:
        # What is compared is a measure, what is repeated is a metric.
        for name in (metric.key, f"rig.{metric.key}"):
            pattern = schema_pattern(interpolate(query, all_set_to(name), FORMATS[version]))
            found = pattern.search(text)
            assert found, pattern
            assert found[0].endswith(f'"unit": "{metric.unit}')


@pytest.mark.parametrize("version", FORMATS)
def test_links_carry_every_name_unharmed(version):
    links = [
        each["url"]
        for dashboard in DASHBOARDS.values()
        for each in dashboard["links"]
        if "${" in each.get("url", "")
    ]
    assert links
    for name in NAMES:
        for link in links:
            url = interpolate(link, all_set_to(name), FORMATS[version])
            carried = parse_qs(urlsplit(url).query, strict_parsing=True)
            assert {
                values[0] for key, values in carried.items() if key.startswith("var-")
            } == {name}
