"""``multimeter import``, and what the other verbs read of files, in this process."""

from __future__ import annotations

import gzip
import json
import os

import pytest
from fakes.write_server import WriteServer, refusal

from multimeter import FileStorage, JsonFormat, LineFormat, Result
from multimeter.cli import main

NOON = 1_700_000_000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(monkeypatch):
    with WriteServer.running() as server:
        monkeypatch.setenv("INFLUXDB_V2_URL", server.url)
        for name in ("TOKEN", "ORG", "BUCKET"):
            monkeypatch.setenv(f"INFLUXDB_V2_{name}", name.lower())
        yield server


@pytest.fixture
def tool(capsys, caplog):
    """Run the tool; return its exit code, what it said, and what it complained of."""

    def run(*words):
        caplog.clear()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err + caplog.text

    return run


def run(name="train"):
    result = Result(identifier=name, tags={"who": "me"})
    for second in range(3):
        result.append((NOON + second) * 10**9, {"rig.v": second / 2})
    result.add_mark(NOON * 10**9, "start")
    return result


def points_of(server, measurement):
    """Return the points of a measurement: series and time to fields."""
    return {
        (series, time): fields
        for (series, time), fields in server.points().items()
        if series.split(",")[0] == measurement
    }


def test_each_file_is_a_run(server, tool, home):
    FileStorage(home / "runs", JsonFormat()).store(run("a"))
    FileStorage(home / "runs", LineFormat()).store(run("b"))
    code, out, err = tool("import", "runs")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "a: 3 points", "b: 3 points", f"2 of 2 runs are at {server.url}.",
    ]  # fmt: skip
    assert [len(points_of(server, name)) for name in ("a", "b")] == [3, 3]
    assert len(points_of(server, "multimeter_runs")) == 2


def test_each_series_of_a_file_is_brought_as_the_server_would_take_it(server, tool, home):
    (home / "noaa.line").write_text(
        "h2o,location=coyote level=8.1 1700000000000000000\n"
        "h2o,location=monica level=2.0 1700000000000000000\n"
        "h2o,location=coyote level=8.0 1699999999000000000\n"
        "h2o,location=monica level=2.1 1700000000000000000\n"
        "alone v=1 1700000000000000000\n"
    )
    code, out, err = tool("import", "noaa.line")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "h2o,location=coyote: 2 points",
        "h2o,location=monica: 1 points",
        "alone: 1 points",
        f"3 of 3 runs are at {server.url}.",
    ]
    levels = {key: fields["level"] for key, fields in points_of(server, "h2o").items()}
    assert levels == {
        ("h2o,('location', 'coyote')", 1700000000000000000): 8.1,
        ("h2o,('location', 'coyote')", 1699999999000000000): 8.0,
        ("h2o,('location', 'monica')", 1700000000000000000): 2.1,
    }
    entries = [series for series, _ in points_of(server, "multimeter_runs")]
    assert entries == ["multimeter_runs,('measurement', 'alone')"]


def test_what_is_said_of_a_run_of_several_series_is_brought_too(server, tool, home):
    (home / "x.line").write_text(
        "m,a=1 v=1 1700000000000000000\nm,a=2 v=1 1700000000000000000\n"
        'multimeter_marks,measurement=m label="x" 1700000000000000000\n'
        'multimeter_runs,measurement=m identifier="m",tags="{}" 1700000000000000000\n'
        "multimeter_logs,codename=c value=3 1700000000000000000\n"
    )
    assert tool("import", "x.line")[0] == 0
    assert len(points_of(server, "m")) == 2
    (fields,) = points_of(server, "multimeter_runs").values()
    assert fields == {"identifier": "m", "tags": "{}"}
    assert len(points_of(server, "multimeter_marks")) == 1
    assert len(points_of(server, "multimeter_logs")) == 1


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 10**3)])
def test_times_of_another_unit_are_turned_into_ns(server, tool, home, unit, factor):
    (home / "x.line").write_text(f"m v=1 {NOON * 10**9 // factor}\n")
    code, _, err = tool("import", "--precision", unit, "x.line")
    assert (code, err) == (0, "")
    assert list(points_of(server, "m")) == [("m", NOON * 10**9)]
    code, out, err = tool("show", "--precision", unit, "x.line")
    assert (code, err) == (0, "")
    assert "2023-11-1" in out
    assert (
        tool("export", "--precision", unit, "x.line")[1].count("2023-11-14T22:13:20") == 1
    )
    assert tool("compare", "--precision", unit, "x.line", "x.line")[0] == 0


@pytest.mark.parametrize("verb", ["import", "show", "export"])
def test_times_that_are_all_before_1980_are_doubted(server, tool, home, verb):
    (home / "x.line").write_text(f"m v=1 {NOON}\nm v=2 {NOON + 1}\n")
    code, _, err = tool(verb, "x.line")
    assert code == 0
    assert "All times in x.line are before 1980" in err
    assert "--precision s, ms or us" in err


def test_what_a_server_would_refuse_is_left_out_and_said(server, tool, home):
    (home / "x.line").write_text(f"m v=1 {NOON}000000000\nm v=2i {NOON + 1}000000000\n")
    code, out, err = tool("import", "x.line")
    assert code == 0
    assert "m: 1 points" in out
    assert "1 points are left out: field type conflict" in err


def test_a_run_that_is_refused_does_not_stop_the_others(server, tool, home):
    server.answers.append((400, {}, refusal("no")))
    (home / "x.line").write_text(f"a v=1 {NOON}000000000\nb v=1 {NOON}000000000\n")
    code, out, err = tool("import", "x.line")
    assert code == 1
    assert "a in x.line did not arrive" in err
    assert "b: 1 points" in out
    assert f"1 of 2 runs are at {server.url}." in out


def test_a_byte_order_mark_is_no_part_of_a_name(server, tool, home):
    (home / "a.line").write_bytes(f"\ufeffm v=1 {NOON}000000000\n".encode())
    FileStorage(home, JsonFormat()).store(run("j"))
    (home / "j.json").write_bytes(b"\xef\xbb\xbf" + (home / "j.json").read_bytes())
    code, out, _ = tool("import", "a.line", "j.json")
    assert code == 0
    assert out.startswith("m: 1 points\nj: 3 points\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_and_a_device_are_refused_at_once(server, tool, home):
    folder = home / "runs"
    FileStorage(folder, JsonFormat()).store(run("good"))
    os.mkfifo(folder / "pipe.line")
    os.mkfifo(folder / "pipe.json.gz")
    (folder / "zero.line").symlink_to("/dev/zero")
    code, out, err = tool("import", "runs")
    assert code == 1
    assert "good: 3 points" in out
    assert err.count("is not a regular file") == 3
    for name in ("pipe.line", "pipe.json.gz", "zero.line"):
        code, _, err = tool("show", folder / name)
        assert code == 1
        assert "is not a regular file" in err
    assert tool("ls", "--folder", folder)[0] == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.json", b"{}"),
        ("x.json", b"[]"),
        ("x.json", b"3"),
        ("x.json", b""),
        ("x.json", b'{"schema": 3, "identifier": "x", "tags": {}}'),
        ("x.json", b'{"schema": {}}'),
        ("x.json", b'{"schema": {"metrics": [1]}}'),
        ("x.json", b"[" * 100_000),
        ("x.json", b'{"a": 1' + b"0" * 5_000 + b"}"),
        ("x.json", b"\xff"),
        ("x.json.gz", b"{}"),
        ("x.json.gz", gzip.compress(b"{}", mtime=0)),
        ("x.json.gz", gzip.compress(b"{}", mtime=0)[:-3]),
        ("x.line", b""),
        ("x.line", b"no line"),
        ("x.line", b"m v=\xe9 1"),
        ("x.line", b'm v=1 1\nmultimeter_runs,measurement=m schema="{}" 1'),
        ("x.line", b'm v=1 1\nmultimeter_runs,measurement=m tags="3" 1'),
        ("x.txt", b"m v=1 1"),
    ],
)
@pytest.mark.parametrize("verb", ["import", "show"])
def test_what_is_no_run_is_said_without_words_of_python(
    server, tool, home, verb, name, content
):
    (home / name).write_bytes(content)
    code, _, err = tool(verb, name)
    assert code == 1
    assert name in err
    for word in (
        "Error(",
        "Error:",
        "KeyError",
        "object",
        "NoneType",
        "Traceback",
        "codec",
    ):
        assert word not in err
    assert server.requests == []


def test_what_json_lacks_is_named(tool, home):
    (home / "x.json").write_text(json.dumps({"identifier": "x"}))
    assert "it lacks 'schema'" in tool("show", "x.json")[2]
    (home / "x.json").write_text('{"identifier": \n}')
    assert "line 2, column 1" in tool("show", "x.json")[2]


def test_an_import_without_files_has_brought_nothing(server, tool, home):
    (home / "empty").mkdir()
    assert tool("import", "empty")[0] == 1
