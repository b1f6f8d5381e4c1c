from __future__ import annotations

import gzip
import os

import pytest

from multimeter import (
    FileStorage,
    FormatError,
    JsonFormat,
    LineFormat,
    Result,
    StorageError,
)
from multimeter.runs import files
from multimeter.runs.files import Folder, load_file

S = 10**9
FORMATS = [JsonFormat(), LineFormat()]


def run(name="train", points=3):
    result = Result(identifier=name, tags={"who": "me"})
    for number in range(points):
        result.append((100 + number) * S, {"rig.load": float(number)})
    result.add_mark(101 * S, "half")
    result.add_meta_data(command="python")
    return result


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


def stored(folder, result, file_format):
    storage = FileStorage(folder, file_format)
    storage.store(result)
    return storage.path(result.identifier)


@pytest.fixture
def no_whole_reads(monkeypatch):
    monkeypatch.setattr(files, "load_file", lambda _path: pytest.fail("it was read whole"))


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_ends_of_a_file_tell_of_its_run(folder, file_format, no_whole_reads):
    path = stored(folder, run(), file_format)
    (entry,) = Folder(folder).list().entries
    assert entry.identifier == "train"
    assert entry.where == str(path)
    assert (entry.start_ns, entry.end_ns) == (100 * S, 102 * S)
    assert entry.tags == {"who": "me"}
    assert entry.state == "ended"


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_run_of_no_points_has_no_times(folder, file_format, no_whole_reads):
    stored(folder, run(points=0), file_format)
    (entry,) = Folder(folder).list().entries
    assert (entry.start_ns, entry.end_ns, entry.points) == (None, None, 0)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_is_loaded_as_it_was_stored(folder, file_format, zipped):
    path = stored(folder, run(), file_format)
    if zipped:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    source = Folder(folder)
    (entry,) = source.list().entries
    assert entry.points in (None, 3)
    assert source.load(entry) == run()
    assert source.load(source.find("train")) == run()


def test_a_file_of_another_layout_is_read_whole(folder):
    path = stored(folder, run(), JsonFormat())
    import json

    path.write_text(json.dumps(json.loads(path.read_text()), indent=2))
    (entry,) = Folder(folder).list().entries
    assert (entry.identifier, entry.points) == ("train", 3)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_large_file_that_is_torn_is_listed_by_its_name(folder, file_format, monkeypatch):
    monkeypatch.setattr(files, "_SMALL", 10)
    path = stored(folder, run(), file_format)
    path.write_bytes(path.read_bytes()[:-200])
    (entry,) = Folder(folder).list().entries
    assert (entry.identifier, entry.start_ns, entry.is_small) == ("train", None, False)


def test_what_cannot_be_read_is_said_and_the_rest_is_listed(folder):
    stored(folder, run(), JsonFormat())
    (folder / "bad.json").write_text('{"identifier": "x"')
    (folder / "odd.line").write_bytes(b"\xff\xfe")
    (folder / "torn.json.gz").write_bytes(gzip.compress(b"{}" * 500)[:20])
    (folder / "no.json.gz").write_text("no gzip")
    (folder / "notes.txt").write_text("not a run")
    (folder / ".multimeter-draft.json").write_text("")
    (folder / "folder.json").mkdir()
    listing = Folder(folder).list()
    assert [entry.identifier for entry in listing.entries] == ["train"]
    assert len(listing.problems) == 4
    for name in ("bad.json", "odd.line", "torn.json.gz", "no.json.gz"):
        assert any(name in each for each in listing.problems)


def test_a_folder_that_is_not_there_has_no_runs(folder):
    assert Folder(folder).list().entries == ()
    assert Folder(folder).list().problems == ()


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be read" in Folder(tmp_path / "file").list().problems[0]


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "run.txt").write_text("")
    with pytest.raises(FormatError, match="not known"):
        load_file(tmp_path / "run.txt")


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path):
    with pytest.raises(StorageError, match="No such file"):
        load_file(tmp_path / "run.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_a_pipe_is_not_waited_for(folder):
    folder.mkdir()
    os.mkfifo(folder / "pipe.json")
    stored(folder, run(), JsonFormat())
    listing = Folder(folder).list()
    assert [entry.identifier for entry in listing.entries] == ["train"]
