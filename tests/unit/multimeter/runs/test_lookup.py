from __future__ import annotations

import time

import pytest

from multimeter import ConfigurationError, FileStorage, JsonFormat, Result
from multimeter.runs.lookup import UnknownRunError, load_run
from multimeter.runs.source import Listing, RunEntry

S = 10**9


class Source:
    """Runs in memory, by identifier with the second of their start."""

    def __init__(self, trouble=(), **runs):
        self.runs, self.trouble = runs, trouble

    def list(self):
        entries = (RunEntry(k, "memory", v * S) for k, v in self.runs.items())
        return Listing(tuple(entries), tuple(self.trouble))

    def find(self, identifier):
        return None

    def load(self, entry):
        return Result(identifier=entry.identifier, tags={"start": entry.start_ns // S})


def chosen(word, *sources):
    warned = []
    result = load_run(word, lambda: sources, warned.append)
    return result.identifier, result.tags["start"], warned


RUNS = {"train-1": 1, "train-10": 9, "other": 5}


def test_an_identifier_is_meant_before_its_beginning():
    assert chosen("train-1", Source(**RUNS)) == ("train-1", "1", [])


def test_a_beginning_that_only_one_has_is_enough():
    assert chosen("oth", Source(**RUNS))[0] == "other"


def test_a_beginning_of_several_is_refused_with_their_names():
    with pytest.raises(UnknownRunError, match="train-1, train-10"):
        chosen("train", Source(**RUNS))


@pytest.mark.parametrize(
    ("word", "name"), [("@latest", "train-10"), ("@1", "train-10"), ("@3", "train-1")]
)
def test_the_latest_is_the_one_that_started_last(word, name):
    assert chosen(word, Source(other=5), Source(**{"train-1": 1, "train-10": 9}))[0] == name


def test_a_run_in_the_future_is_not_the_latest():
    now = time.time_ns() // S
    source = Source(wrong=2**33, ahead=now + 400, fast=now + 200, slow=now - 5)
    names = [chosen(word, source)[0] for word in ("@latest", "@2")]
    assert names == ["fast", "slow"]
    with pytest.raises(UnknownRunError, match="2 are known"):
        chosen("@3", source)
    assert chosen("wrong", source)[0] == "wrong"


def test_more_back_than_there_are_is_a_clear_error():
    with pytest.raises(UnknownRunError, match="3 are known"):
        chosen("@4", Source(**RUNS))


def test_an_unknown_name_is_answered_with_near_ones():
    with pytest.raises(UnknownRunError, match="Near to it: train-1"):
        chosen("trian-1", Source(**RUNS))


def test_of_two_places_the_first_is_taken():
    assert chosen("other", Source(other=1), Source(other=2))[1] == "1"


def test_what_could_not_be_asked_is_said_in_any_case():
    away = Source(trouble=["The stack does not answer."])
    assert chosen("oth", Source(other=1), away)[2] == ["The stack does not answer."]
    with pytest.raises(UnknownRunError) as unknown:
        chosen("none", Source(other=1), away)
    assert "The stack does not answer." in unknown.value.cause


def test_a_path_asks_nobody(tmp_path):
    FileStorage(tmp_path, JsonFormat()).store(Result(identifier="mine"))
    path = str(tmp_path / "mine.json")
    assert load_run(path, lambda: pytest.fail("asked"), print).identifier == "mine"


def test_a_folder_is_no_run(tmp_path):
    with pytest.raises(ConfigurationError, match="is a folder"):
        chosen(str(tmp_path), Source())


@pytest.mark.parametrize("word", ["", "@0", "@x", "../../etc/passwd", "\0", "x" * 5000])
def test_odd_words_are_clear_errors(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownRunError):
        chosen(word, Source(**RUNS))


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("train@1", "train"),
        ("train@2", "train-3"),
        ("train@3", "train-2"),
        ("train@latest", "train-2"),
        ("train@-1", "train-3"),
        ("train@-2", "train"),
        ("train-3@latest", "train-3"),
        ("odd@2", "odd@2"),
    ],
)
def test_a_run_of_a_name_has_a_place_in_the_order_of_starts(word, name):
    runs = {"train": 1, "train-2": 5, "train-3": 4, "trainer": 9, "odd@2": 2, "odd": 3}
    runs |= {"train-9": 2**62}  # far in the future: its clock is wrong
    assert chosen(word, Source(**runs))[0] == name


@pytest.mark.parametrize("word", ["train@3", "train@-2", "none@latest", "train@0"])
def test_a_place_that_no_run_has_is_a_clear_error(word):
    with pytest.raises(UnknownRunError, match="There is no run"):
        chosen(word, Source(train=1, **{"train-2": 2}))


def test_the_latest_of_a_name_may_be_in_the_second_of_two_places():
    folder, stack = Source(train=5, **{"train-2": 6}), Source(train=8, **{"train-2": 3})
    assert chosen("train@latest", folder, stack)[1] == "8"
    assert chosen("@latest", folder, stack)[1] == "8"
    assert [chosen(f"@{n}", folder, stack)[1] for n in range(1, 5)] == ["8", "6", "5", "3"]
    assert chosen("train", folder, stack)[1] == "5"


def test_a_run_that_is_in_two_places_counts_once():
    folder, stack = Source(a=5, b=7), Source(a=5, b=7)
    assert [chosen(f"@{n}", folder, stack)[0] for n in (1, 2)] == ["b", "a"]
    with pytest.raises(UnknownRunError, match="2 are known"):
        chosen("@3", folder, stack)
