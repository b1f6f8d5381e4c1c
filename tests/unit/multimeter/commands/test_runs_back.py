"""``ls``, ``show``, ``compare``, ``export`` and ``gate`` over files, in this process."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest

from multimeter import (
    FileStorage,
    JsonFormat,
    LineFormat,
    Measure,
    Metric,
    ResourceProbe,
    Result,
    Schema,
    Subject,
)
from multimeter.cli import main
from multimeter.commands import output
from multimeter.data.estimate import Estimate

S = 10**9
START = 1_700_000_000
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("INFLUXDB_V2_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def runs(home):
    return home / ".multimeter" / "runs"


def make(name, start=START, points=20, memory=100_000, load=1.0, **tags):
    rig = Measure(Subject("rig"), Metric("load", "", "N"))
    schema = Schema.of_measures([*ResourceProbe().measures, rig])
    result = Result.of_schema(schema, identifier=name, tags=tags)
    result.add_meta_data(baseline={"time_ns": start * S, "values": {}}, late_samples="2")
    for number in range(1, points + 1):
        values = {
            "process.cpu_rate_user": 0.5,
            "process.cpu_rate_system": 0.25,
            "process.memory_rss_max": memory,
            "rig.load": load * number,
        }
        result.append((start + number) * S, values)
    result.add_mark((start + 5) * S, "warm")
    return result


@pytest.fixture
def keep(runs):
    def keep(result, file_format=None):
        storage = FileStorage(runs, file_format or JsonFormat())
        storage.store(result)
        return storage.path(result.identifier)

    return keep


@pytest.fixture
def tool(capsys):
    """Run the tool; return its exit code, what it said, and what it complained of."""

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return ended.value.code, said.out, said.err

    return run


def answer(tool, *words):
    code, out, _ = tool(*words, "--json")
    assert code == 0
    return json.loads(out)


# --- ls


def test_runs_are_listed_the_newest_first(tool, keep):
    keep(make("old"))
    keep(make("new", START + 100, who="me"), LineFormat())
    code, out, err = tool("ls")
    head, *rows = out.splitlines()
    assert code == 0
    assert err == ""
    assert head.split("  ")[0] == "IDENTIFIER"
    assert [row.split()[0] for row in rows] == ["new", "old"]
    assert "20 s" in rows[0]
    assert "97.7 MiB" in rows[0]
    assert "75 %" in rows[0]
    assert rows[0].endswith("~/.multimeter/runs/new.line")


def test_a_list_can_be_narrowed(tool, keep):
    keep(make("train-a", who="me"))
    keep(make("train-b", START + 1, who="you"))
    keep(make("other", START + 2, who="me"))

    def names(*words):
        return [run["identifier"] for run in answer(tool, "ls", *words)["runs"]]

    assert names() == ["other", "train-b", "train-a"]
    assert names("TRAIN") == ["train-b", "train-a"]
    assert names("train", "you") == ["train-b"]
    assert names("--tag", "who=me") == ["other", "train-a"]
    assert names("-n", "1") == ["other"]
    assert "And 2 more" in tool("ls", "-n", "1")[1]


def test_without_runs_it_says_how_one_is_made(tool):
    code, out, _ = tool("ls")
    assert code == 0
    assert "multimeter run" in out


def test_what_cannot_be_read_does_not_hide_the_rest(tool, keep, runs):
    keep(make("good"))
    (runs / "bad.json").write_text("{")
    code, out, err = tool("ls")
    assert code == 0
    assert "good" in out
    assert "bad.json" in err
    assert "bad.json" in answer(tool, "ls")["trouble"][0]


def test_a_large_run_is_not_read_whole(tool, keep, monkeypatch):
    from multimeter.runs import files

    keep(make("large"))
    monkeypatch.setattr(files, "_SMALL", 10)
    monkeypatch.setattr(files, "load_file", lambda _: pytest.fail("it was read whole"))
    (run,) = answer(tool, "ls")["runs"]
    assert run["end_ns"] - run["start_ns"] == 19 * S
    assert run["figures"] == {}


def test_names_cannot_move_the_cursor(tool, keep):
    keep(make("a\x1b[31mb\r\u202ec", who="\x1b]0;x\x07"))
    for words in (("ls",), ("show", "@latest"), ("compare", "@1", "@1")):
        _, out, err = tool(*words)
        assert not set(out + err) & {"\x1b", "\r", "\x07", "\u202e"}


# --- show


def test_a_run_is_shown_with_its_figures_marks_and_curves(tool, keep):
    keep(make("train", who="me"))
    code, out, _ = tool("show", "train")
    assert code == 0
    assert out.startswith("train\n")
    for text in ("20 points", "who=me", "Peak memory", "97.7 MiB", "warm", "5.000 s"):
        assert text in out
    assert "Samples that came late: 2" in out
    assert "\nCPU\n" in out
    assert "\nMemory\n" in out
    assert "\nrig.load\n" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert any("⠀" < character <= "⣿" for character in out)


def test_curves_fit_the_width(tool, keep, monkeypatch):
    keep(make("train"))
    for columns in (40, 120, 3):
        monkeypatch.setenv("COLUMNS", str(columns))
        lines = tool("show", "train")[1].splitlines()
        curves = [line for line in lines if "⣀" in line or "⠤" in line or "⠉" in line]
        assert curves
        assert max(map(len, curves)) <= max(columns, 40)


def test_measures_are_drawn_by_pattern(tool, keep):
    keep(make("train"))
    out = tool("show", "train", "--measure", "rig.*")[1]
    assert "\nrig.load\n" in out
    assert "\nCPU\n" not in out
    code, _, err = tool("show", "train", "--measure", "rug.*")
    assert code == 1
    assert "No measure matches 'rug.*'" in err


def test_a_peak_between_samples_is_told(tool, keep):
    rss, peak = (
        Metric("memory_rss", "", "kB"),
        Metric("peak", "", "kB", peak_of="memory_rss"),
    )
    process = Subject("process")
    schema = Schema.of_measures([Measure(process, rss), Measure(process, peak)])
    result = Result.of_schema(schema, identifier="train")
    for second in range(3):
        result.append(
            (START + second) * S,
            {"process.memory_rss": 10_240, "process.peak": 10_240 + 100_000 * second},
        )
    keep(result)
    assert "the peak fell between two samples: 205 MiB" in tool("show", "train")[1]
    (found,) = answer(tool, "show", "train")["peaks"]
    assert found["between_samples"] is True


@pytest.mark.parametrize("points", [0, 1])
def test_a_run_of_few_points_is_shown(tool, keep, points):
    keep(make("short", points=points))
    assert tool("show", "short")[0] == 0
    assert tool("compare", "short", "short")[0] == 0
    assert tool("show", "short", "--html", "x.html")[0] == 0


def test_values_that_are_no_numbers_do_not_stop_a_curve(tool, keep):
    result = make("odd")
    for number, value in enumerate([None, "text", True, 10**400, -5.0]):
        result.append((START + 50 + number) * S, {"rig.load": value, "rig.state": "x"})
    keep(result)
    assert tool("show", "odd")[0] == 0
    assert tool("show", "odd", "--html", "x.html")[0] == 0


def test_an_output_that_takes_no_dots_is_told_so(tool, keep, monkeypatch):
    keep(make("träin"))
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as ended:
        main(["show", "träin"])
    stream.flush()
    assert ended.value.code == 0
    assert b"they need UTF-8" in stream.buffer.getvalue()


def test_a_page_is_one_file_in_which_names_are_text(tool, keep, home):
    result = make(f"run {EVIL}", **{EVIL: f"{EVIL}</title>"})
    result.add_mark((START + 6) * S, f"{EVIL} <!-- ")
    keep(result)
    assert tool("show", "@latest", "--html", "x.html")[0] == 0
    text = (home / "x.html").read_text()
    assert EVIL not in text
    assert "<!-- " not in text.rpartition("</style>")[2].partition("<script>")[0]
    assert "&lt;script&gt;alert(1)" in text
    assert "src=" not in text.partition("<script>")[0]


def test_without_plotly_the_extra_is_named(tool, keep, monkeypatch, home):
    keep(make("train"))
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    code, _, err = tool("show", "train", "--html", "x.html")
    assert code == 1
    assert "pip install 'multimeter[visu]'" in err
    assert not (home / "x.html").exists()


# --- compare


def test_two_runs_are_compared(tool, keep):
    keep(make("a", points=20))
    keep(make("b", START + 500, points=10, memory=110_000))
    code, out, _ = tool("compare", "a", "b")
    assert code == 0
    lines = out.splitlines()
    assert lines[:2] == ["A  a", "B  b"]
    memory = next(line for line in lines if line.startswith("Peak memory"))
    assert memory.split("  ")[-1] == "+10.0 %"
    assert "+9.77 MiB" in memory
    assert "CPU: A, B" in lines
    found = answer(tool, "compare", "a", "b")
    assert found["figures"]["duration"]["values"] == [20.0, 10.0]
    assert found["figures"]["duration"]["differences"] == [0.0, -10.0]
    assert found["figures"]["duration"]["percents"] == [0.0, -50.0]


def test_runs_are_aligned_on_a_mark(tool, keep):
    keep(make("a"))
    keep(make("b", START + 500))
    assert answer(tool, "compare", "a", "b", "--align", "warm")["marks"]["warm"][
        "values"
    ] == [0.0, 0.0]
    code, _, err = tool("compare", "a", "b", "--align", "wram")
    assert code == 1
    assert "It has: warm" in err


def test_one_run_alone_is_not_compared(tool, keep):
    keep(make("a"))
    code, _, err = tool("compare", "a")
    assert code == 1
    assert "Name two runs" in err


def test_a_comparison_is_one_file_too(tool, keep, home):
    keep(make("a"))
    keep(make("b", START + 500))
    assert tool("compare", "a", "b", "--html", "x.html")[0] == 0
    assert "A: process user" in (home / "x.html").read_text()


# --- export


@pytest.mark.parametrize("form", [JsonFormat(), LineFormat()])
def test_an_export_is_what_the_format_saves(tool, keep, home, form):
    result = make("train")
    keep(result)
    output = home / f"x{form.extension}"
    assert tool("export", "train", "-o", output)[0] == 0
    with output.open("rb") as stream:
        assert form.load(stream) == result
    assert [each.name for each in home.glob(".multimeter-*")] == []


def test_a_table_is_for_spreadsheets(tool, keep, home):
    keep(make("train", points=2))
    assert tool("export", "train", "-o", "x.csv")[0] == 0
    text = (home / "x.csv").read_bytes().decode()
    head, start, first, _ = csv.reader(io.StringIO(text, newline=""))
    row = dict(zip(head, first))
    assert start == ["2023-11-14T22:13:20.000000+00:00", *[""] * (len(head) - 1)]
    assert row["time"] == "2023-11-14T22:13:21.000000+00:00"
    assert float(row["process.cpu_rate_user"]) == 0.5
    assert row["children.cpu_rate_user"] == ""


def test_parquet_keeps_all_there_is(tool, keep, home):
    duckdb = pytest.importorskip("duckdb")
    result = make("it's", who="me")
    result.append((START + 99) * S + 7, {"rig.load": None, 'odd "key"': "text"})
    keep(result)
    assert tool("export", "it's", "-o", "x.parquet")[0] == 0
    table = duckdb.sql(
        'SELECT epoch_ns(time), "rig.load", "process.memory_rss_max", "odd ""key""" '
        f"FROM '{home}/x.parquet' ORDER BY time"
    ).fetchall()
    assert table[0] == ((START + 1) * S, 1.0, 100_000, None)
    assert table[-1] == ((START + 99) * S + 7, None, None, "text")
    about = dict(
        duckdb.sql(
            f"SELECT key, value FROM parquet_kv_metadata('{home}/x.parquet')"
        ).fetchall()
    )
    assert about[b"identifier"] == b"it's"
    assert json.loads(about[b"tags"]) == {"who": "me"}
    assert json.loads(about[b"marks"]) == [[(START + 5) * S, "warm"]]


def test_parquet_needs_a_file_and_its_extra(tool, keep, monkeypatch):
    keep(make("train"))
    assert "-o train.parquet" in tool("export", "train", "--format", "parquet")[2]
    monkeypatch.setitem(sys.modules, "duckdb", None)
    code, _, err = tool("export", "train", "-o", "x.parquet")
    assert code == 1
    assert "pip install 'multimeter[visu]'" in err


def test_a_folder_that_is_not_there_is_a_clear_error(tool, keep):
    keep(make("train"))
    for words in (
        ("export", "train", "-o", "none/x.json"),
        ("export", "train", "-o", "none/x.parquet"),
        ("show", "train", "--html", "none/x.html"),
    ):
        code, _, err = tool(*words)
        assert code == 1
        assert "cannot be written" in err


def keep_several(keep, name, *loads):
    for number, cpu in enumerate(loads, 1):
        result = make(
            name if number == 1 else f"{name}-{number}", start=START + 99 * number
        )
        result.known_figures["cpu_time"] = Estimate.exact(cpu, "wait4")
        keep(result)


def test_the_last_runs_of_a_name_are_compared_by_their_medians(tool, keep):
    keep_several(keep, "old", 9.0, 1.00, 1.02, 0.98, 1.01, 0.99)
    keep_several(keep, "new", 1.21, 1.20, 1.22, 1.19, 1.18)
    code, out, _ = tool("compare", "old@last5", "new@last5")
    (line,) = (each for each in out.splitlines() if each.startswith("CPU time"))
    assert code == 0
    assert "+20.0 %" in line
    code, out, _ = tool("compare", "old@last5", "old@last4")
    (line,) = (each for each in out.splitlines() if each.startswith("CPU time"))
    assert "noise" in line


def test_fewer_runs_of_a_name_than_were_asked_for_are_an_error(tool, keep):
    keep_several(keep, "old", 1.0, 1.0)
    code, _, said = tool("show", "old@last2")
    assert code == 1
    code, _, said = tool("compare", "old@last3", "old")
    assert code == 1
    assert "There are 2 runs 'old', not 3" in said


@pytest.mark.parametrize(
    ("limit", "code", "word"),
    [("+30%", 0, "ok"), ("+10%", 1, "BROKEN"), ("+20%", 2, "UNDECIDED")],
)
def test_a_gate_judges_the_medians_of_several_runs(tool, keep, limit, code, word):
    keep_several(keep, "old", 1.00, 1.02, 0.98, 1.01, 0.99)
    keep_several(keep, "new", 1.21, 1.20, 1.22, 1.19, 1.18)
    words = ("--baseline", "old@last5", "--max", f"cpu_time={limit}")
    found, out, said = tool("gate", "new@last5", *words)
    assert (found, out.splitlines()[1].split()[0]) == (code, word)
    assert ("noise" in said) == (code == 2)
    # One by one they are the same runs.
    each = [f"new-{number}" for number in range(2, 6)]
    baselines = [w for n in range(2, 6) for w in ("--baseline", f"old-{n}")]
    assert (
        tool("gate", "new", *each, *baselines, "--baseline", "old", *words[2:])[0] == code
    )


# --- gate


def test_a_run_that_keeps_to_its_limits_passes(tool, keep):
    keep(make("base"))
    keep(make("run", START + 500, memory=105_000))
    words = ("--baseline", "base", "--max", "peak_memory=+10%", "--max", "cpu_time=20s")
    code, out, _ = tool("gate", "run", *words)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["ok", "ok"]


def test_a_broken_limit_is_exit_code_1_and_says_by_how_much(tool, keep):
    keep(make("base"))
    keep(make("run", START + 500, memory=120_000))
    code, out, _ = tool("gate", "run", "--baseline", "base", "--max", "peak_memory=+10%")
    assert code == 1
    (row,) = out.splitlines()[1:]
    assert row.startswith("BROKEN")
    assert "+20.0 %" in row
    assert "+9.77 MiB" in row
    with pytest.raises(SystemExit) as ended:
        main(["gate", "run", "--max", "peak_memory=1MiB", "--json"])
    assert ended.value.code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--max", "gpu_memory=1GiB"),
        ("run", "--max", "duration=+1s"),
        ("run", "--max", "duration"),
        ("run", "--max", "duration=fast"),
        ("none", "--max", "duration=1s"),
        ("run", "--baseline", "none", "--max", "duration=+1s"),
        ("empty", "--max", "duration=1s"),
        ("bad.json", "--max", "duration=1s"),
        ("run", "--nonsense"),
    ],
)
def test_what_cannot_be_judged_is_exit_code_2(tool, keep, home, words):
    keep(make("run"))
    keep(make("empty", points=0))
    (home / "bad.json").write_text("[]")
    code, out, err = tool("gate", *words)
    assert (code, out) == (2, "")
    assert err


# --- trouble


@pytest.mark.parametrize("verb", [("show",), ("export",), ("compare", "x")])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"points": []}', "[" * 100_000])
def test_a_damaged_file_is_a_clear_error(tool, home, verb, text):
    (home / "x.json").write_text(text)
    code, _, err = tool(*verb, "x.json")
    assert code == 1
    assert err


def test_a_stack_that_is_stopped_is_told_and_files_still_work(tool, keep, home):
    keep(make("train"))
    config = {"version": 1, "url": "http://127.0.0.1:9", "org": "o", "bucket": "b"}
    secret = "T0KEN-very-secret"
    path = home / ".multimeter" / "visu.config.json"
    path.write_text(json.dumps({**config, "token": secret, "read_token": secret}))
    code, out, err = tool("ls")
    assert code == 0
    assert "train" in out
    assert "multimeter-visu start" in err
    assert tool("show", "train")[0] == 0
    code, _, more = tool("show", "none")
    assert code == 1
    assert "does not answer" in more
    code, _, left = tool("import", home / ".multimeter" / "runs")
    assert code == 1
    assert "train.json did not arrive" in left
    assert secret not in out + err + more + left


def test_an_import_needs_a_stack(tool, keep):
    path = keep(make("train"))
    code, _, err = tool("import", path)
    assert code == 1
    assert "multimeter-visu install" in err


def test_a_configuration_that_is_damaged_is_said_and_files_are_found(tool, keep, home):
    keep(make("train"))
    path = home / ".multimeter" / "visu.config.json"
    path.write_text("{")
    for words in (("ls",), ("show", "@latest")):
        code, out, err = tool(*words)
        assert (code, "train" in out) == (0, True)
        assert "cannot be read" in err
    for words in (("show", "nonesuch"), ("show", "@latest", "-c", str(path))):
        code, _, err = tool(*words)
        assert code == 1
        assert "cannot be read" in err


def test_a_run_in_the_future_is_listed_last(runs, capsys):
    storage = FileStorage(runs, JsonFormat())
    for name, start in (("old", START), ("ahead", 2**33), ("new", START + 100)):
        storage.store(make(name, start))
    with pytest.raises(SystemExit):
        main(["ls", "--json"])
    listed = json.loads(capsys.readouterr().out)["runs"]
    assert [each["identifier"] for each in listed] == ["new", "old", "ahead"]


def ended(capsys, *words):
    """Run the tool; return its exit code and its error output."""
    with pytest.raises(SystemExit) as raised:
        main(list(words))
    return raised.value.code, capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.xlsx", "x.txt", "x.csv.bak"])
def test_an_export_to_an_unknown_ending_is_refused(runs, home, capsys, name):
    FileStorage(runs, JsonFormat()).store(make("x"))
    code, said = ended(capsys, "export", "x", "-o", name)
    assert code == 1
    assert ".csv, .json, .line, .parquet" in said
    assert not (home / name).exists()
    assert ended(capsys, "export", "x", "-o", name, "--format", "csv")[0] == 0


@pytest.mark.parametrize("name", ["noending", "x.CSV", "x.csv"])
def test_without_an_ending_an_export_is_csv(runs, home, capsys, name):
    FileStorage(runs, JsonFormat()).store(make("x"))
    assert ended(capsys, "export", "x", "-o", name)[0] == 0
    assert (home / name).read_text().startswith("time,")


@pytest.mark.parametrize(
    "words",
    [
        ["ls", "--folder", "nofolder"],
        ["show", "x", "--folder", "nofolder"],
        ["compare", "x", "y", "--folder", "nofolder"],
        ["export", "x", "--folder", "nofolder"],
        ["gate", "x", "--max", "cpu=1", "--folder", "nofolder"],
        ["ls", "--folder", "file"],
        ["deliver", "nofolder"],
        ["deliver", "file"],
        ["deliver", "--token-file", "nofile"],
        ["deliver", "--url-file", "nofile"],
        ["deliver", "--ca", "nofile"],
    ],
)
def test_a_path_that_is_misspelt_is_wrong_usage(home, capsys, words):
    (home / "file").write_text("")
    code, said = ended(capsys, *words)
    assert code == 2
    assert words[-1] in said


def test_files_are_listed_whatever_the_configuration_is(runs, home, capsys):
    FileStorage(runs, JsonFormat()).store(make("x"))
    (home / ".multimeter" / "visu.config.json").write_text('{"environment": {}}')
    for words, code in ((["ls"], 0), (["ls", "-c", "missing.json"], 1)):
        with pytest.raises(SystemExit) as raised:
            main(words)
        out, err = capsys.readouterr()
        assert raised.value.code == code
        assert "x.json" in out
        assert "0.1" in err if code == 0 else "missing.json" in err


@pytest.mark.parametrize(
    ("columns", "last"), [(66, "PEAK MEMORY"), (72, "CPU"), (79, "STATE"), (200, "WHERE")]
)
def test_a_narrow_terminal_breaks_no_line_of_the_list(
    runs, capsys, monkeypatch, columns, last
):
    FileStorage(runs, JsonFormat()).store(make("a-name-of-20-letters"))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    with pytest.raises(SystemExit):
        main(["ls"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].rstrip().endswith(last)


def merged(name):
    """Return a run as a database gives it back that has two of the same name and tags."""
    result = make(name, START)
    result.add_meta_data(baseline={"time_ns": (START + 10) * S, "values": {}})
    return result


def test_points_of_earlier_runs_are_mentioned_wherever_figures_are_shown(keep, capsys):
    keep(merged("twice"))
    keep(make("once"))
    for words in (["show", "twice"], ["compare", "once", "twice"]):
        with pytest.raises(SystemExit) as raised:
            main(words)
        assert raised.value.code == 0
        said = capsys.readouterr().out
        assert "Earlier runs of this name: 9 points" in said
        assert "warm" not in said  # a mark of the earlier run
    with pytest.raises(SystemExit):
        main(["show", "twice", "--json"])
    assert json.loads(capsys.readouterr().out)["earlier_points"] == 9


@pytest.mark.parametrize("words", [["twice"], ["once", "--baseline", "twice"]])
def test_a_gate_refuses_runs_that_are_several(keep, capsys, words):
    keep(merged("twice"))
    keep(make("once"))
    code, said = ended(capsys, "gate", *words, "--max", "cpu_time=9h")
    assert (code, "earlier runs" in said) == (2, True)


def test_where_not_everything_could_be_read_it_is_not_said_that_there_are_no_runs(
    tool, monkeypatch
):
    monkeypatch.setenv("INFLUXDB_V2_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("INFLUXDB_V2_TOKEN", "t")
    code, out, err = tool("ls")
    assert (code, out) == (0, "No runs were found.\n")
    assert "127.0.0.1:9 does not answer" in err


def test_one_point_is_one_point(tool, keep):
    keep(make("one", points=1))
    assert ", 1 point\n" in tool("show", "one")[1]


# --- rm


def test_a_run_is_removed_by_its_name_and_by_its_path(tool, keep):
    first, second, third = (keep(make(name)) for name in ("a", "b", "c"))
    code, out, _ = tool("rm", "a", second, "--yes")
    assert code == 0
    assert out.splitlines() == [f"Removed: a ({first})", f"Removed: b ({second})"]
    assert [first.exists(), second.exists(), third.exists()] == [False, False, True]


def test_a_run_that_is_named_twice_is_removed_once(tool, keep):
    path = keep(make("a"))
    code, out, _ = tool("rm", "a", path, "@latest", "--yes")
    assert (code, out.count("Removed")) == (0, 1)


def test_a_beginning_is_not_enough_to_remove_a_run(tool, keep):
    path = keep(make("train-2"))
    code, _, err = tool("rm", "train", "--yes")
    assert code == 1
    assert "'train-2' begins so" in err
    assert path.exists()


def test_nothing_is_removed_where_one_of_several_is_not_there(tool, keep):
    path = keep(make("a"))
    code, _, err = tool("rm", "a", "zz", "--yes")
    assert code == 1
    assert "There is no run 'zz'" in err
    assert path.exists()


def test_nothing_is_removed_where_nothing_can_be_asked(tool, keep, monkeypatch):
    path = keep(make("a"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    code, out, err = tool("rm", "a")
    assert code == 1
    assert out == f"a ({path})\n"
    assert "--yes" in err
    assert path.exists()


@pytest.mark.parametrize(("typed", "is_left"), [("y\n", False), ("n\n", True)])
def test_a_person_is_asked(tool, keep, monkeypatch, typed, is_left):
    path = keep(make("a"))
    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    code, out, _ = tool("rm", "a")
    assert "Remove this run for good?" in out
    assert (code != 0, path.exists()) == (is_left, is_left)


def test_a_file_that_is_no_run_is_not_removed(tool, home):
    path = home / "settings.json"
    path.write_text('{"theme": "dark"}')
    code, _, err = tool("rm", path, "--yes")
    assert code == 1
    assert "settings.json" in err
    assert path.exists()
