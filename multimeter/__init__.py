"""Measure what Python code uses, keep every point, and see it.

::

    from multimeter import InfluxDBStorage, Multimeter, ResourceProbe

    multimeter = Multimeter(ResourceProbe(), storage=InfluxDBStorage.from_stack())
    with multimeter.measure("my-run"):
        work()
"""

from __future__ import annotations

from multimeter.errors import (
    ConfigurationError,
    FormatError,
    LineProtocolError,
    MissingExtraError,
    MultimeterError,
    NoStackError,
    ProbeError,
    StateError,
    StorageError,
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
    "ResourceProbe",
    "Result",
    "Schema",
    "StateError",
    "Storage",
    "StorageError",
    "Subject",
    "UnsupportedError",
    "__version__",
]

__version__ = "1.0.0"
