"""Measure what Python code uses, keep every point, and see it.

::

    from multimeter import InfluxDBStorage, Multimeter, ResourceProbe

    multimeter = Multimeter(ResourceProbe(), storage=InfluxDBStorage.from_stack())
    with multimeter.measure("my-run"):
        work()
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to import than this module
if TYPE_CHECKING:
    from multimeter.errors import (
        ConfigurationError,
        FormatError,
        LineProtocolError,
        MissingExtraError,
        MultimeterError,
        NoStackError,
        ProbeError,
        QueueFullError,
        StartupException,
        StateError,
        StorageError,
        UnknownCodenameError,
        UnsupportedError,
    )
    from multimeter.measure import Measure
    from multimeter.measurement import Measurement
    from multimeter.metric import Metric
    from multimeter.multimeter import Multimeter
    from multimeter.probe import Probe, ResourceProbe
    from multimeter.result import Mark, Point, Result
    from multimeter.schema import Schema
    from multimeter.storages.base import Storage
    from multimeter.storages.dummy import DummyStorage
    from multimeter.storages.file import FileFormat, FileStorage, JsonFormat, LineFormat
    from multimeter.storages.influx import InfluxDBStorage
    from multimeter.subject import Subject

__all__ = [
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

__version__ = "1.0.0"

# A program does not wait for what it does not use; `multimeter run` uses nothing of it
# for a short command.
_LAZY = {
    "ConfigurationError": "multimeter.errors",
    "FormatError": "multimeter.errors",
    "LineProtocolError": "multimeter.errors",
    "MissingExtraError": "multimeter.errors",
    "MultimeterError": "multimeter.errors",
    "NoStackError": "multimeter.errors",
    "ProbeError": "multimeter.errors",
    "QueueFullError": "multimeter.errors",
    "StartupException": "multimeter.errors",
    "StateError": "multimeter.errors",
    "StorageError": "multimeter.errors",
    "UnknownCodenameError": "multimeter.errors",
    "UnsupportedError": "multimeter.errors",
    "DummyStorage": "multimeter.storages.dummy",
    "FileFormat": "multimeter.storages.file",
    "FileStorage": "multimeter.storages.file",
    "InfluxDBStorage": "multimeter.storages.influx",
    "JsonFormat": "multimeter.storages.file",
    "LineFormat": "multimeter.storages.file",
    "Mark": "multimeter.result",
    "Measure": "multimeter.measure",
    "Measurement": "multimeter.measurement",
    "Metric": "multimeter.metric",
    "Multimeter": "multimeter.multimeter",
    "Point": "multimeter.result",
    "Probe": "multimeter.probe",
    "ResourceProbe": "multimeter.probe",
    "Result": "multimeter.result",
    "Schema": "multimeter.schema",
    "Storage": "multimeter.storages.base",
    "Subject": "multimeter.subject",
}

_MODULES = frozenset(each.split(".")[1] for each in _LAZY.values())

if not TYPE_CHECKING:  # a type checker shall find misspelt names

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562)."""
        import importlib

        if name in _MODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name not in _LAZY:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
        return value


def load_ipython_extension(shell: object) -> None:
    """Add ``%%multimeter`` to IPython: called by ``%load_ext multimeter``."""
    from multimeter.ipython import load

    load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
