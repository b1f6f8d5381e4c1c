from __future__ import annotations

import pytest

from multimeter import StateError
from multimeter.probes import SystemProbe
from multimeter.probes.linux_system import LinuxSystem
from multimeter.probes.portable import PortableSystem
from multimeter.probes.pressure import PRESSURES, parse_pressure

STAT = """\
cpu  {user} 100 {system} 5000 {iowait} 3 4 {steal} 0 0
cpu0 1 2 3 4 5 6 7 8 9 10
intr 1 2 3
"""
MEMINFO = """\
MemTotal:       1000 kB
MemFree:         100 kB
MemAvailable:    400 kB
SwapTotal:       200 kB
SwapFree:        150 kB
"""
DISKSTATS = """\
   7       0 loop0 10 0 {loop} 0 10 0 20 0 0 0 0
 254       0 vda 10 0 {read} 0 10 0 {written} 0 0 0 0
 254       1 vda1 10 0 {read} 0 10 0 {written} 0 0 0 0
 253       0 dm-0 10 0 {read} 0 10 0 {written} 0 0 0 0
"""
NET = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
  eth0: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0
docker0: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0
"""
PSI = """\
some avg10=54.14 avg60=19.01 avg300=24.40 total={some}
full avg10=0.00 avg60=0.00 avg300=0.00 total={full}
"""


class Machine:
    """Files about a machine, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.write("sys/block/vda/device/model", "")
        self.write("sys/class/net/eth0/device/vendor", "")
        self.set()

    def write(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def set(self, **values):
        known = {
            "user": 1000,
            "system": 200,
            "iowait": 30,
            "steal": 7,
            "loop": 1,
            "read": 10,
            "written": 20,
            "received": 100,
            "sent": 50,
            "some": 0,
            "full": 0,
            **values,
        }
        self.write("proc/stat", STAT.format(**known))
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/loadavg", "1.25 2.00 3.00 1/100 4242\n")
        self.write("proc/diskstats", DISKSTATS.format(**known))
        self.write("proc/net/dev", NET.format(**known))
        for each in ("cpu", "memory", "io"):
            self.write(f"proc/pressure/{each}", PSI.format(**known))

    def probe(self):
        folders = str(self.folder / "proc"), str(self.folder / "sys")
        return SystemProbe(lambda: LinuxSystem(*folders))


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return {key.removeprefix("system."): value for key, value in values.items()}


def test_cpu_time_is_told_in_cores_kept_busy(machine):
    probe = machine.probe()
    probe.start()
    machine.set(user=1400, system=300, iowait=50, steal=17)
    values = sample(probe, 2.0)
    assert values["cpu_user"] == pytest.approx(2.0)
    assert values["cpu_system"] == pytest.approx(0.5)
    assert values["cpu_iowait"] == pytest.approx(0.1)
    assert values["cpu_steal"] == pytest.approx(0.05)


def test_memory_load_and_swap_are_those_of_now(machine):
    probe = machine.probe()
    probe.start()
    values = sample(probe)
    assert (values["memory_used"], values["memory_available"]) == (600 * 1024, 400 * 1024)
    assert (values["swap_used"], values["load_1"]) == (50 * 1024, 1.25)


def test_what_lies_on_a_disk_or_an_interface_does_not_count_twice(machine):
    probe = machine.probe()
    probe.start()
    machine.set(read=12, written=24, loop=500, received=300, sent=60)
    values = sample(probe)
    assert (values["disk_read"], values["disk_write"]) == (2 * 512, 4 * 512)
    assert (values["network_received"], values["network_sent"]) == (200, 10)


def test_without_hardware_all_but_loops_count(machine):
    (machine.folder / "sys/block/vda/device/model").unlink()
    (machine.folder / "sys/block/vda/device").rmdir()
    (machine.folder / "sys/class/net/eth0/device/vendor").unlink()
    (machine.folder / "sys/class/net/eth0/device").rmdir()
    machine.write("proc/diskstats", "7 0 loop0 1 0 5 0 1 0 9 0\n7 0 vdb 1 0 5 0 1 0 9 0\n")
    probe = machine.probe()
    probe.start()
    machine.set(received=300)
    machine.write("proc/diskstats", "7 0 loop0 1 0 7 0 1 0 9 0\n7 0 vdb 1 0 7 0 1 0 9 0\n")
    values = sample(probe)
    assert values["disk_read"] == 2 * 512
    assert values["network_received"] == 2 * 200


def test_a_disk_that_is_put_in_does_not_count_what_it_did_before(machine):
    probe = machine.probe()
    probe.start()
    machine.write("sys/block/sdb/device/model", "")
    line = "   8 0 sdb 10 0 {} 0 10 0 0 0 0 0 0\n"
    machine.write("proc/diskstats", DISKSTATS.format(loop=1, read=10, written=20))
    with (machine.folder / "proc/diskstats").open("a") as file:
        file.write(line.format(10**9))
    assert sample(probe)["disk_read"] == 0
    machine.write("proc/diskstats", line.format(10**9 + 4))
    assert sample(probe)["disk_read"] == 4 * 512


def test_pressure_is_a_share_of_the_time(machine):
    probe = machine.probe()
    probe.start()
    machine.set(some=500_000, full=250_000)
    values = sample(probe, 2.0)
    assert values["pressure_cpu_some"] == pytest.approx(0.25)
    assert values["pressure_memory_full"] == pytest.approx(0.125)
    assert "pressure_cpu_full" not in values
    machine.set(some=9_000_000)
    assert sample(probe, 1.0)["pressure_io_some"] == 1.0


def test_a_kernel_without_pressure_has_no_measures_of_it(machine):
    for each in ("cpu", "memory", "io"):
        (machine.folder / "proc/pressure" / each).unlink()
    probe = machine.probe()
    assert not [each for each in probe.metrics if each in PRESSURES]
    probe.start()
    assert not [key for key in sample(probe) if key.startswith("pressure")]


def test_an_old_kernel_has_fewer_columns(machine):
    machine.write("proc/stat", "cpu  1000 0 100 5000\n")
    probe = machine.probe()
    probe.start()
    machine.write("proc/stat", "cpu  1100 0 100 5000\n")
    assert sample(probe)["cpu_user"] == pytest.approx(1.0)


def test_pressure_that_is_not_understood_is_left_out():
    assert parse_pressure("irq", b"full avg10=0.00 total=5\n") == {}
    assert parse_pressure("io", b"") == {}


def test_every_measure_has_a_value_on_this_machine():
    for probe in (SystemProbe(), SystemProbe(PortableSystem)):
        probe.start()
        values = {}
        probe.sample(values, 1.0)
        assert set(values) == {each.key for each in probe.measures}
        assert all(value >= 0 for value in values.values())
        assert {each.scope for each in probe.measures} == {"host"}


def test_psutil_and_proc_agree_on_what_only_grows():
    ours, theirs = LinuxSystem().counters(), PortableSystem().counters()
    for key in ("cpu_user", "cpu_system"):
        assert ours[key] == pytest.approx(theirs[key], rel=0.05)
    used = LinuxSystem().levels()["memory_used"]
    assert used == pytest.approx(PortableSystem().levels()["memory_used"], rel=0.2)


def test_a_sample_before_the_start_is_a_clear_error():
    with pytest.raises(StateError, match="not started"):
        SystemProbe().sample({}, 1.0)


def test_from_outside_it_is_the_same_machine():
    probe = SystemProbe()
    assert probe.for_process(1) is probe
