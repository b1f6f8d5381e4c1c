"""The folders of a stack in containers; the engine itself is in the integration tests."""

from __future__ import annotations

import json
import os
import pathlib
import stat
from unittest.mock import sentinel

import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.config import missing_folders
from multimeter.visualization.engines.docker.resources import (
    FolderResource,
    label_file,
    read_labels,
)
from multimeter.visualization.engines.docker.spec import Owner
from multimeter.visualization.errors import VisualizationError
from multimeter.visualization.plan import Resource, State

OWNER = Owner("multimeter", "0123456789abcdef")


def part_of(path: pathlib.Path, owner: Owner = OWNER) -> FolderResource:
    resource = Resource("InfluxDB folder", str(path), holds_data=True)
    # No test here comes as far as the engine.
    return FolderResource(
        resource, sentinel.docker, owner, "image", missing_folders(path.parent)
    )


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "lab" / "data" / "influxdb"


def test_a_folder_goes_with_its_labels_and_what_was_made_around_it(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    part = part_of(path)
    part.create(sentinel.report)
    assert part.state() is State.STOPPED
    assert read_labels(path) == OWNER.labels
    (path / "engine").mkdir()
    part.remove()
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_there_before_stay(path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True)
    part = part_of(path)
    part.create(sentinel.report)
    part.remove()
    assert list(path.parent.iterdir()) == []


def test_a_folder_that_was_there_before_is_never_removed(path: pathlib.Path) -> None:
    path.mkdir(parents=True)
    part = part_of(path)
    with pytest.raises(VisualizationError, match="File exists"):
        part.create(sentinel.report)
    part.remove()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("labels", [None, {}, Owner("multimeter", "other").labels])
def test_an_empty_folder_with_other_labels_stays_and_so_do_those_around_it(
    path: pathlib.Path, labels: object
) -> None:
    path.mkdir(parents=True)
    if labels is not None:
        path.with_name(".influxdb.labels.json").write_text(json.dumps(labels))
    FolderResource(
        Resource("InfluxDB folder", str(path)),
        sentinel.docker,
        OWNER,
        "image",
        [path.parent],
    ).remove()
    assert path.is_dir()


def test_a_link_in_the_place_of_the_labels_is_replaced_and_not_followed(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path.parent.mkdir(parents=True)
    path.with_name(".influxdb.labels.json").symlink_to(precious)
    part_of(path).create(sentinel.report)
    assert precious.read_text() == "mine"
    assert read_labels(path) == OWNER.labels


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    part = part_of(path)
    part.create(sentinel.report)
    path.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("mine")
    path.symlink_to(elsewhere)
    part.remove()
    assert path.is_symlink()
    assert (elsewhere / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_all_of_it_is_private_whatever_the_umask(path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        part_of(path).create(sentinel.report)
    finally:
        os.umask(before)
    for each in (path.parent, path):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    assert stat.S_IMODE(label_file(path).stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_folder_around_it_that_others_may_write_to_is_refused(path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="Other users may write"):
        part_of(path).create(sentinel.report)
    assert list(path.parent.iterdir()) == []
