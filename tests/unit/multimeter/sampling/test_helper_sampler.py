from __future__ import annotations

import sys
import threading

import pytest

from multimeter import (
    ConfigurationError,
    DummyStorage,
    Multimeter,
    ResourceProbe,
    Storage,
    UnsupportedError,
)
from multimeter.probes import PythonProbe, SystemProbe
from multimeter.sampling.overhead import SamplerProbe
from multimeter.sampling.process_sampler import HelperSampler


def sampler(*probes, storage=DummyStorage()):  # noqa: B008 - it has no state
    named = {"identifier": "run", "run_id": "01hf7yat000000000000", "tags": {}}
    return HelperSampler(probes, 1.0, print, storage=storage, **named)


class Held(SamplerProbe):
    """Holds what no other process can have."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()


def test_a_probe_that_cannot_be_pickled_is_a_clear_error():
    with pytest.raises(ConfigurationError, match="Held cannot be passed to the helper"):
        sampler(Held())


def test_a_probe_of_the_program_itself_is_a_clear_error(monkeypatch):
    main = type("Mine", (SamplerProbe,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "Mine", main, raising=False)
    with pytest.raises(ConfigurationError, match="Mine cannot be passed") as caught:
        sampler(main())
    assert "module of its own" in str(caught.value)


def test_without_an_interpreter_it_says_what_to_use(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(UnsupportedError, match="no Python interpreter") as caught:
        sampler()
    assert "sampler='thread'" in str(caught.value)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(UnsupportedError):
        sampler()


def test_a_storage_that_cannot_be_handed_over_is_said(caplog):
    class Local(Storage):
        def store(self, result):
            pass

    sampler(storage=Local())
    (record,) = caplog.records
    assert "if this process crashes, the run is not stored" in record.getMessage()


def test_the_log_holds_no_secret_of_a_storage():
    class Job(Storage):
        def __init__(self, token):
            self.token = token

        def store(self, result):
            pass

    assert "s3cret" not in repr(sampler(storage=DummyStorage())._job)
    assert "storage" not in repr(sampler(storage=Job("s3cret"))._job)


@pytest.mark.parametrize("probe", [ResourceProbe, PythonProbe])
def test_a_probe_that_looks_from_inside_is_a_clear_error(probe):
    measurement = Multimeter(probe(), SystemProbe(), sampler="process").measure()
    with pytest.raises(UnsupportedError, match=f"{probe.__name__} cannot"):
        measurement.start()
    assert measurement.result is None


@pytest.mark.parametrize("name", ["threads", "", None])
def test_a_sampler_that_does_not_exist_is_a_clear_error(name):
    with pytest.raises(ConfigurationError, match="no sampler"):
        Multimeter(sampler=name)


def test_a_multimeter_tells_who_samples_and_at_which_cost():
    multimeter = Multimeter(sampler="process", max_overhead=0.05)
    assert (multimeter.sampler, multimeter.max_overhead) == ("process", 0.05)
    assert (Multimeter().sampler, Multimeter().max_overhead) == ("thread", None)
    with pytest.raises(ConfigurationError, match="share"):
        Multimeter(max_overhead=2)
