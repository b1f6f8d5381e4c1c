"""Folders of the host with the data of a container; no engine is needed for these."""

from __future__ import annotations

import json
import os
import stat

import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.console import Console
from multimeter.visualization.engines.parts import FolderPart, Owner, label_file
from multimeter.visualization.plan import Resource, State

OWNER = Owner("multimeter", "0123")
REPORT = Console(as_json=False)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lab" / "influxdb"


def part_of(path, owner=OWNER):
    resource = Resource("InfluxDB folder", str(path), holds_data=True)
    return FolderPart(resource, None, owner, "influxdb:2", [path.parent])


def test_what_is_made_is_ours_alone_and_goes_again(path):
    before = os.umask(0)
    try:
        part_of(path).create(REPORT)
    finally:
        os.umask(before)
    if os.name == "posix":
        for each in (path.parent, path):
            assert stat.S_IMODE(each.stat().st_mode) == 0o700
        assert stat.S_IMODE(label_file(path).stat().st_mode) == 0o600
    assert part_of(path).state() is State.STOPPED
    part_of(path).remove()
    assert not path.parent.exists()


def test_a_folder_of_another_install_stays_also_when_it_is_empty(path):
    part_of(path, Owner("multimeter", "another")).create(REPORT)
    part_of(path).remove()
    assert path.is_dir()
    assert label_file(path).exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_labels_do_not_go_through_a_link(path):
    precious = path.parents[1] / "precious"
    precious.write_text("mine")
    path.parent.mkdir(0o700)
    label_file(path).symlink_to(precious)
    part_of(path).create(REPORT)
    assert precious.read_text() == "mine"
    assert json.loads(label_file(path).read_text()) == OWNER.labels


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_folder_around_it_that_others_may_write_to_is_refused(path):
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(ConfigurationError, match="Other users may write"):
        part_of(path).create(REPORT)
    assert list(path.parent.iterdir()) == []
