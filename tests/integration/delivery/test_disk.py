"""A disk that is full, and a spool that is damaged."""

from __future__ import annotations

import json
import random
import shutil

import pytest
from fakes.disks import mount_disk, unmount_disk
from fakes.write_server import refusal

SECONDS = 300
MIB = 2**20


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MiB: there, a short write comes before the error."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount_disk(folder, "size=1m")
    yield folder
    unmount_disk(folder)


def test_a_spool_on_a_full_disk_drops_what_does_not_fit_and_recovers(
    disk, server, proxy, make_delivery, put_all, arrivals, points, caplog
):
    proxy.is_open = False
    delivery = make_delivery(proxy.url, spool=disk / "spool")
    put_all(delivery, range(points))
    stats = delivery.stats()
    kept = points - stats.dropped["disk full"]
    assert 0 < kept < points
    assert stats.queued == kept
    assert sum("No space left" in m for m in caplog.messages) == 1
    proxy.is_open = True
    assert delivery.flush(SECONDS)
    put_all(delivery, range(points, points + 1_000))
    assert delivery.flush(SECONDS)
    arrivals(server).check([*range(kept), *range(points, points + 1_000)])
    assert delivery.close().queued == 0
    assert list((disk / "spool").iterdir()) == []


def test_on_a_disk_that_others_have_filled_what_is_delivered_is_removed(
    disk, server, proxy, make_delivery, put_all, arrivals
):
    proxy.is_open = False
    delivery = make_delivery(proxy.url, spool=disk / "spool", batch_size=500)
    put_all(delivery, range(2_000))
    free = shutil.disk_usage(disk).free
    others = (disk / "others").open("wb", buffering=0)
    with others:
        while free > 0 and others.write(b"x" * min(free, 65_536)):
            free = shutil.disk_usage(disk).free
    proxy.is_open = True
    assert delivery.flush(SECONDS)
    arrivals(server).check(range(2_000))
    delivery.close()
    assert list((disk / "spool").iterdir()) == []


def test_a_full_memory_on_a_full_disk_keeps_what_it_has(
    disk, server, proxy, make_delivery, put_all, arrivals, points
):
    proxy.is_open = False
    delivery = make_delivery(
        proxy.url, spool=disk / "spool", tier="memory", max_records=5_000
    )
    put_all(delivery, range(points))
    dropped = delivery.stats().dropped["disk full"]
    assert 0 < dropped < points - 5_000
    proxy.is_open = True
    assert delivery.flush(SECONDS)
    found = arrivals(server)
    found.check(range(points - dropped))


def test_rejects_that_do_not_fit_on_the_disk_wait_and_are_not_lost(
    disk, server, make_delivery, put_all
):
    filler = disk / "others"
    filler.write_bytes(b"x" * MIB)
    server.answers = [(400, {}, refusal("no"))] * 10_000
    delivery = make_delivery(server.url, rejects=disk / "rejects.jsonl")
    put_all(delivery, [1])
    assert not delivery.flush(0.5)
    assert delivery.stats().queued == 1
    filler.unlink()
    assert delivery.flush(SECONDS)
    text = (disk / "rejects.jsonl").read_text()
    assert [json.loads(each)["line"] for each in text.splitlines()] == [
        "log,codename=a value=1i 1"
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_spool_delivers_all_that_is_intact(
    server, proxy, make_delivery, put_all, arrivals, tmp_path, seed
):
    """Flipped bits, cut files, files of others, whatever a disk can do."""
    timing = random.Random(seed)
    proxy.is_open = False
    delivery = make_delivery(proxy.url, batch_size=100)
    put_all(delivery, range(2_000))
    delivery.close(0)
    delivery._thread.join(SECONDS)
    files = sorted(path for path in (tmp_path / "spool").rglob("0*") if path.is_file())
    hit = set()
    for path in timing.sample(files, 8):
        data = bytearray(path.read_bytes())
        size = len(data) // 100
        match timing.choice(["flip", "cut", "zero"]):
            case "flip":
                position = timing.randrange(len(data))
                data[position] ^= 1 << timing.randrange(8)
                damaged = range(position // size - 1, position // size + 2)
            case "cut":
                position = timing.randrange(len(data))
                del data[position:]
                damaged = range(position // size - 1, 100)
            case "zero":
                position = timing.randrange(len(data))
                data[position:] = bytes(len(data) - position)
                damaged = range(position // size - 1, 100)
        first = files.index(path) * 100
        hit |= {first + number for number in damaged}
        path.write_bytes(data)
    next((tmp_path / "spool").glob("*/target.json")).write_bytes(b"\xff\x00")
    proxy.is_open = True
    again = make_delivery(proxy.url)
    assert again.flush(SECONDS)
    found = arrivals(server).first
    assert set(found) >= set(range(2_000)) - hit
    assert found == sorted(found)
    stats = again.stats()
    assert stats.dropped.get("damaged", 0) == 2_000 - len(found)
    assert stats.accepted == 2_000
    assert len(list((tmp_path / "spool").rglob("*.damaged"))) >= 1
