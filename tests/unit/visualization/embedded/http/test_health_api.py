from __future__ import annotations

from multimeter.visualization.embedded.store import changes

S = 1_000_000_000
NOW_NS = 1_700_000_000_000_000_000


def get(served, path, **params):
    answer = served.reader().get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_store_says_what_it_holds(served):
    served.write("a v=1 5\na v=1 9\nb v=1 7\nmultimeter_logs,codename=c value=1 3")
    served.write("multimeter_runs,measurement=a points=2i 1")
    store = get(served, "/api/health")["store"]
    assert store.pop("size_bytes") > 0
    assert store == {"runs": 2, "codenames": 1, "points": 5, "oldest": 3, "newest": 9}


def test_an_empty_store_has_neither_an_oldest_nor_a_newest_point(served):
    health = get(served, "/api/health")
    assert (health["store"]["oldest"], health["store"]["newest"]) == (None, None)
    assert health["deliveries"] == []


def test_deliveries_say_their_newest_counts_each_by_itself(served):
    before, old = NOW_NS - 60 * S, NOW_NS - 3600 * S
    served.write(
        f"multimeter_health,program=a,sink=s accepted=5i,queued=1i {before - S}\n"
        f"multimeter_health,program=a,sink=s accepted=7i {before}\n"
        f'multimeter_health,program=b,sink=s accepted=1i,dropped=2i,note="x",odd=3 {old}'
    )
    assert get(served, "/api/health")["deliveries"] == [
        {
            "tags": {"program": "a", "sink": "s"},
            "time": before,
            "counts": {"accepted": 7, "queued": 1},
            "state": "live",
        },
        {
            "tags": {"program": "b", "sink": "s"},
            "time": old,
            "counts": {"accepted": 1, "dropped": 2},
            "state": "silent",
        },
    ]
    curves = get(served, "/api/health/series", start=0, stop=NOW_NS)["groups"]
    assert [each["tags"]["program"] for each in curves] == ["a", "b"]


def test_a_delivery_ends_with_its_last_word_and_another_may_come_after_it(served):
    health = "multimeter_health,program=a "
    served.write(
        f"{health}closed=false {NOW_NS - 9 * S}\n{health}closed=true {NOW_NS - 8 * S}"
    )
    (delivery,) = get(served, "/api/health")["deliveries"]
    assert (delivery["state"], delivery["counts"]) == ("ended", {})
    served.write(f"{health}closed=false,accepted=1i {NOW_NS - 7 * S}")
    (delivery,) = get(served, "/api/health")["deliveries"]
    assert delivery["state"] == "live"


def test_of_many_deliveries_the_newest_are_told(served):
    line = "multimeter_health,program=p{0} accepted=1i {0}"
    served.write("\n".join(map(line.format, range(70))))
    health = get(served, "/api/health")
    programs = [each["tags"]["program"] for each in health["deliveries"]]
    assert programs == [f"p{n}" for n in range(69, 19, -1)]
    assert health["all_deliveries"] == 70


def test_fields_of_other_types_are_no_reason_to_fail(served, monkeypatch):
    # As in a store from before their types were fixed.
    monkeypatch.setattr(changes, "reserved_type", lambda *_: None)
    served.write('multimeter_health accepted="many",queued=true,dropped=1.5 1')
    (delivery,) = get(served, "/api/health")["deliveries"]
    assert delivery["counts"] == {"queued": True, "dropped": 1.5}
    get(served, "/api/health/series", start=0, stop=9)


def test_statistics_say_peak_mean_and_total_in_the_unit_that_is_shown(served):
    lines = [
        f"m process.cpu_rate_user=0.5,process.memory_rss_max={n} {n * S}" for n in (0, 4)
    ]
    served.write("\n".join(lines))
    cpu, memory = get(served, "/api/statistics", run="m")
    assert cpu == {
        "key": "process.cpu_rate_user",
        "title": "CPU",
        "group": "",
        "label": "process user",
        "unit": "percentunit",
        "scale": 1.0,
        "min": 0.5,
        "max": 0.5,
        "mean": 0.5,
        "total": 2.0,
        "total_unit": "s",
    }
    assert (memory["max"], memory["total"], memory["total_unit"]) == (4096.0, None, "")
