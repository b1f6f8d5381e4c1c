from __future__ import annotations

import errno
import gc
import io
import os
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimeter import (
    ConfigurationError,
    FileFormat,
    FileStorage,
    FormatError,
    JsonFormat,
    LineFormat,
    Result,
    Storage,
    StorageError,
)
from multimeter.storages.file import file_name

HOSTILE = [
    "../x",
    "..",
    ".",
    "/etc/x",
    "a/b",
    "a\\b",
    "C:\\x",
    "a\x00b",
    "a\nb",
    "x" * 300,
    "ü" * 300,
    "😀" * 300,
    "😀 run",
    ".hidden",
    "trailing.",
    "trailing ",
    " ",
    "~root",
    "%2E%2E",
    "con",
    "NUL.txt",
    "COM1",
    "lpt¹",
    "\ud800",
    'a:b*c?d"e<f>g|h',
    "-rf",
]


def result_of(identifier, value=1.0):
    result = Result(identifier=identifier)
    result.append(1, {"a.b": value})
    return result


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_storage_is_a_storage_that_tells_its_folder_and_format(tmp_path):
    file_format = JsonFormat()
    storage = FileStorage(str(tmp_path), file_format)
    assert isinstance(storage, Storage)
    assert (storage.save_directory, storage.file_format) == (tmp_path, file_format)


def test_a_folder_must_be_given():
    with pytest.raises(ConfigurationError, match="'save_directory' must be set"):
        FileStorage(None, JsonFormat())


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_a_result_is_a_file_of_its_identifier_in_a_folder_that_is_made(
    tmp_path, file_format
):
    folder = tmp_path / "new" / "folder"
    storage = FileStorage(folder, file_format)
    storage.store(result_of("run"))
    assert files_in(folder) == [f"run{file_format.extension}"]
    assert storage.load("run") == result_of("run")


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_a_second_run_of_the_same_identifier_gets_a_number(tmp_path, file_format):
    for value in (1.0, 2.0, 3.0):
        FileStorage(tmp_path, file_format).store(result_of("run", value))
    storage = FileStorage(tmp_path, file_format)
    names = ["run", "run-2", "run-3"]
    assert files_in(tmp_path) == sorted(f"{n}{file_format.extension}" for n in names)
    loaded = [storage.load(name) for name in names]
    assert [each.identifier for each in loaded] == names
    assert [each.values("a.b")[0] for each in loaded] == [1.0, 2.0, 3.0]


def test_the_result_says_under_which_identifier_it_was_stored(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    first, second = result_of("run", 1.0), result_of("run", 2.0)
    storage.store(first)
    storage.store(second)
    assert (first.identifier, second.identifier) == ("run", "run-2")
    assert storage.path_of(second) == tmp_path / "run-2.json"
    assert storage.path_of(result_of("run")) is None


def test_the_same_run_stored_again_replaces_its_own_file(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    storage.store(result_of("run", 1.0))
    result = result_of("run", 2.0)
    storage.store(result)
    result.append(2, {"a.b": 3.0})
    storage.store(result)
    assert files_in(tmp_path) == ["run-2.json", "run.json"]
    assert list(storage.load("run-2").values("a.b")) == [2.0, 3.0]


def test_identical_bytes_are_stored_once(tmp_path):
    for _ in range(2):
        FileStorage(tmp_path, JsonFormat()).store(result_of("run"))
    assert files_in(tmp_path) == ["run.json"]


def test_a_name_that_ends_like_a_number_is_taken_by_whoever_comes_first(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    results = [result_of(name, n) for n, name in enumerate(["run", "run-2", "run"])]
    for each in results:
        storage.store(each)
    assert [each.identifier for each in results] == ["run", "run-2", "run-3"]


@pytest.mark.parametrize("kind", ["folder", "dangling link", "damaged"])
def test_what_is_in_the_way_is_left_alone(tmp_path, kind):
    path = tmp_path / "run.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text('{"half":')
    result = result_of("run")
    FileStorage(tmp_path, JsonFormat()).store(result)
    assert files_in(tmp_path) == ["run-2.json", "run.json"]
    assert result.identifier == "run-2"


def test_two_runs_of_one_identifier_that_end_at_the_same_moment_are_two(tmp_path):
    barrier = threading.Barrier(8)

    def store(value):
        result = result_of("run", float(value))
        barrier.wait()
        FileStorage(tmp_path, JsonFormat()).store(result)
        return result.identifier

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(store, range(8)))
    assert sorted(names) == sorted(["run", *(f"run-{n}" for n in range(2, 9))])
    storage = FileStorage(tmp_path, JsonFormat())
    values = [storage.load(name).values("a.b")[0] for name in names]
    assert values == [float(n) for n in range(8)]


def test_a_file_system_without_links_keeps_both(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for value in (1.0, 2.0):
        FileStorage(tmp_path, JsonFormat()).store(result_of("run", value))
    assert files_in(tmp_path) == ["run-2.json", "run.json"]


def test_a_storage_can_be_handed_to_another_process(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    storage.store(result_of("run"))
    copy = pickle.loads(pickle.dumps(storage))
    assert copy.load("run") == result_of("run")


@pytest.mark.parametrize("identifier", HOSTILE)
def test_a_hostile_identifier_stays_inside_the_folder(tmp_path, identifier):
    folder = tmp_path / "in" / "here"
    storage = FileStorage(folder, JsonFormat())
    storage.store(result_of(identifier))
    (name,) = files_in(folder)
    assert files_in(tmp_path / "in") == sorted(["here", name])
    assert storage.path(identifier) == folder / name
    assert storage.load(identifier).identifier == identifier


def test_hostile_identifiers_have_files_of_their_own(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    for identifier in HOSTILE:
        storage.store(result_of(identifier))
    assert len(files_in(tmp_path)) == len(HOSTILE)


@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_a_file_name_is_one_that_every_file_system_takes(identifier):
    name = file_name(identifier)
    assert not re.search(r'[\x00-\x1f/\\:*?"<>|]', name)
    assert name not in {"", ".", ".."}
    assert name[0] != "."
    assert name[-1] not in ". "
    assert len(name.encode()) <= 200


@given(st.lists(st.text(st.characters(exclude_categories=()), min_size=1), unique=True))
def test_different_identifiers_have_different_file_names(identifiers):
    assert len({file_name(each) for each in identifiers}) == len(identifiers)


def test_the_file_name_of_a_long_identifier_is_not_that_of_another():
    cut = file_name("x" * 300)
    assert file_name("x" * 299) != cut
    assert file_name(cut) != cut


@pytest.mark.parametrize(
    "identifier", ["run-1", "Lauf Ø 3", "日本", "a.b", "20211128T120000-ab"]
)
def test_a_harmless_identifier_is_its_own_file_name(identifier):
    assert file_name(identifier) == identifier


def test_a_result_without_an_identifier_is_refused(tmp_path):
    with pytest.raises(StorageError, match="no identifier"):
        FileStorage(tmp_path, JsonFormat()).store(Result())
    assert files_in(tmp_path) == []


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    storage = FileStorage(tmp_path / "file", JsonFormat())
    with pytest.raises(StorageError, match="could not be written") as caught:
        storage.store(result_of("run"))
    assert "still in memory" in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; see integration")
def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        FileStorage(tmp_path, JsonFormat()).store(result_of("run"))


class BrokenFormat(JsonFormat):
    """Fails in the middle of a file."""

    def save_result_to_stream(self, result, stream):
        stream.write(b'{"half":')
        raise self.error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left on device"), StorageError),
        (FormatError("no"), FormatError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_fails_in_the_middle_leaves_the_file_from_before(tmp_path, error, raised):
    FileStorage(tmp_path, JsonFormat()).store(result_of("run", 1.0))
    broken = BrokenFormat()
    broken.error = error
    with pytest.raises(raised):
        FileStorage(tmp_path, broken).store(result_of("run", 2.0))
    assert files_in(tmp_path) == ["run.json"]
    loaded = FileStorage(tmp_path, JsonFormat()).load("run")
    assert list(loaded.values("a.b")) == [1.0]


def test_a_file_that_is_not_there_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="cannot be read"):
        FileStorage(tmp_path, JsonFormat()).load("run")


class WriteOnlyFormat(FileFormat):
    """A format of someone else, which implements what it has to and no more."""

    @property
    def extension(self):
        return ".txt"

    def save_result_to_stream(self, result, stream):
        stream.write(result.identifier.encode())


def test_a_format_of_ones_own_need_not_be_loaded(tmp_path):
    storage = FileStorage(tmp_path, WriteOnlyFormat())
    storage.store(Result(identifier="run"))
    assert (tmp_path / "run.txt").read_text() == "run"
    with pytest.raises(FormatError, match="WriteOnlyFormat cannot be read back"):
        storage.load("run")


class SlowStream(io.RawIOBase):
    """A raw stream that takes seven bytes at a time."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data[:7])
        return min(7, len(data))


@pytest.mark.parametrize("file_format", [JsonFormat(), LineFormat()])
def test_a_raw_stream_that_takes_a_part_gets_everything(file_format):
    stream = SlowStream()
    file_format.save_result_to_stream(result_of("run"), stream)
    assert file_format.load(io.BytesIO(stream.data)) == result_of("run")


def test_a_stream_that_takes_nothing_is_an_error():
    stream = SlowStream()
    stream.write = lambda data: None
    with pytest.raises(StorageError, match="takes nothing"):
        JsonFormat().save_result_to_stream(result_of("run"), stream)


def test_a_storage_does_not_remember_results_that_are_gone(tmp_path):
    storage = FileStorage(tmp_path, JsonFormat())
    for number in range(5):
        storage.store(result_of(f"run {number}"))
    gc.collect()
    assert len(storage._stored) == 0
