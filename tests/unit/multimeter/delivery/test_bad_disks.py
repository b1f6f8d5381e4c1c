"""Disks that fail to sync, to read, to make a name; and what they may leave of a spool."""

from __future__ import annotations

import errno
import logging
import os
import pathlib
import random
import stat
import struct
import sys
import threading
import time
import zlib

import pytest

from multimeter.delivery import Delivery
from multimeter.delivery import queue as queue_module
from multimeter.delivery.folder import SegmentFolder
from multimeter.delivery.incident_log import IncidentLog
from multimeter.delivery.segments import read_segment
from multimeter.delivery.spool import (
    Spool,
    folders_of,
    foreign_folders,
    new_folder_name,
)
from multimeter.errors import StorageError
from multimeter.sinks.base import Accepted, Rejected, Retry
from multimeter.sinks.memory import MemorySink

SECONDS = 60
PLACE = MemorySink().address

posix = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX does")


def numbers(start, stop):
    return [b"%d" % n for n in range(start, stop)]


def stored(sink):
    return list(sink.lines.values())


def io_error(*_, **__):
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def descriptors_open():
    return len(list(pathlib.Path("/proc/self/fd").iterdir()))


def folder_of(driven):
    return driven.queue._own


class Syncs:
    """Stands before ``os.fsync``, and fails where it is told.

    Attributes:
        failing: Whether files fail.
        failing_folders: Whether folders fail.
        synced: What each file, by its inode, had when it was synced for the last time.
    """

    def __init__(self, monkeypatch):
        self.failing = self.failing_folders = False
        self.synced = {}
        self._clean = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor):
        path = pathlib.Path(f"/proc/self/fd/{descriptor}").resolve()
        inode = path.stat().st_ino
        if self.failing_folders if path.is_dir() else self.failing:
            # The system takes the pages for clean from now on, whatever is on the disk.
            self._clean.add(inode)
            io_error()
        self._fsync(descriptor)
        if path.is_file() and inode not in self._clean:
            self.synced[inode] = path.read_bytes()


class ForgetfulDisk:
    """Forgets the bytes of a file whose sync has failed, and one in five fails.

    Args:
        seed: Decides which.
    """

    def __init__(self, seed):
        self._timing = random.Random(seed)
        self._fsync = os.fsync
        self._files = {}  # inode to a descriptor: so that no other file gets the number
        self._content = {}
        self._forgotten = set()

    def fsync(self, descriptor):
        status = os.fstat(descriptor)
        if not stat.S_ISDIR(status.st_mode):
            if status.st_ino not in self._files:
                self._files[status.st_ino] = os.dup(descriptor)
            data = pathlib.Path(f"/proc/self/fd/{descriptor}").read_bytes()
            if self._timing.random() < 0.2:
                self._forgotten.add(status.st_ino)
                io_error()
            if status.st_ino not in self._forgotten:
                self._content[status.st_ino] = data
        self._fsync(descriptor)

    def content(self):
        """Return all that is on it; nothing can be synced any more."""
        while self._files:
            os.close(self._files.popitem()[1])
        return b"".join(self._content.values())


@pytest.fixture
def syncs(monkeypatch):
    if not sys.platform.startswith("linux"):
        pytest.skip("asks /proc")
    return Syncs(monkeypatch)


@pytest.fixture
def safe_folder(tmp_path):
    spool = Spool(tmp_path / "spool", PLACE, sync=True)
    folder = spool.create(new_folder_name(PLACE), iter(range(1, 100)))
    yield folder
    folder.abandon()


class TestSyncsThatFail:
    def test_all_that_were_written_are_told_and_none_of_those_synced_before(
        self, safe_folder, syncs
    ):
        before = safe_folder.append(b"before")
        safe_folder.commit(before)
        tickets = [safe_folder.append(line) for line in (b"1", b"2", b"3")]
        syncs.failing = True
        with pytest.raises(OSError, match="Input/output"):
            safe_folder.commit(tickets[0])
        syncs.failing = False
        for ticket in tickets:
            with pytest.raises(OSError, match="may be lost"):
                safe_folder.commit(ticket)
        safe_folder.commit(before)

    def test_the_next_record_goes_to_another_file(self, safe_folder, syncs):
        failed = safe_folder.append(b"1")
        path = safe_folder.growing.path
        syncs.failing = True
        with pytest.raises(OSError):
            safe_folder.commit(failed)
        syncs.failing = False
        safe_folder.commit(safe_folder.append(b"2"))
        assert safe_folder.growing.path != path
        with pytest.raises(OSError, match="may be lost"):
            safe_folder.commit(failed)

    def test_a_file_that_failed_is_written_again_as_the_same_batch(
        self, safe_folder, syncs
    ):
        safe_folder.append(b"1")
        ticket = safe_folder.append(b"2")
        path, batch = safe_folder.growing.path, safe_folder.growing.batch
        inode = path.stat().st_ino
        syncs.failing = True
        with pytest.raises(OSError):
            safe_folder.commit(ticket)
        syncs.failing = False
        segment = safe_folder.take()
        assert (segment.path, segment.batch) == (path, batch)
        assert path.stat().st_ino != inode
        assert read_segment(segment).parts == [(0, [b"1", b"2"])]
        assert syncs.synced[path.stat().st_ino] == path.read_bytes()

    def test_one_that_fails_while_a_segment_is_frozen_is_told_to_who_waits(
        self, safe_folder, syncs
    ):
        ticket = safe_folder.append(b"1")
        syncs.failing = True
        safe_folder.freeze()
        syncs.failing = False
        safe_folder.commit(safe_folder.append(b"2"))
        with pytest.raises(OSError, match="may be lost"):
            safe_folder.commit(ticket)

    def test_what_is_added_while_a_sync_fails_is_told_too(self, safe_folder, monkeypatch):
        first = safe_folder.append(b"1")
        later = []

        def fail(_):
            later.append(safe_folder.append(b"2"))
            io_error()

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(OSError):
                safe_folder.commit(first)
        with pytest.raises(OSError, match="may be lost"):
            safe_folder.commit(later[0])

    def test_threads_that_share_a_sync_share_its_failure(self, tmp_path, monkeypatch):
        """Three threads have written when the first sync, of all three, fails."""
        delivery = Delivery(
            MemorySink(lambda _: Retry("down")),
            spool=tmp_path / "spool",
            tier="spool+fsync",
            exit_timeout=0,
        )
        delivery.put_line(b"before")
        fsync, written = os.fsync, threading.Barrier(3)
        first = threading.Lock()

        def fail_once(descriptor):
            if first.acquire(blocking=False):
                io_error()
            fsync(descriptor)

        commit = delivery._commit

        def commit_when_all_have_written(ticket):
            written.wait(SECONDS)
            commit(ticket)

        monkeypatch.setattr(os, "fsync", fail_once)
        monkeypatch.setattr(delivery, "_commit", commit_when_all_have_written)
        told = []

        def put(line):
            try:
                delivery.put_line(line)
            except StorageError as error:
                told.append(str(error))

        threads = [threading.Thread(target=put, args=(line,)) for line in numbers(0, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert len(told) == 3, told
        monkeypatch.setattr(delivery, "_commit", commit)
        delivery.put_line(b"after")
        assert delivery.close(0).queued == 5
        delivery._thread.join(SECONDS)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
    @pytest.mark.parametrize("seed", range(3))
    def test_whatever_fails_no_thread_is_told_that_a_lost_record_is_safe(
        self, tmp_path, monkeypatch, seed
    ):
        disk, safe = ForgetfulDisk(seed), set()
        delivery = Delivery(
            MemorySink(lambda _: Retry("down")),
            spool=tmp_path / "spool",
            tier="spool+fsync",
            batch_size=20,
            exit_timeout=0,
        )
        delivery.put_line(b"first")
        monkeypatch.setattr(os, "fsync", disk.fsync)

        def put_some(writer):
            for number in range(60):
                line = b"<%d-%d>" % (writer, number)
                before = delivery.stats().dropped
                try:
                    delivery.put_line(line)
                except StorageError:
                    continue
                if delivery.stats().dropped == before:
                    safe.add(line)

        threads = [threading.Thread(target=put_some, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        monkeypatch.undo()
        delivery.close(0)
        delivery._thread.join(SECONDS)
        assert len(safe) > 60
        content = disk.content()
        assert {line for line in safe if line not in content} == set()

    def test_a_batch_that_is_kept_has_a_safe_name(self, safe_folder, syncs):
        syncs.failing_folders = True
        with pytest.raises(OSError):
            safe_folder.keep(7, [b"1"])
        assert list(safe_folder.path.glob("0*")) == []

    @posix
    def test_no_descriptor_and_no_file_is_left_of_calls_that_fail(self, drive, sink, syncs):
        driven = drive(sink, tier="spool+fsync", when_full="drop_oldest")
        driven.put(b"1")
        folder_of(driven).freeze()
        descriptors = descriptors_open()
        files = len(list(folder_of(driven).path.iterdir()))
        syncs.failing_folders = True
        for _ in range(200):
            with pytest.raises(OSError):
                folder_of(driven).append(b"2")
        assert descriptors_open() == descriptors
        assert len(list(folder_of(driven).path.iterdir())) == files

    @posix
    @pytest.mark.parametrize("call", ["rename", "fsync", "mkdir"])
    def test_no_descriptor_and_no_folder_is_left_where_none_can_be_made(
        self, drive, sink, monkeypatch, tmp_path, call
    ):
        driven = drive(sink, tier="spool+fsync")
        (tmp_path / "spool").mkdir(mode=0o700, exist_ok=True)
        descriptors = descriptors_open()
        with monkeypatch.context() as patch:
            patch.setattr(os, call, io_error)
            driven.put(*numbers(0, 100))
        assert driven.counters.dropped == {"disk full": 100}
        assert descriptors_open() == descriptors
        assert list((tmp_path / "spool").iterdir()) == []
        driven.put(b"after")
        driven.run()
        assert stored(sink) == [b"after"]


class TestNames:
    @pytest.fixture
    def order(self, monkeypatch):
        """What was synced and renamed, in order."""
        found = []
        fsync, rename = os.fsync, os.rename

        def sync(descriptor):
            path = pathlib.Path(f"/proc/self/fd/{descriptor}").resolve()
            found.append(("sync", path.name))
            fsync(descriptor)

        def name(source, target, **more):
            found.append(("rename", pathlib.Path(target).name))
            rename(source, target, **more)

        monkeypatch.setattr(os, "fsync", sync)
        monkeypatch.setattr(os, "rename", name)
        return found

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")
    def test_all_names_are_safe_before_the_first_record_is_promised(self, order, tmp_path):
        root = tmp_path / "new" / "spool"
        folder = Spool(root, PLACE, sync=True).create("20260101T000000-a", iter([1]))
        folder.commit(folder.append(b"1"))
        after = order[order.index(("rename", folder.path.name)) + 1 :]
        assert ("sync", "spool") in after
        assert after.index(("sync", folder.path.name)) < after.index(
            ("sync", "00000001.v2")
        )
        before = order[: order.index(("rename", folder.path.name))]
        assert ("sync", f".{folder.path.name}") in before
        assert {("sync", tmp_path.name), ("sync", "new")} <= set(before)
        folder.abandon()


class TestWhatIsLeft:
    def left(self, tmp_path, *lines):
        """Return the folder of a program that was killed."""
        spool = Spool(tmp_path / "spool", PLACE, sync=False)
        folder = spool.create(new_folder_name(PLACE), iter(range(1, 9)))
        for line in lines:
            folder.append(line)
        folder.abandon()
        return folder.path

    def test_a_draft_with_records_is_found_and_sent_with_its_own_batches(
        self, tmp_path, drive, sink
    ):
        path = self.left(tmp_path, b"1")
        path.rename(path.with_name(f".{path.name}"))
        assert [each.records for each in folders_of(tmp_path / "spool")] == [1]
        driven = drive(sink)
        driven.run()
        assert sink.lines == {(f"{path.name}-00000001", 0): b"1"}
        driven.queue.close()
        assert list((tmp_path / "spool").iterdir()) == []

    @posix
    def test_a_draft_with_nothing_in_it_is_removed(self, tmp_path, drive, sink):
        path = self.left(tmp_path)
        path.rename(path.with_name(f".{path.name}"))
        empty = path.with_name(f".{new_folder_name(PLACE)}")
        empty.mkdir()
        assert folders_of(tmp_path / "spool") == []
        drive(sink)
        assert list((tmp_path / "spool").iterdir()) == []

    def test_a_draft_that_is_being_made_is_left_alone(
        self, tmp_path, drive, sink, monkeypatch
    ):
        seen = []
        rename = pathlib.Path.rename

        def look(path, target):
            if path.name.startswith("."):
                drive(MemorySink())
                seen.append(path.exists())
            return rename(path, target)

        monkeypatch.setattr(pathlib.Path, "rename", look)
        driven = drive(sink, tier="spool")
        driven.put(b"1")
        driven.run()
        assert seen == [True]
        assert stored(sink) == [b"1"]

    @posix
    def test_a_draft_that_another_program_removes_is_made_again(
        self, tmp_path, drive, sink, monkeypatch
    ):
        mkdir, removed = pathlib.Path.mkdir, []

        def make_and_lose(path, *args, **more):
            mkdir(path, *args, **more)
            if path.name.startswith(".") and not removed:
                path.rmdir()
                removed.append(path)

        monkeypatch.setattr(pathlib.Path, "mkdir", make_and_lose)
        driven = drive(sink, tier="spool")
        driven.put(b"1")
        driven.run()
        assert stored(sink) == [b"1"]

    def test_a_folder_without_a_lock_is_sent_or_removed(self, tmp_path, drive, sink):
        (self.left(tmp_path, b"1") / "lock").unlink()
        empty = self.left(tmp_path)
        for name in ("lock", "target.json"):
            (empty / name).unlink()
        assert [each.records for each in folders_of(tmp_path / "spool")] == [1]
        driven = drive(sink)
        driven.run()
        driven.queue.close()
        assert stored(sink) == [b"1"]
        assert list((tmp_path / "spool").iterdir()) == []

    def test_what_a_rewriting_program_left_is_removed(self, tmp_path, drive, sink):
        path = self.left(tmp_path, b"1")
        (path / ".multimeter-0123456789abcdef").write_bytes(b"half")
        driven = drive(sink)
        driven.run()
        driven.queue.close()
        assert list((tmp_path / "spool").iterdir()) == []

    def test_a_spool_of_an_earlier_version_is_sent_with_its_own_batches(
        self, tmp_path, drive, sink
    ):
        path = self.left(tmp_path)

        def frames(*lines):
            return b"".join(
                b"\xff" + struct.pack(">II", len(line), zlib.crc32(line, len(line))) + line
                for line in lines
            )

        (path / "00000001-2").write_bytes(frames(b"1", b"2"))
        (path / "00000002").write_bytes(frames(b"3"))
        driven = drive(sink)
        assert driven.counters.resumed == 3
        driven.run()
        assert sink.lines == {
            (f"{path.name}-00000001", 0): b"1",
            (f"{path.name}-00000001", 1): b"2",
            (f"{path.name}-00000002", 0): b"3",
        }

    @pytest.mark.parametrize("name", ["00000001-5", "00000001.v2-5"])
    def test_a_frozen_segment_of_which_nothing_is_left_is_counted(
        self, tmp_path, drive, sink, name, caplog
    ):
        path = self.left(tmp_path)
        (path / name).touch()
        driven = drive(sink)
        driven.run()
        assert driven.counters.dropped == {"damaged": 5}
        assert (path / f"{name}.damaged").exists()
        assert "could not be read" in caplog.text

    def test_an_empty_segment_before_others_is_counted_and_the_last_is_none(
        self, tmp_path, drive, sink
    ):
        path = self.left(tmp_path)
        for number in (1, 2):
            (path / f"0000000{number}.v2").touch()
        driven = drive(sink)
        driven.run()
        assert driven.counters.dropped == {"damaged": 1}
        assert driven.balance()

    @posix
    def test_a_pipe_with_the_name_of_a_segment_stops_nothing(self, tmp_path, drive, sink):
        path = self.left(tmp_path, b"1")
        os.mkfifo(path / "00000009.v2")
        driven = drive(sink)
        driven.run()
        assert stored(sink) == [b"1"]


class TestDamage:
    def test_a_damaged_record_keeps_its_place_in_the_batch(self, drive):
        """A sink that tells records by batch and index takes all that are good."""
        sent = []
        sink = MemorySink(lambda batch: (sent.append(batch), Accepted())[1])
        driven = drive(sink, tier="spool")
        driven.put(*numbers(10, 20))
        folder_of(driven).freeze()
        (path,) = folder_of(driven).path.glob("*-10")
        data = bytearray(path.read_bytes())
        for place in (20, len(data) // 2 + 3):
            data[place] ^= 1
        path.write_bytes(data)
        driven.run()
        batch = sent[0].id
        expected = {
            (batch, index): b"%d" % (index + 10)
            for index in range(10)
            if index not in (1, 5)
        }
        assert sink.lines == expected
        assert driven.counters.dropped == {"damaged": 2}

    def test_the_rejects_file_says_the_true_index(self, drive):
        def say(batch):
            bad = {i: "bad" for i, line in enumerate(batch.lines) if line == b"13"}
            return Rejected("bad", bad) if bad else Accepted()

        driven = drive(MemorySink(say), tier="spool")
        driven.put(*numbers(10, 15))
        path = folder_of(driven).growing.path
        data = bytearray(path.read_bytes())
        data[-1 - 3 * (len(data) // 5)] ^= 1
        path.write_bytes(data)
        driven.run()
        assert '"index": 3' in driven.rejects.path.read_text()

    @posix
    def test_a_sector_that_cannot_be_read_costs_what_is_in_it(
        self, drive, sink, monkeypatch, caplog
    ):
        driven = drive(sink, tier="spool", batch_size=100)
        lines = [b"%d " % n + b"x" * 500 for n in range(40)]
        driven.put(*lines)
        driven.queue.abandon()
        read, lseek, at = os.read, os.lseek, {}

        def seek(descriptor, offset, how):
            at[descriptor] = offset
            return lseek(descriptor, offset, how)

        def read_some(descriptor, size):
            position = at.get(descriptor, 0)
            if descriptor in at and position < 8192 < position + size + 4095:
                io_error()
            return read(descriptor, size)

        monkeypatch.setattr(os, "lseek", seek)
        monkeypatch.setattr(os, "read", read_some)
        after = drive(sink, batch_size=100)
        assert after.counters.resumed == 40
        after.run()
        assert 25 < len(sink.lines) < 35
        assert [sink.lines[key] for key in sorted(sink.lines)] == stored(sink)
        assert after.counters.dropped == {"damaged": 40 - len(sink.lines)}
        assert "could not be read" in caplog.text

    @posix
    def test_a_segment_that_cannot_be_read_at_all_keeps_no_other_from_being_sent(
        self, drive, sink, monkeypatch, caplog
    ):
        driven = drive(sink, tier="spool", batch_size=2)
        driven.put(*numbers(0, 8))
        bad = folder_of(driven).growing.path
        (other,) = folder_of(driven).path.glob("00000002*")
        driven.queue.abandon()
        self.make_unreadable(monkeypatch, {bad, other})
        after = drive(sink)
        after.run()
        assert stored(sink) == numbers(0, 2) + numbers(4, 6)
        assert after.counters.dropped["damaged"] >= 3
        assert after.counters.queued == 0
        assert after.balance()
        assert len(list(bad.parent.glob("*.damaged"))) == 2
        assert sum("is retried after the others" in m for m in caplog.messages) == 1

    @posix
    def test_a_segment_that_can_be_read_later_is_sent_last(self, drive, sink, monkeypatch):
        driven = drive(sink, tier="spool", batch_size=2)
        driven.put(*numbers(0, 6))
        (first,) = folder_of(driven).path.glob("00000001*")
        driven.queue.abandon()
        unreadable = {first}
        self.make_unreadable(monkeypatch, unreadable)
        after = drive(sink)
        while not after.counters.retries:
            after.step()
        unreadable.clear()
        after.run()
        assert stored(sink) == numbers(2, 6) + numbers(0, 2)
        assert after.counters.dropped == {}
        after.queue.close()
        assert list(after.settings.spool.iterdir()) == []

    def make_unreadable(self, monkeypatch, paths):
        open_, read, bad = os.open, os.read, set()

        def open_one(path, *args, **more):
            descriptor = open_(path, *args, **more)
            bad.discard(descriptor)
            if pathlib.Path(path) in paths:
                bad.add(descriptor)
            return descriptor

        def read_one(descriptor, size):
            if descriptor in bad:
                io_error()
            return read(descriptor, size)

        monkeypatch.setattr(os, "open", open_one)
        monkeypatch.setattr(os, "read", read_one)

    def test_a_folder_that_cannot_be_taken_over_is_said(
        self, tmp_path, monkeypatch, caplog
    ):
        spool = Spool(tmp_path / "spool", PLACE, sync=False)
        spool.create(new_folder_name(PLACE), iter([1])).abandon()
        monkeypatch.setattr(SegmentFolder, "__init__", io_error)
        incidents = IncidentLog(time.monotonic)
        assert spool.take_over(incidents) == []
        incidents.flush()
        assert "cannot be taken over" in caplog.text


class TestOthers:
    @pytest.fixture
    def said(self, tmp_path, caplog):
        """Take a spool over, and return what was taken and what was said."""

        def take_over():
            caplog.clear()
            caplog.set_level(logging.WARNING)
            incidents = IncidentLog(time.monotonic)
            found = Spool(tmp_path / "spool", PLACE, sync=False).take_over(incidents)
            incidents.flush()
            return found, caplog.text

        return take_over

    @pytest.fixture
    def forged(self, tmp_path):
        (tmp_path / "spool").mkdir(mode=0o700)
        folder = Spool(tmp_path / "forgery", PLACE, sync=False).create(
            new_folder_name(PLACE), iter([1])
        )
        folder.append(b"forged")
        folder.abandon()
        return folder.path

    @posix
    def test_a_link_is_not_followed(self, tmp_path, said, forged):
        (forged / "00000009").touch()
        (tmp_path / "spool" / forged.name).symlink_to(forged)
        found, text = said()
        assert found == []
        assert "is a link or belongs to another user" in text
        assert (forged / "00000009").exists()
        assert foreign_folders(tmp_path / "spool") == [tmp_path / "spool" / forged.name]
        assert folders_of(tmp_path / "spool") == []

    @pytest.mark.skipif(
        sys.platform == "win32" or os.geteuid() != 0, reason="only root gives files away"
    )
    def test_the_folder_of_another_user_is_not_sent(self, tmp_path, said, forged):
        moved = forged.rename(tmp_path / "spool" / forged.name)
        os.chown(moved, 65534, 65534)
        found, text = said()
        assert found == []
        assert "belongs to another user" in text
        assert folders_of(tmp_path / "spool") == []

    def test_what_may_not_be_looked_into_is_passed_over(self, tmp_path, said, monkeypatch):
        (tmp_path / "spool" / "others").mkdir(parents=True, mode=0o700)

        def refuse(_):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

        monkeypatch.setattr(pathlib.Path, "is_file", refuse)
        assert said()[0] == []
        assert folders_of(tmp_path / "spool") == []

    @posix
    def test_a_spool_that_others_can_write_to_is_said(self, tmp_path, said):
        root = tmp_path / "spool"
        root.mkdir()
        root.chmod(0o700)
        assert said() == ([], "")
        for mode in (0o770, 0o1777):
            root.chmod(mode)
            assert "Other users can write to the spool" in said()[1]


def test_a_line_that_no_server_takes_is_counted(drive, sink, monkeypatch):
    monkeypatch.setattr(queue_module, "MOST_LINE_BYTES", 10)
    driven = drive(sink)
    driven.put(b"1", bytes(11), b"2")
    driven.run()
    assert stored(sink) == [b"1", b"2"]
    assert driven.counters.dropped == {"too large": 1}
