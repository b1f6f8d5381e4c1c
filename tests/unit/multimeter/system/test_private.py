from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess

import pytest

from multimeter.connection import read_connection
from multimeter.errors import ConfigurationError
from multimeter.system.durable import make_folders
from multimeter.system.private import require_own_folder
from multimeter.visualization.commands.doctor import diagnose
from multimeter.visualization.config import locked, read_config
from multimeter.visualization.stack_spec import StackSpec

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
only_root = pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can give files away"
)

NOBODY = 65534
CONFIG = {
    "version": 1,
    "engine": "embedded",
    "url": "http://127.0.0.1:9",
    "org": "o",
    "bucket": "b",
    "token": "t",
    "engine_state": {"directory": "/nowhere", "port": 9},
}


@pytest.fixture
def home(tmp_path):
    """A folder that others can look into, as homes often are."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture(autouse=True)
def _without_sudo(monkeypatch):
    monkeypatch.delenv("SUDO_UID", raising=False)


def configured(folder, mode=0o600, folder_mode=0o700):
    folder.mkdir()
    path = folder / "visu.config.json"
    path.write_text(json.dumps(CONFIG))
    path.chmod(mode)
    folder.chmod(folder_mode)
    return path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def checks_of(path):
    return [each for each in diagnose(path, StackSpec()) if each.name == "configuration"]


def do_next_step(error):
    """Run the command that an error names."""
    found = re.search(r"ch(mod|own) .*?(?=, and look|, if what|$)", error.next_step)
    subprocess.run(shlex.split(found[0]), check=True, timeout=10)


@pytest.mark.parametrize("folder", [".multimeter", "lab"])
@pytest.mark.parametrize("read", [read_connection, read_config])
def test_a_private_configuration_is_read_as_it_is(home, folder, read, caplog):
    path = configured(home / folder)
    assert read(path).token == "t"
    assert caplog.text == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_one_that_others_can_read_is_mended_where_it_is_ours(home, mode, caplog):
    path = configured(home / ".multimeter", mode, 0o755)
    assert read_connection(path).token == "t"
    assert mode_of(path) == 0o600
    assert str(path) in caplog.text
    caplog.clear()
    read_connection(path)
    assert caplog.text == ""


def test_one_that_is_shared_for_reading_elsewhere_stays_so(home):
    path = configured(home / "lab", 0o640, 0o755)
    assert read_connection(path).token == "t"
    assert mode_of(path) == 0o640


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("read", [read_connection, read_config])
def test_one_that_others_could_have_written_is_refused(home, mode, read):
    path = configured(home / ".multimeter", mode, 0o755)
    with pytest.raises(ConfigurationError, match="Other users may write to") as caught:
        read(path)
    assert str(path) in caught.value.what
    assert caught.value.next_step.startswith(f"chmod 600 {path}")
    do_next_step(caught.value)
    assert read(path).token == "t"


def test_one_that_only_its_folder_kept_from_others_is_mended(home, caplog):
    path = configured(home / ".multimeter", 0o666, 0o700)
    assert read_connection(path).token == "t"
    assert mode_of(path) == 0o600
    assert "is yours alone now" in caplog.text


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777])
def test_our_folder_is_mended_when_others_may_write_to_it(home, mode, caplog):
    path = configured(home / ".multimeter", 0o600, mode)
    assert read_connection(path).token == "t"
    assert mode_of(path.parent) == 0o700
    assert str(path.parent) in caplog.text


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_another_folder_is_refused_when_others_may_write_to_it(home, mode):
    path = configured(home / "my lab", 0o600, mode)
    with pytest.raises(ConfigurationError, match="Other users may write to") as caught:
        read_connection(path)
    do_next_step(caught.value)
    assert read_connection(path).token == "t"


def test_a_folder_where_all_can_only_remove_their_own_files_will_do(home):
    path = configured(home / "tmp", 0o600, 0o1777)
    assert read_connection(path).token == "t"


def test_an_install_mends_our_folder_and_refuses_another(home):
    for name, mode in ((".multimeter", 0o700), ("lab", 0o777)):
        folder = home / name
        folder.mkdir()
        folder.chmod(0o777)
        if mode == 0o700:
            with locked(folder / "visu.config.json"):
                pass
        else:
            with (
                pytest.raises(ConfigurationError, match="chmod go-w"),
                locked(folder / "visu.config.json"),
            ):
                pytest.fail("entered")
        assert mode_of(folder) == mode


@only_root
@pytest.mark.parametrize("part", ["file", "folder"])
@pytest.mark.parametrize("read", [read_connection, read_config])
def test_one_of_another_user_is_refused_also_by_root(home, part, read):
    path = configured(home / ".multimeter")
    os.chown(path if part == "file" else path.parent, NOBODY, NOBODY)
    with pytest.raises(ConfigurationError, match="belongs to another user: ") as caught:
        read(path)
    do_next_step(caught.value)
    assert read(path).token == "t"


@only_root
def test_a_link_to_a_file_in_the_folder_of_another_user_is_refused(home):
    theirs = configured(home / "theirs")
    os.chown(theirs.parent, NOBODY, NOBODY)
    link = home / ".multimeter" / "visu.config.json"
    link.parent.mkdir(0o700)
    link.symlink_to(theirs)
    with pytest.raises(ConfigurationError, match=r"theirs belongs to another user"):
        read_connection(link)


@only_root
def test_under_sudo_the_stack_of_the_caller_is_read_but_not_changed(home, monkeypatch):
    path = configured(home / ".multimeter")
    for each in (path, path.parent):
        os.chown(each, NOBODY, NOBODY)
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert read_connection(path).token == "t"
    with pytest.raises(ConfigurationError, match="belongs to another user"), locked(path):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        read_connection(path)


@only_root
@pytest.mark.parametrize("caller", ["", "-1", "x", "\u0661", "1000"])
def test_a_caller_of_sudo_that_is_another_user_changes_nothing(home, monkeypatch, caller):
    path = configured(home / ".multimeter")
    os.chown(path, NOBODY, NOBODY)
    monkeypatch.setenv("SUDO_UID", caller)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        read_connection(path)


def test_a_folder_of_ours_that_lies_elsewhere_is_followed(home):
    path = configured(home / "disk")
    (home / ".multimeter").symlink_to(path.parent)
    assert read_connection(home / ".multimeter" / path.name).token == "t"


def test_a_shared_folder_that_ours_is_a_link_to_is_refused_and_stays_shared(home):
    path = configured(home / "lab", folder_mode=0o770)
    (home / ".multimeter").symlink_to(path.parent)
    with pytest.raises(ConfigurationError, match="Other users may write to") as caught:
        read_connection(home / ".multimeter" / path.name)
    assert mode_of(path.parent) == 0o770
    do_next_step(caught.value)
    assert read_connection(home / ".multimeter" / path.name).token == "t"


def test_what_belongs_to_root_is_trusted_by_all(home, monkeypatch):
    path = configured(home / "etc", 0o644, 0o755)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    if path.stat().st_uid == 0:
        assert read_connection(path).token == "t"
    else:
        with pytest.raises(ConfigurationError, match="belongs to another user"):
            read_connection(path)


@pytest.mark.parametrize(
    ("mode", "folder_mode", "detail", "mend"),
    [
        (0o600, 0o700, "engine embedded", ""),
        (0o644, 0o755, "other users can read the secrets", "chmod 600 "),
        (0o666, 0o755, "Other users may write to", "chmod 600 "),
        (0o666, 0o700, "Other users may write to", "chmod 600 "),
        (0o600, 0o777, "Other users may write to", "chmod go-w "),
    ],
)
def test_the_doctor_says_what_is_too_open_and_changes_nothing(
    home, mode, folder_mode, detail, mend
):
    path = configured(home / ".multimeter", mode, folder_mode)
    (check,) = checks_of(path)
    assert detail in check.detail
    assert check.ok is (not mend)
    assert check.mend.startswith(mend)
    assert (mode_of(path), mode_of(path.parent)) == (mode, folder_mode)


def test_a_folder_need_not_be_private_to_be_ours(home):
    require_own_folder(home)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_our_folder_is_private_for_whatever_it_is_made(home, mask):
    before = os.umask(mask)
    try:
        make_folders(home / ".multimeter" / "runs")
    finally:
        os.umask(before)
    assert mode_of(home / ".multimeter") == 0o700
