"""The ten lines of Python that an install prints: they run as they are."""

from __future__ import annotations

import pathlib

__all__ = ["snippet"]

_TEMPLATE = """\
from multimeter import InfluxDBStorage, Multimeter, ResourceProbe
from multimeter.connection import find_connection

storage = InfluxDBStorage.from_stack({config})
multimeter = Multimeter(ResourceProbe(), cycle_time=0.1, storage=storage)
measurement = multimeter.measure("my-run", who="me")
with measurement:
    numbers = [number**0.5 for number in range(10_000_000)]
    measurement.add_mark("numbers are there")
    total = sum(number * number for number in numbers)
print("Look at", find_connection({config}).page_of(measurement.identifier))
"""


def snippet(config_file: pathlib.Path | None) -> str:
    """Return Python that measures something, stores it in a stack and prints its link.

    Args:
        config_file: The configuration of the stack; None for the usual place.
    """
    return _TEMPLATE.format(config="" if config_file is None else repr(str(config_file)))
