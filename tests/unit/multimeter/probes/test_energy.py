from __future__ import annotations

import copy
import pickle

import pytest

from multimeter import StateError, UnsupportedError
from multimeter.probes import EnergyProbe


class Powercap:
    def __init__(self, folder):
        self.folder = folder
        self.domain("intel-rapl:0", "package-0", 5_000_000)
        self.domain("intel-rapl:0:0", "dram", 1_000_000)
        self.domain("intel-rapl:1", "psys", 9_000_000)
        self.domain("intel-rapl-mmio:0", "package-0", 1)

    def domain(self, folder, name, energy):
        path = self.folder / folder
        path.mkdir(exist_ok=True)
        (path / "name").write_text(name + "\n")
        (path / "max_energy_range_uj").write_text("10000000\n")
        (path / "energy_uj").write_text(f"{energy}\n")

    def probe(self):
        return EnergyProbe(str(self.folder))


@pytest.fixture
def powercap(tmp_path):
    return Powercap(tmp_path)


def sample(probe, seconds=1.0):
    values = {}
    probe.sample(values, seconds)
    return values


def test_power_is_the_energy_that_was_used_divided_by_the_time(powercap):
    probe = powercap.probe()
    probe.start()
    powercap.domain("intel-rapl:0", "package-0", 8_000_000)
    values = sample(probe, 2.0)
    assert values["energy:package-0.power"] == 1.5
    assert values["energy:package-0.energy"] == 3.0
    assert values["energy:package-0:dram.power"] == 0.0
    assert set(values) == {each.key for each in probe.measures}
    assert {each.key for each in probe.subjects} == {
        "energy:package-0",
        "energy:package-0:dram",
        "energy:psys",
    }


def test_a_counter_that_starts_again_goes_on(powercap):
    probe = powercap.probe()
    probe.start()
    powercap.domain("intel-rapl:0", "package-0", 1_000_000)
    assert sample(probe)["energy:package-0.power"] == 6.0
    powercap.domain("intel-rapl:0", "package-0", 2_000_000)
    assert sample(probe)["energy:package-0.energy"] == 7.0


def test_a_counter_that_cannot_be_read_for_once_has_no_value_for_once(powercap):
    probe = powercap.probe()
    probe.start()
    (powercap.folder / "intel-rapl:1/energy_uj").unlink()
    assert "energy:psys.power" not in sample(probe)
    powercap.domain("intel-rapl:1", "psys", 9_500_000)
    assert sample(probe)["energy:psys.energy"] == 0.5


def test_a_second_start_begins_at_zero(powercap):
    probe = powercap.probe()
    probe.start()
    powercap.domain("intel-rapl:0", "package-0", 8_000_000)
    sample(probe)
    probe.start()
    assert sample(probe, 0.0)["energy:package-0.energy"] == 0.0


def test_a_copy_for_a_second_measurement_counts_for_itself(powercap):
    probe = powercap.probe()
    probe.start()
    powercap.domain("intel-rapl:0", "package-0", 6_000_000)
    other = copy.copy(probe)
    other.start()
    powercap.domain("intel-rapl:0", "package-0", 7_000_000)
    assert sample(other)["energy:package-0.energy"] == 1.0
    assert sample(probe)["energy:package-0.energy"] == 2.0


def test_a_machine_without_counters_is_a_clear_word(tmp_path):
    with pytest.raises(UnsupportedError, match="does not report the energy"):
        EnergyProbe(str(tmp_path))
    with pytest.raises(UnsupportedError, match="does not report the energy"):
        EnergyProbe(str(tmp_path / "none"))


def test_counters_for_root_only_are_a_clear_word(powercap):
    for file in powercap.folder.rglob("energy_uj"):
        file.unlink()
        file.mkdir()  # which nobody can read, not even root
    with pytest.raises(UnsupportedError, match="cannot be read") as caught:
        powercap.probe()
    assert "energy_uj" in str(caught.value)


def test_a_sample_before_the_start_is_a_clear_error(powercap):
    with pytest.raises(StateError, match="not started"):
        sample(powercap.probe())


def test_it_is_of_the_host_from_wherever_it_is_seen(powercap):
    probe = powercap.probe()
    assert probe.for_process(1) is probe
    assert {each.scope for each in probe.measures} == {"host"}
    assert {each.unit for each in probe.metrics} == {"W", "J"}
    assert len(pickle.loads(pickle.dumps(probe)).measures) == 6
