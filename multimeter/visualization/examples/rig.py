"""A rig that is not there: three values over time, logged while work goes on."""

from __future__ import annotations

import math
import pathlib
import threading

from multimeter.loggers import ContinuousLogger
from multimeter.visualization.examples.pace import Pace

__all__ = ["CODENAMES", "RigLogger", "values_at"]

CODENAMES = {
    "demo_pressure": ("mbar", "In a chamber that is pumped out."),
    "demo_temperature": ("°C", "Of the pump, which warms up."),
    "demo_flow": ("l/min", "Of the water that cools it."),
}
"""What is logged: the unit and a description of each codename."""

_SECONDS = 0.05


def values_at(share: float) -> dict[str, float]:
    """Return the values after a share of the time, by codename."""
    wave = math.sin(40 * share)
    return {
        "demo_pressure": 1_000 * math.exp(-14 * share) + 2e-3 * (1.2 + wave),
        "demo_temperature": 21 + 19 * (1 - math.exp(-3 * share)) + 0.15 * wave,
        "demo_flow": 4.2 + 0.1 * math.sin(23 * share) - (1.1 if 0.5 < share < 0.6 else 0),  # noqa: PLR2004 - somebody opens a tap
    }


class RigLogger:
    """Logs the values to a stack, in the background, while it is entered.

    Args:
        config_file: The configuration of the stack.
        pace: How far the demonstration is.
    """

    def __init__(self, config_file: pathlib.Path, pace: Pace) -> None:
        self._logger = ContinuousLogger.to_stack(
            list(CODENAMES),
            config=config_file,
            units={name: unit for name, (unit, _) in CODENAMES.items()},
            descriptions={name: text for name, (_, text) in CODENAMES.items()},
        )
        self._pace = pace
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._log, name="multimeter-demo-rig")

    def __enter__(self) -> None:
        self._logger.start()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._logger.stop()

    def _log(self) -> None:
        while not self._ended.wait(_SECONDS):
            for codename, value in values_at(self._pace.now).items():
                self._logger.enqueue_point_now(codename, value)
