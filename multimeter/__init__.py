"""Measure what Python code uses, keep every point, and see it.

::

    from multimeter import InfluxDBStorage, Multimeter, ResourceProbe

    multimeter = Multimeter(ResourceProbe(), storage=InfluxDBStorage.from_stack())
    with multimeter.measure("my-run"):
        work()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

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
from multimeter.subject import Subject

if TYPE_CHECKING:  # the others import them when they are first asked for, see below
    from multimeter.storages.file import FileFormat, FileStorage, JsonFormat, LineFormat
    from multimeter.storages.influx import InfluxDBStorage

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

# A program that only measures does not wait for what it does not use.
_LAZY = {
    "FileFormat": "multimeter.storages.file",
    "FileStorage": "multimeter.storages.file",
    "InfluxDBStorage": "multimeter.storages.influx",
    "JsonFormat": "multimeter.storages.file",
    "LineFormat": "multimeter.storages.file",
}

if not TYPE_CHECKING:  # a type checker shall find misspelt names

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for (PEP 562)."""
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
