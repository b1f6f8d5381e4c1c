from __future__ import annotations

import importlib
import importlib.metadata

import pytest

import multimeter

PUBLIC = [
    "ConfigurationError",
    "DummyStorage",
    "FileFormat",
    "FileStorage",
    "FormatError",
    "InfluxDBStorage",
    "JsonFormat",
    "LineFormat",
    "LineProtocolError",
    "Mark",
    "Measure",
    "Measurement",
    "Metric",
    "MissingExtraError",
    "Multimeter",
    "MultimeterError",
    "NoStackError",
    "Point",
    "Probe",
    "ProbeError",
    "QueueFullError",
    "ResourceProbe",
    "Result",
    "Schema",
    "StartupException",
    "StateError",
    "Storage",
    "StorageError",
    "Subject",
    "UnknownCodenameError",
    "UnsupportedError",
    "__version__",
]

# Where the documentation of 0.1 says that they are.
PATHS = {
    "multimeter.loggers": [
        "NONE_RESPONSE",
        "ContinuousLogger",
        "InterruptableThread",
        "NoneResponse",
        "StartupException",
        "timeout_query",
    ],
    "multimeter.measure": ["Measure"],
    "multimeter.measurement": ["Measurement"],
    "multimeter.metric": ["Metric"],
    "multimeter.multimeter": ["Multimeter"],
    "multimeter.probe": ["Probe", "ResourceProbe"],
    "multimeter.result": ["Mark", "Point", "Result", "Schema"],
    "multimeter.storages.base": ["Storage"],
    "multimeter.storages.dummy": ["DummyStorage"],
    "multimeter.storages.file": ["FileFormat", "FileStorage", "JsonFormat", "LineFormat"],
    "multimeter.storages.influx": ["InfluxDBStorage"],
    "multimeter.subject": ["SUBJECT_CHILDREN", "SUBJECT_PROCESS", "Subject"],
}


def test_the_package_exports_these_names():
    assert multimeter.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_exported_name_is_there(name):
    assert getattr(multimeter, name)
    assert name in dir(multimeter)


def test_a_star_import_brings_all_of_them():
    names = {}
    exec("from multimeter import *", names)
    assert set(PUBLIC) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Voltmeter'"):
        multimeter.Voltmeter  # noqa: B018 - the look-up is meant
    with pytest.raises(AttributeError, match="no attribute 'tape'"):
        multimeter.storages.tape  # noqa: B018 - the look-up is meant


@pytest.mark.parametrize("path", PATHS)
def test_every_name_has_its_module(path):
    module = importlib.import_module(path)
    for name in PATHS[path]:
        assert hasattr(module, name)
        assert name in module.__all__
        assert name not in PUBLIC or getattr(multimeter, name) is getattr(module, name)


def test_the_version_is_that_of_the_distribution():
    assert multimeter.__version__ == importlib.metadata.version("multimeter")
