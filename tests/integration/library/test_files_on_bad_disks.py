"""File storage on real file systems that are full or may not be written."""

from __future__ import annotations

import pathlib
import tempfile

import pytest
from fakes.disks import mount_disk, unmount_disk

from multimeter import FileStorage, JsonFormat, LineFormat, Result, StorageError

pytestmark = pytest.mark.integration

FORMATS = [JsonFormat(), LineFormat()]


@pytest.fixture
def mount():
    """Return a function that mounts a new file system with options."""
    # Not below tmp_path: pytest of a later run could not remove what is mounted there.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="multimeter-disk-"))

    def mount(options):
        mount_disk(folder, options)
        return folder

    yield mount
    if folder.is_mount():
        unmount_disk(folder)
    folder.rmdir()


def result_of(points):
    result = Result(identifier="run")
    for number in range(points):
        result.append(number, {"a.b": float(number)})
    return result


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_full_disk_is_a_storage_error_and_keeps_the_file_from_before(mount, file_format):
    storage = FileStorage(mount("size=1m"), file_format)
    storage.store(result_of(10))
    large = result_of(100_000)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        storage.store(large)
    assert "the disk is full" in str(caught.value)
    assert storage.load("run") == result_of(10)
    assert [path.name for path in storage.save_directory.iterdir()] == [
        f"run{file_format.extension}"
    ]
    assert len(large.points) == 100_000


def test_a_disk_with_space_again_takes_the_result_that_did_not_fit(mount):
    folder = mount("size=1m")
    storage = FileStorage(folder, LineFormat())
    (folder / "other").write_bytes(bytes(900_000))
    with pytest.raises(StorageError):
        storage.store(result_of(10_000))
    (folder / "other").unlink()
    storage.store(result_of(10_000))
    assert storage.load("run") == result_of(10_000)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_disk_that_may_not_be_written_is_a_storage_error(mount, file_format):
    storage = FileStorage(mount("ro"), file_format)
    with pytest.raises(StorageError, match="Read-only file system"):
        storage.store(result_of(1))
    with pytest.raises(StorageError, match="Read-only file system"):
        FileStorage(storage.save_directory / "new", file_format).store(result_of(1))
