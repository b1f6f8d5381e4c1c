from __future__ import annotations

import pytest

S = 1_000_000_000


def get(served, path, **params):
    answer = served.reader().get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def logged(shared):
    """A store with two codenames, which no test changes."""
    lines = [f"multimeter_logs,codename=p value={n} {n * S}" for n in range(100)]
    lines += ['multimeter_codenames,codename=p unit="kB",description="of it" 1']
    lines += [f"multimeter_logs,codename=t value={n} {n * S}" for n in (0, 1, 2, 3, 90)]
    shared.write("\n".join(lines))
    return shared


def test_codenames_come_with_the_unit_in_which_they_are_shown(logged):
    p, t = get(logged, "/api/logs")
    assert p == {
        "codename": "p",
        "unit": "bytes",
        "scale": 1024.0,
        "description": "of it",
        "start": 0,
        "end": 99 * S,
        "points": 100,
    }
    assert (t["unit"], t["scale"]) == ("short", 1.0)


def test_curves_come_in_buckets_with_their_gaps(logged):
    answer = get(
        logged, "/api/logs/series", codename=["p", "t"], start=0, stop=99 * S, buckets=1000
    )
    assert (answer["start"], answer["stop"]) == (0, 99 * S)
    assert answer["bucket"] == 100_000_000
    p, t = answer["curves"]
    assert (p["codename"], p["tags"], p["breaks"]) == ("p", {}, [])
    assert p["time"] == [n * S for n in range(100)]
    assert p["min"] == p["max"] == p["mean"] == list(range(100))
    assert (t["time"], t["breaks"]) == ([n * S for n in (0, 1, 2, 3, 90)], [4])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "start"),
        ({"start": 1}, "stop"),
        ({"start": 2, "stop": 1}, "stop: not before start"),
        ({"start": 1, "stop": 2, "buckets": 0}, "buckets: from 1 to 5000"),
        ({"start": "x", "stop": 2}, "start: not an integer"),
    ],
)
def test_what_cannot_be_asked_is_said(logged, asked, said):
    answer = logged.reader().get("/api/logs/series", params={"codename": "p", **asked})
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_only_readers_see_them(logged):
    assert logged.client().get("/api/logs").status_code == 401
    assert logged.writer().get("/api/logs").status_code == 403


def test_an_empty_store_logs_nothing(served):
    assert get(served, "/api/logs") == []
    found = get(served, "/api/logs/series", codename="a", start=0, stop=1)
    assert found["curves"] == []
