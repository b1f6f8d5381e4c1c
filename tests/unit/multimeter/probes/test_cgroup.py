from __future__ import annotations

import os
import pickle

import pytest

from multimeter import StateError, UnsupportedError
from multimeter.probes import CgroupProbe

PID = 42
TMPFS = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
V2_MOUNT = "40 31 0:30 {root} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
V1_MOUNT = "4{n} 31 0:3{n} {root} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{name}\n"


class Machine:
    """A file system with control groups."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(text))

    def files(self, folder, **contents):
        for name, text in contents.items():
            controller, _, rest = name.partition("_")
            self.write(f"sys/fs/cgroup/{folder}/{controller}.{rest}", text)

    def probe(self):
        return CgroupProbe(PID, root=str(self.folder))


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return {key.removeprefix("cgroup."): value for key, value in values.items()}


def cpu_stat(user, system, throttled):
    return (
        f"usage_usec {user + system}\nuser_usec {user}\nsystem_usec {system}\n"
        f"nr_periods 10\nnr_throttled 2\nthrottled_usec {throttled}\n"
    )


@pytest.fixture
def v2(tmp_path):
    """A process in /jobs/one, with a lower limit for all jobs."""
    machine = Machine(tmp_path)
    machine.write(f"proc/{PID}/cgroup", "0::/jobs/one\n")
    machine.write("proc/self/mountinfo", TMPFS + V2_MOUNT.format(root="/"))
    machine.write("sys/fs/cgroup/cgroup.controllers", "cpu memory")
    for folder in ("jobs", "jobs/one"):
        machine.files(folder, cgroup_events="populated 1\n", memory_max="max\n")
    machine.files(
        "jobs",
        memory_max="5000000\n",
        cpu_max="150000 100000\n",
        pids_max="max\n",
    )
    machine.files(
        "jobs/one",
        cpu_max="max 100000\n",
        cpu_stat=cpu_stat(1_000_000, 500_000, 100_000),
        cpu_pressure="some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
        memory_current="3000000\n",
        memory_peak="4000000\n",
        memory_stat="anon 1000\nfile 5000\ninactive_file 2000000\n",
        memory_events="low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\n",
        pids_current="7\n",
        pids_max="100\n",
        io_stat="8:0 rbytes=1000 wbytes=2000 rios=1 wios=2\n8:16 rbytes=1 wbytes=2\n",
    )
    machine.write("sys/fs/cgroup/jobs/one/memory.swap.current", "4096\n")
    return machine


def test_version_2_tells_memory_tasks_and_limits(v2):
    probe = v2.probe()
    probe.start()
    values = sample(probe)
    assert values["memory_charged"] == 3_000_000
    assert values["memory_charged_peak"] == 4_000_000
    assert values["memory_working_set"] == 1_000_000
    assert values["memory_limit"] == 5_000_000
    assert values["swap_used"] == 4096
    assert values["oom_kills"] == 1
    assert (values["tasks"], values["tasks_limit"]) == (7, 100)
    assert values["cpu_limit"] == 1.5


def test_version_2_tells_cpu_throttling_io_and_pressure(v2):
    probe = v2.probe()
    probe.start()
    v2.files(
        "jobs/one",
        cpu_stat=cpu_stat(3_000_000, 1_000_000, 400_000),
        cpu_pressure="some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n",
        io_stat="8:0 rbytes=5000 wbytes=2000 rios=1 wios=2\n8:16 rbytes=5 wbytes=8\n",
    )
    values = sample(probe, 2.0)
    assert values["cpu_rate_user"] == pytest.approx(1.0)
    assert values["cpu_rate_system"] == pytest.approx(0.25)
    assert values["cpu_throttled"] == pytest.approx(0.15)
    assert values["pressure_cpu_some"] == pytest.approx(0.25)
    assert (values["io_disk_read"], values["io_disk_write"]) == (2002.0, 3.0)


def test_without_limits_there_are_no_measures_of_them(v2):
    v2.files("jobs", memory_max="max\n", cpu_max="max 100000\n")
    v2.files("jobs/one", pids_max="max\n")
    keys = {each.key for each in v2.probe().metrics}
    assert not {"memory_limit", "cpu_limit", "tasks_limit"} & keys
    assert {"memory_charged", "cpu_rate_user"} <= keys


def test_a_limit_that_is_lifted_has_no_value(v2):
    probe = v2.probe()
    probe.start()
    v2.files("jobs", memory_max="max\n")
    assert "memory_limit" not in sample(probe)


def test_an_old_kernel_keeps_no_peak(v2):
    (v2.folder / "sys/fs/cgroup/jobs/one/memory.peak").unlink()
    probe = v2.probe()
    probe.start()
    assert "memory_charged_peak" not in sample(probe)
    assert probe.baseline() == {}


def test_the_baseline_is_what_the_peak_was(v2):
    probe = v2.probe()
    probe.start()
    assert probe.baseline() == {"cgroup.memory_charged_peak": 4_000_000}


def test_in_a_container_the_mount_begins_at_its_group(v2):
    v2.write(f"proc/{PID}/cgroup", "0::/jobs/one\n")
    v2.write("proc/self/mountinfo", V2_MOUNT.format(root="/jobs"))
    v2.files("one", cgroup_events="", memory_current="77\n")
    probe = v2.probe()
    probe.start()
    assert sample(probe)["memory_charged"] == 77


def test_in_a_namespace_of_its_own_the_group_is_the_mount(tmp_path):
    machine = Machine(tmp_path)
    machine.write(f"proc/{PID}/cgroup", "0::/\n")
    machine.write("proc/self/mountinfo", V2_MOUNT.format(root="/"))
    machine.files(".", cgroup_controllers="", cgroup_events="", memory_current="88\n")
    probe = machine.probe()
    probe.start()
    assert sample(probe) == {"memory_charged": 88, "memory_working_set": 88}


def test_a_group_that_cannot_be_seen_is_that_of_the_mount(v2):
    v2.write(f"proc/{PID}/cgroup", "0::/../../elsewhere\n")
    v2.files(".", cgroup_events="", memory_current="99\n")
    probe = v2.probe()
    probe.start()
    assert sample(probe)["memory_charged"] == 99


def test_a_process_at_the_top_is_in_no_container(v2):
    v2.write(f"proc/{PID}/cgroup", "0::/\n")
    with pytest.raises(UnsupportedError, match="no control group") as caught:
        v2.probe()
    assert "SystemProbe" in str(caught.value)


@pytest.mark.parametrize("name", ["cgroup", "mountinfo"])
def test_a_system_without_control_groups_says_what_to_use(tmp_path, name):
    machine = Machine(tmp_path)
    machine.write(f"proc/{PID}/{name}", "")
    with pytest.raises(UnsupportedError, match="no control group"):
        machine.probe()


@pytest.fixture
def v1(tmp_path):
    """A process in a container of its own in each tree, but for that of the CPU."""
    machine = Machine(tmp_path)
    groups = ("memory:/c1", "cpuacct:/c1", "blkio:/c1", "pids:/c1", "cpu:/")
    machine.write(f"proc/{PID}/cgroup", "".join(f"5:{each}\n" for each in groups))
    mounts = [
        V1_MOUNT.format(n=n, root="/", name=each.partition(":")[0])
        for n, each in enumerate(groups)
    ]
    machine.write("proc/self/mountinfo", TMPFS + "".join(mounts))
    for each in groups:
        machine.write(f"sys/fs/cgroup/{each.partition(':')[0]}/release_agent", "")
    machine.files("cpu", cpu_stat="nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")
    machine.files("cpuacct/c1", cpuacct_usage_user="5000000000\n")
    machine.files("cpuacct/c1", cpuacct_usage_sys="1000000000\n")
    machine.files(
        "memory/c1",
        memory_usage_in_bytes="3000\n",
        memory_max_usage_in_bytes="4000\n",
        memory_stat="cache 1\ntotal_inactive_file 500\ntotal_swap 12\n"
        "hierarchical_memory_limit 9000\n",
        memory_oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    )
    machine.files("pids/c1", pids_current="3\n", pids_max="max\n")
    machine.files("pids", pids_max="64\n")
    blkio = "8:0 Read {read}\n8:0 Write 20\n8:0 Total 30\nTotal 30\n"
    machine.write(
        "sys/fs/cgroup/blkio/c1/blkio.throttle.io_service_bytes", blkio.format(read=10)
    )
    machine.blkio = blkio
    return machine


def test_version_1_tells_memory_and_tasks(v1):
    probe = v1.probe()
    probe.start()
    values = sample(probe)
    assert (values["memory_charged"], values["memory_charged_peak"]) == (3000, 4000)
    assert (values["memory_working_set"], values["memory_limit"]) == (2500, 9000)
    assert (values["swap_used"], values["oom_kills"]) == (12, 2)
    assert (values["tasks"], values["tasks_limit"]) == (3, 64)


def test_version_1_tells_cpu_and_io(v1):
    probe = v1.probe()
    probe.start()
    v1.files("cpuacct/c1", cpuacct_usage_user="7000000000\n")
    v1.write(
        "sys/fs/cgroup/blkio/c1/blkio.throttle.io_service_bytes",
        v1.blkio.format(read=110),
    )
    values = sample(probe, 4.0)
    assert (values["cpu_rate_user"], values["cpu_rate_system"]) == (0.5, 0.0)
    assert (values["io_disk_read"], values["io_disk_write"]) == (25.0, 0.0)


def test_a_tree_whose_top_the_process_is_at_is_left_out(v1):
    assert "cpu_throttled" not in {each.key for each in v1.probe().metrics}


def test_version_1_tells_throttling_and_the_lowest_quota(v1):
    v1.write(
        f"proc/{PID}/cgroup", (v1.folder / f"proc/{PID}/cgroup").read_text() + "9:cpu:/c1\n"
    )
    v1.files(
        "cpu/c1",
        cpu_stat="nr_periods 5\nnr_throttled 1\nthrottled_time 1000000000\n",
        cpu_cfs_quota_us="-1\n",
        cpu_cfs_period_us="100000\n",
    )
    v1.files("cpu", cpu_cfs_quota_us="200000\n", cpu_cfs_period_us="100000\n")
    probe = v1.probe()
    probe.start()
    v1.files("cpu/c1", cpu_stat="nr_periods 5\nnr_throttled 1\nthrottled_time 1500000000\n")
    values = sample(probe)
    assert values["cpu_throttled"] == pytest.approx(0.5)
    assert values["cpu_limit"] == 2.0


def test_version_1_without_a_limit_has_none(v1):
    v1.files("memory/c1", memory_stat="hierarchical_memory_limit 9223372036854771712\n")
    assert "memory_limit" not in {each.key for each in v1.probe().metrics}


def test_every_metric_says_that_it_is_of_the_container(v2):
    measures = {each.metric.key: each for each in v2.probe().measures}
    assert {each.scope for each in measures.values()} == {"container"}
    assert measures["memory_charged"].upper_bound
    assert not measures["memory_working_set"].upper_bound


def test_a_sample_before_the_start_is_a_clear_error(v2):
    with pytest.raises(StateError, match="not started"):
        v2.probe().sample({}, 1.0)


def test_from_outside_the_process_is_named_by_its_id(v2):
    probe = v2.probe()
    assert probe.for_process(1) is probe
    v2.write(f"proc/{os.getpid()}/cgroup", "0::/jobs/one\n")
    inside = CgroupProbe(root=str(v2.folder))
    outside = pickle.loads(pickle.dumps(inside.for_process(PID)))
    outside.start()
    assert sample(outside)["memory_charged"] == 3_000_000
