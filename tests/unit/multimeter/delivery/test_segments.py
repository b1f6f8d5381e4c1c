from __future__ import annotations

import errno
import os
import shutil
import threading

import pytest

from multimeter.delivery.frames import frame
from multimeter.delivery.segments import read_segment, remove_segment, set_segment_aside
from multimeter.delivery.spool import FolderInfo, Spool, new_folder_name

PLACE = {"kind": "memory", "name": "a"}


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", PLACE, sync=False)


@pytest.fixture
def folder(spool):
    return spool.create(new_folder_name(PLACE), iter(range(1, 100)))


def again(folder):
    """Return the folder as the next program finds it, after this one was killed."""
    folder.abandon()
    found = FolderInfo(folder.path).own()
    assert found is not None
    return found


def content(segment):
    found = read_segment(segment)
    return found.lines, found.damaged


def lines_of(folder):
    found = []
    while segment := folder.take():
        found += read_segment(segment).lines
    return found


def test_records_come_back_in_order(folder):
    for line in (b"1", b"2", b"3"):
        folder.append(line)
    assert folder.records == 3
    assert lines_of(folder) == [b"1", b"2", b"3"]
    assert (folder.records, folder.size) == (0, 0)


def test_a_segment_that_was_taken_is_never_added_to(folder):
    folder.append(b"1")
    segment = folder.take()
    folder.append(b"2")
    assert content(segment) == ([b"1"], 0)
    assert lines_of(folder) == [b"2"]


def test_what_was_written_is_there_after_a_kill(folder):
    folder.append(b"1")
    folder.freeze()
    folder.append(b"2")
    found = again(folder)
    assert found.records == 2
    assert lines_of(found) == [b"1", b"2"]


def test_a_batch_keeps_its_id_over_a_kill(folder):
    folder.append(b"1")
    segment = folder.take()
    first = segment.batch
    assert again(folder).take().batch == first


def test_a_torn_end_is_counted_and_all_before_it_is_there(folder):
    folder.append(b"1")
    folder.append(b"2")
    path = folder.growing.path
    path.write_bytes(path.read_bytes()[:-1])
    found = again(folder)
    assert found.records == 2
    assert content(found.take()) == ([b"1"], 1)


def test_only_what_was_delivered_is_removed(folder):
    folder.append(b"1")
    first = folder.take()
    folder.append(b"2")
    remove_segment(first)
    remove_segment(first)
    assert lines_of(again(folder)) == [b"2"]


def test_a_damaged_segment_is_set_aside_and_not_sent_again(folder):
    folder.append(b"1")
    path = set_segment_aside(folder.take())
    assert path.exists()
    assert again(folder).records == 0


def test_a_short_write_leaves_no_trace(folder, monkeypatch):
    folder.append(b"1")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
        with pytest.raises(OSError, match="No space"):
            folder.append(b"2")
    folder.append(b"3")
    assert content(folder.take()) == ([b"1", b"3"], 0)


def test_where_a_short_write_cannot_be_cut_off_the_next_file_begins(folder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EIO, "broken")

    folder.append(b"1")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(OSError):
            folder.append(b"2")
    folder.append(b"3")
    assert lines_of(folder) == [b"1", b"3"]


def test_a_full_disk_refuses_and_the_records_before_it_stay(folder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "full")

    folder.append(b"1")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        with pytest.raises(OSError):
            folder.append(b"2")
    assert (folder.records, folder.size) == (1, len(frame(b"1")))
    assert lines_of(folder) == [b"1"]


def test_a_batch_from_memory_is_kept_whole_under_its_own_id(folder):
    segment = folder.keep(7, [b"1", b"2"])
    assert folder.records == 0
    assert content(segment) == ([b"1", b"2"], 0)
    found = again(folder).take()
    assert (found.batch, found.records) == (segment.batch, 2)


def test_a_batch_that_does_not_fit_leaves_nothing(folder, monkeypatch):
    monkeypatch.setattr(
        os, "fdopen", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full"))
    )
    with pytest.raises(OSError):
        folder.keep(7, [b"1"])
    assert again(folder).records == 0


def test_older_batches_that_come_late_are_put_first(folder):
    next(folder._numbers)
    folder.append(b"2")
    folder.freeze()
    folder.insert(folder.keep(1, [b"1"]))
    assert folder.records == 2
    assert lines_of(folder) == [b"1", b"2"]


def test_an_empty_folder_is_removed_when_it_is_closed(folder):
    folder.append(b"1")
    remove_segment(folder.take())
    folder.close()
    assert not folder.path.exists()


def test_a_folder_with_records_stays_when_it_is_closed(folder):
    folder.append(b"1")
    folder.close()
    found = FolderInfo(folder.path).own()
    assert lines_of(found) == [b"1"]


def test_a_folder_that_vanished_can_be_closed(folder):
    folder.append(b"1")
    shutil.rmtree(folder.path)
    folder.close()


def test_an_empty_file_is_no_batch(folder):
    (folder.path / "00000009").touch()
    found = again(folder)
    assert found.take() is None
    assert not (folder.path / "00000009").exists()


class TestWithSync:
    @pytest.fixture
    def syncs(self, monkeypatch):
        found = []
        fsync = os.fsync

        def count(descriptor):
            found.append(descriptor)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", count)
        return found

    @pytest.fixture
    def folder(self, tmp_path, syncs):
        spool = Spool(tmp_path / "spool", PLACE, sync=True)
        folder = spool.create(new_folder_name(PLACE), iter(range(1, 100)))
        folder.append(b"first")
        syncs.clear()
        return folder

    def test_records_that_wait_share_one_sync(self, folder, syncs):
        tickets = [folder.append(b"%d" % n) for n in range(100)]
        threads = [threading.Thread(target=folder.commit, args=(t,)) for t in tickets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(syncs) == 1

    def test_what_is_frozen_is_safe_already(self, folder, syncs):
        ticket = folder.append(b"1")
        folder.freeze()
        assert len(syncs) == 1
        folder.commit(ticket)
        assert len(syncs) == 1

    def test_a_disk_that_fails_is_told_to_whoever_waits(self, folder, monkeypatch):
        def fail(_):
            raise OSError(errno.EIO, "broken")

        ticket = folder.append(b"1")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="broken"):
            folder.commit(ticket)
        folder.freeze()
        with pytest.raises(OSError, match="may be lost"):
            folder.commit(ticket)
