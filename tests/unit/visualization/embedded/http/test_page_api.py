from __future__ import annotations

import json

import pytest

from multimeter import Measure, Metric, ResourceProbe, Result, Schema, Subject
from multimeter.lines.result_encoder import encode_result
from multimeter.visualization.embedded.http.reading import Limits
from multimeter.visualization.embedded.http.responses import json_response

S = 1_000_000_000
USER, SYSTEM = "process.cpu_rate_user", "process.cpu_rate_system"
MEMORY = "process.memory_rss_max"


def get(served, path, **params):
    answer = served.reader().get(path, params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def refusal(served, path, **params):
    answer = served.reader().get(path, params=params)
    body = answer.json()
    assert answer.headers["X-Platform-Error-Code"] == body["code"]
    return answer.status_code, body["code"], body["message"]


@pytest.fixture(scope="module")
def trained(shared):
    """A store with one run, which no test changes."""
    write_run(shared)
    return shared


def write_run(served):
    """Store a run of three points and two marks as the library does."""
    result = Result(ResourceProbe(), identifier="trained", tags={"host": "a"})
    result.add_meta_data(command="python train.py")
    for second, user, memory in ((1, 0.5, 100), (2, 1.0, 300), (3, 0.9, 200)):
        result.append(second * S, {USER: user, SYSTEM: 0.25, MEMORY: memory})
    result.add_mark(3 * S, "done")
    result.add_mark(2 * S, "half <b>way</b>")
    served.write(b"\n".join(encode_result(result)).decode())


def exact(value):
    """Return what the API has of a figure without an error."""
    bounds = {"value": value, "low": value, "high": value}
    return {**bounds, "source": "points", "flags": []}


def test_runs_are_listed_newest_first_whoever_wrote_them(served):
    write_run(served)
    served.write("foreign,rig=b temperature=21.5 9000000000")
    foreign, ours = get(served, "/api/runs")
    assert ours == {
        "identifier": "trained",
        "start": 1 * S,
        "end": 3 * S,
        "points": 3,
        "tags": {"host": "a"},
        "state": "ended",
        "figures": {
            "duration": exact(2.0),
            "peak_memory": exact(300 * 1024.0),
            # As the run's entry says: over the time from the first point to the last.
            "cpu": exact(pytest.approx((1.0 + 0.9) / 2 + 0.25)),
            "cpu_time": exact(2.4),
        },
    }
    assert foreign == {
        "identifier": "foreign",
        "start": 9 * S,
        "end": 9 * S,
        "points": 1,
        "tags": {"rig": "b"},
        "state": "ended",
        "figures": {"duration": exact(0.0)},
    }


def test_an_empty_store_has_no_runs(served):
    assert get(served, "/api/runs") == []


def test_a_run_comes_with_panels_figures_and_meta_data(trained):
    run = get(trained, "/api/run", run="trained")
    assert run["identifier"] == "trained"
    assert run["state"] == "ended"
    assert run["meta_data"] == {"command": "python train.py"}
    cpu, memory = run["panels"]
    assert (cpu["id"], cpu["title"], cpu["unit"]) == ("cpu", "CPU", "percentunit")
    assert [each["key"] for each in cpu["series"]] == [USER, SYSTEM]
    (series,) = memory["series"]
    assert series.keys() == {"key", "label", "description", "scale"}
    assert (series["key"], series["scale"]) == (MEMORY, 1024.0)
    assert {each["title"]: each["value"] for each in run["figures"]} == {
        "Duration": 2.0,
        "Peak memory": 300 * 1024.0,
        "Mean CPU": pytest.approx((1.0 + 0.9) / 2 + 0.25),
        "CPU time": pytest.approx(1.0 + 0.9 + 2 * 0.25),
    }
    keys = {"id", "title", "unit", "value", "low", "high", "source", "flags"}
    assert all(each.keys() == keys for each in run["figures"])
    assert run["texts"] == []


@pytest.mark.parametrize("start", [-5 * S, -1 * S, 0, 1_700_000_000 * S])
def test_figures_are_about_all_points_wherever_the_run_lies(served, start):
    times = [start, start + 1, start + 2 * S, start + 2 * S + 1]
    lines = (f"m {USER}={v},{SYSTEM}=0 {t}" for t, v in zip(times, (9, 0, 4, 0)))
    served.write("\n".join(lines))
    figures = {f["title"]: f["value"] for f in get(served, "/api/run", run="m")["figures"]}
    assert figures["Duration"] == 2.000000001
    # The first value stands for no time, the third for nearly all.
    assert figures["Mean CPU"] == pytest.approx(4.0)


def test_text_is_given_by_its_newest_value(served):
    schema = Schema.of_probes(())
    metric = Metric("phase", description="what is going on", value_type=str)
    measure = Measure(Subject("rig"), metric)
    schema = Schema((metric,), (measure.subject,), (measure,))
    result = Result.of_schema(schema, identifier="rig")
    result.append(1 * S, {"rig.phase": "heating", "note": "a"})
    result.append(2 * S, {"rig.phase": "<i>cooling</i>", "ok": True})
    served.write(b"\n".join(encode_result(result)).decode())
    run = get(served, "/api/run", run="rig")
    assert run["texts"] == [
        {"key": "rig.phase", "label": "what is going on", "value": "<i>cooling</i>"},
        {"key": "note", "label": "note", "value": "a"},
    ]
    drawn = [each["key"] for panel in run["panels"] for each in panel["series"]]
    assert drawn == ["ok"]


def test_a_run_without_points_is_there_and_empty(served):
    result = Result(ResourceProbe(), identifier="empty")
    served.write(b"\n".join(encode_result(result)).decode())
    (run,) = get(served, "/api/runs")
    assert (run["identifier"], run["points"]) == ("empty", 0)
    view = get(served, "/api/run", run="empty")
    assert (view["panels"], view["figures"], view["texts"]) == ([], [], [])
    assert get(served, "/api/series", run="empty")["groups"] == []
    assert get(served, "/api/marks", run="empty") == []


def test_series_come_in_buckets_of_min_max_and_mean(served):
    lines = (f"m,host=a v={n % 10},w={n}i {n * S}" for n in range(1_000))
    served.write("\n".join(lines))
    answer = get(served, "/api/series", run="m", buckets=11)
    assert answer["run"] == "m"
    assert (answer["start"], answer["stop"]) == (0, 999 * S)
    assert answer["bucket"] == 100 * S
    (group,) = answer["groups"]
    assert group["tags"] == {"host": "a"}
    assert group["time"] == [n * 100 * S for n in range(10)]
    assert group["series"].keys() == {"v", "w"}
    assert group["series"]["v"] == {"min": [0] * 10, "max": [9] * 10, "mean": [4.5] * 10}
    assert group["series"]["w"]["mean"] == [n * 100 + 49.5 for n in range(10)]


def test_series_are_those_that_are_asked_for_in_the_time_that_is_asked_for(trained):
    answer = get(
        trained, "/api/series", run="trained", start=2 * S, stop=3 * S, key=[USER, "no"]
    )
    (group,) = answer["groups"]
    assert group["time"] == [2 * S, 3 * S]
    assert group["series"] == {
        USER: {"min": [1.0, 0.9], "max": [1.0, 0.9], "mean": [1.0, 0.9]}
    }


def test_each_tag_set_is_a_group_and_what_is_missing_is_null(served):
    served.write("m,core=0 v=1,b=t 1\nm,core=1 v=2 1\nm,core=0 v=3 2")
    groups = get(served, "/api/series", run="m")["groups"]
    assert [each["tags"] for each in groups] == [{"core": "0"}, {"core": "1"}]
    assert [each["time"] for each in groups] == [[1, 2], [1]]
    assert groups[0]["series"]["b"]["max"] == [1, None]
    assert groups[1]["series"]["b"]["max"] == [None]


def test_text_is_not_drawn(served):
    served.write('m v=1,s="text" 1')
    (group,) = get(served, "/api/series", run="m", key=["v", "s"])["groups"]
    assert group["series"].keys() == {"v"}


def test_a_range_without_points_is_empty(trained):
    answer = get(trained, "/api/series", run="trained", start=10 * S, stop=20 * S)
    assert answer["groups"] == []


def test_numbers_that_overflow_are_null_and_never_infinity(served):
    served.write("m v=1.7e308 1\nm v=1.7e308 2\nm v=1.7e308 3")
    answer = served.reader().get("/api/series", params={"run": "m", "buckets": 2})
    (group,) = json.loads(answer.content, parse_constant=pytest.fail)["groups"]
    assert group["series"]["v"]["max"] == [1.7e308] * len(group["time"])


def test_json_never_holds_what_json_lacks():
    answer = json_response({"a": [float("nan"), {"b": float("-inf")}], "c": 1.5})
    assert json.loads(answer.body) == {"a": [None, {"b": None}], "c": 1.5}


def test_meta_data_of_any_kind_arrives(served):
    odd = r"{\"a\": 1e999, \"b\": \"\\ud800\", \"c\": [NaN, {}]}"
    served.write(f'multimeter_runs,measurement=m meta_data="{odd}" 1\nm v=1 1')
    run = get(served, "/api/run", run="m")
    assert run["meta_data"] == {"a": None, "b": "\ud800", "c": ["NaN", {}]}


def test_marks_come_in_the_order_of_time(trained):
    assert get(trained, "/api/marks", run="trained") == [
        {"time": 2 * S, "label": "half <b>way</b>"},
        {"time": 3 * S, "label": "done"},
    ]


@pytest.mark.parametrize("path", ["/api/run", "/api/series", "/api/marks"])
def test_a_run_must_be_named_and_known(trained, path):
    assert refusal(trained, path) == (400, "invalid", "run: which one?")
    expected = (404, "not found", 'run "nope" not found')
    assert refusal(trained, path, run="nope") == expected
    # What the library says about runs is no run.
    assert refusal(trained, path, run="multimeter_marks")[0] == 404


@pytest.mark.parametrize(
    "identifier", ["../x", "a/b", "日本 😀", "<script>", "a\nb", "100%"]
)
def test_a_run_may_have_any_name(served, identifier):
    result = Result(ResourceProbe(), identifier=identifier)
    result.append(1 * S, {USER: 0.5})
    served.write(b"\n".join(encode_result(result)).decode())
    (run,) = get(served, "/api/runs")
    view = get(served, "/api/run", run=run["identifier"])
    assert view["identifier"] == run["identifier"]
    assert get(served, "/api/series", run=run["identifier"])["groups"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"start": "x"}, "start: not an integer of at most 19 digits"),
        ({"stop": "1.5"}, "stop: not an integer of at most 19 digits"),
        ({"stop": "1" * 20}, "stop: not an integer of at most 19 digits"),
        ({"buckets": "²"}, "buckets: not an integer of at most 19 digits"),
        ({"buckets": "0"}, "buckets: from 1 to 5000"),
        ({"buckets": "-1"}, "buckets: from 1 to 5000"),
        ({"buckets": "5001"}, "buckets: from 1 to 5000"),
        ({"start": "5", "stop": "4"}, "stop: not before start"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(trained, parameters, message):
    answer = refusal(trained, "/api/series", run="trained", **parameters)
    assert answer == (400, "invalid", message)


@pytest.mark.parametrize("buckets", ["1", "2", "5000"])
def test_every_number_of_buckets_in_the_limits_is_answered(trained, buckets):
    (group,) = get(trained, "/api/series", run="trained", buckets=buckets)["groups"]
    assert 0 < len(group["time"]) <= max(int(buckets), 2)


@pytest.mark.parametrize("start", [-(10**19) + 1, -(2**63), 0])
@pytest.mark.parametrize("stop", [10**19 - 1, 2**63 - 1])
def test_the_widest_ranges_are_answered(trained, start, stop):
    answer = get(trained, "/api/series", run="trained", start=start, stop=stop)
    assert len(answer["groups"]) == 1


def test_the_number_of_buckets_can_be_limited(trained, monkeypatch):
    monkeypatch.setattr(trained, "limits", Limits(buckets=10))
    answer = refusal(trained, "/api/series", run="trained", buckets=11)
    assert answer == (400, "invalid", "buckets: from 1 to 10")


PATHS = ["/api/runs", "/api/run", "/api/series", "/api/marks"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "unauthorized"),
        ("Token wrong", 401, "unauthorized"),
        ("Token the-write-token", 403, "forbidden"),
    ],
)
def test_nobody_reads_without_the_read_token(trained, path, token, status, code):
    headers = {"Authorization": token} if token else {}
    answer = trained.client().get(path, params={"run": "trained"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "trained" not in answer.text


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_that_is_logged_in_reads_without_a_token(trained, path):
    browser = trained.browser()
    assert browser.get(path, params={"run": "trained"}).status_code == 200
    (name,) = browser.cookies
    browser.cookies.clear()
    browser.cookies.set(name, "made-up")
    assert browser.get(path, params={"run": "trained"}).status_code == 401


def test_a_wrong_token_counts_more_than_a_cookie(trained):
    headers = {"Authorization": "Token the-write-token"}
    assert trained.browser().get("/api/runs", headers=headers).status_code == 403
