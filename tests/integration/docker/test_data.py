"""Data: where it is, what keeps it, and data from before."""

from __future__ import annotations

import json
import os
import stat

import pytest

from multimeter.visualization.engines.docker.spec import INSTALL_LABEL, STACK_LABEL


def volumes_of(tool):
    return [f"{tool.name}-influxdb-data", f"{tool.name}-grafana-data"]


def stack_labels(tool):
    return {STACK_LABEL: tool.name, INSTALL_LABEL: "an-earlier-one"}


def test_data_goes_into_a_folder_of_ones_own_and_nowhere_else(tool, tmp_path, leftovers):
    before = leftovers()
    folder = tmp_path / "data"
    tool.installed("--dir", str(folder))
    assert leftovers().volumes - before.volumes <= anonymous_volumes(tool)
    points = tool.values("example")
    assert any((folder / "influxdb").iterdir())
    assert any((folder / "grafana").iterdir())
    assert stat.S_IMODE((folder / "influxdb").stat().st_mode) & 0o007 == 0
    tool.run("stop")
    tool.run("start")
    assert tool.values("example") == points
    assert tool.run("remove", "--yes").returncode == 0
    assert not folder.exists()
    assert leftovers() == before


def anonymous_volumes(tool):
    """The volumes that an image declares, and that nobody gave a name."""
    mounts = [m for each in tool.containers().values() for m in each.attrs["Mounts"]]
    return {m["Name"] for m in mounts if m["Type"] == "volume"}


def test_what_else_is_in_the_folder_stays(tool, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    tool.installed("--dir", str(folder))
    assert tool.run("remove", "--yes").returncode == 0
    assert [each.name for each in folder.iterdir()] == ["mine.txt"]


def test_a_folder_that_is_not_ours_is_not_used(tool, tmp_path, leftovers):
    folder = tmp_path / "data"
    (folder / "influxdb").mkdir(parents=True)
    (folder / "influxdb" / "mine.txt").write_text("keep")
    before = leftovers()
    done = tool.install("--dir", str(folder))
    assert done.returncode == 252
    assert "which does not belong to this stack" in done.stderr
    assert (folder / "influxdb" / "mine.txt").read_text() == "keep"
    assert leftovers() == before


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may all")
def test_a_folder_that_cannot_be_written_to_is_told(tool, tmp_path, leftovers):
    before = leftovers()
    folder = tmp_path / "data"
    folder.mkdir(mode=0o500)
    done = tool.install("--dir", str(folder))
    assert done.returncode == 252
    assert "cannot be used: Permission denied" in done.stderr
    assert leftovers() == before


def test_a_file_in_the_place_of_the_folder_is_told(tool, tmp_path, leftovers):
    before = leftovers()
    (tmp_path / "data").write_text("")
    done = tool.install("--dir", str(tmp_path / "data"))
    assert done.returncode == 252
    assert "cannot be used" in done.stderr
    assert (tmp_path / "data").read_text() == ""
    assert leftovers() == before


@pytest.mark.parametrize("folder", [None, "data"])
def test_data_that_was_kept_is_there_after_the_next_install(tool, tmp_path, folder):
    words = ["--dir", str(tmp_path / folder)] if folder else []
    tool.installed(*words)
    ran = tool.python(
        "from multimeter import InfluxDBStorage, Multimeter, ResourceProbe\n"
        f"storage = InfluxDBStorage.from_stack({str(tool.config_file)!r})\n"
        "with Multimeter(ResourceProbe(), cycle_time=0.02, storage=storage)"
        ".measure('mine'):\n"
        "    sum(range(3_000_000))\n"
    )
    assert ran.returncode == 0, ran.stderr
    before, config = tool.values("mine"), tool.config
    removed = tool.run("remove", "--yes", "--keep-data")
    assert removed.returncode == 0, removed.stderr
    kept = tool.config_file.with_name(f"{tool.config_file.name}.kept")
    assert str(kept) in removed.stdout
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert tool.containers() == {}
    tool.installed(*words)
    assert tool.values("mine") == before
    assert tool.config["token"] == config["token"]
    assert not kept.exists()
    assert tool.run("remove", "--yes").returncode == 0
    assert not (tmp_path / "data").exists()
    names = {each.name for each in tool.client.volumes.list()}
    assert not names & set(volumes_of(tool))


def test_data_that_was_kept_needs_the_names_that_it_had(tool):
    tool.installed("-b", "lab")
    tool.run("remove", "--yes", "--keep-data")
    done = tool.install()
    assert done.returncode == 252
    assert "-b 'lab'" in done.stderr
    assert tool.install("-b", "lab").returncode == 0


def test_data_with_other_secrets_is_told_and_never_guessed(tool, leftovers):
    tool.installed()
    tool.run("remove", "--yes", "--keep-data")
    kept = tool.config_file.with_name(f"{tool.config_file.name}.kept")
    kept.unlink()
    kept.parent.rmdir()
    before = leftovers()
    done = tool.install()
    assert done.returncode == 252
    assert "was set up with other secrets" in done.stderr
    assert f"docker volume rm {' '.join(volumes_of(tool))}" in done.stderr
    assert leftovers() == before
    # What it says is enough.
    for name in volumes_of(tool):
        tool.client.volumes.get(name).remove()
    tool.installed()


def test_a_grafana_with_another_password_is_told(tool, leftovers):
    tool.installed()
    tool.run("remove", "--yes", "--keep-data")
    kept = tool.config_file.with_name(f"{tool.config_file.name}.kept")
    data = json.loads(kept.read_text())
    data["engine_state"]["grafana_password"] = "another-password"
    kept.write_text(json.dumps(data))
    done = tool.install()
    assert done.returncode == 252
    assert "Grafana refuses the password" in done.stderr
    assert "another-password" not in done.stdout + done.stderr
    # Without its data, which holds no measurements, those are still there.
    grafana = volumes_of(tool)[1]
    assert f"docker volume rm {grafana}" in done.stderr
    tool.client.volumes.get(grafana).remove()
    tool.installed()
    assert tool.values("example")


def test_volumes_from_before_survive_an_install_that_fails(tool, leftovers):
    for name in volumes_of(tool):
        tool.client.volumes.create(name, labels=stack_labels(tool))
    before = leftovers()
    failed = tool.install("--grafana-image", "127.0.0.1:1/no:1")
    assert failed.returncode == 252
    assert leftovers() == before
    tool.installed()
    assert tool.values("example")


def test_an_install_that_fails_late_over_volumes_from_before_can_be_tried_again(
    tool, leftovers
):
    for name in volumes_of(tool):
        tool.client.volumes.create(name, labels=stack_labels(tool))
    before = leftovers()
    # Grafana takes no part: InfluxDB has been set up by then.
    failed = tool.install("--grafana-image", tool.images.influxdb, "--timeout", "5")
    assert failed.returncode == 252
    after = leftovers()
    assert (after.containers, after.volumes) == (before.containers, before.volumes)
    kept = tool.config_file.with_name(f"{tool.config_file.name}.kept")
    assert after.files - before.files == {str(tool.folder), str(kept)}
    tool.installed()
    assert tool.values("example")
    assert tool.run("remove", "--yes").returncode == 0
    assert not leftovers().volumes & set(volumes_of(tool))


def test_volumes_of_another_program_are_not_used(tool, leftovers):
    name = volumes_of(tool)[0]
    volume = tool.client.volumes.create(name)
    try:
        before = leftovers()
        done = tool.install()
        assert done.returncode == 252
        assert f"There is data in {name} already" in done.stderr
        assert leftovers() == before
    finally:
        volume.remove()


def test_a_start_says_when_a_volume_is_gone(stack):
    for container in stack.containers().values():
        container.remove(force=True)
    stack.client.volumes.get(volumes_of(stack)[0]).remove()
    done = stack.run("start")
    assert done.returncode == 252
    assert f"{stack.name}-influxdb-data was removed, with its data" in done.stderr
    assert "multimeter-visu remove" in done.stderr
