"""Loggers: write single values over time to a database.

::

    from multimeter.loggers import ContinuousLogger

    logger = ContinuousLogger("dateplots_lab", "user", "password", ["lab_pressure"])
    logger.start()
    logger.enqueue_point_now("lab_pressure", gauge.read())
    logger.stop()
"""

from __future__ import annotations

from multimeter.data.identifiers import LOGS as STACK_MEASUREMENT
from multimeter.errors import StartupException, UnknownCodenameError
from multimeter.loggers.continuous import ContinuousLogger
from multimeter.loggers.thinning import DeadBand
from multimeter.loggers.timed_query import (
    NONE_RESPONSE,
    InterruptableThread,
    NoneResponse,
    timeout_query,
)

__all__ = [
    "NONE_RESPONSE",
    "STACK_MEASUREMENT",
    "ContinuousLogger",
    "DeadBand",
    "InterruptableThread",
    "NoneResponse",
    "StartupException",
    "UnknownCodenameError",
    "timeout_query",
]
