"""A model that learns: a logistic regression, and the probe that watches it."""

from __future__ import annotations

import math
import random
from typing import Any

from multimeter import Measure, Metric, Probe, Subject

__all__ = ["Model", "ModelProbe"]

_FEATURES = 12
_SAMPLES = 1_500
_BATCH = 48
_NOISE = 0.6
_RATE = 0.08


class Model:
    """Learns to tell two kinds of made-up points apart; the same each time.

    Attributes:
        loss: The cross entropy of the last batch, in nats.
        accuracy: The share of the last batch that it told right, in per cent.
    """

    def __init__(self) -> None:
        chance = random.Random(7)  # noqa: S311 - just data
        self._chance = chance
        self._true = [chance.gauss(0, 1) for _ in range(_FEATURES)]
        self._samples = [self._sample() for _ in range(_SAMPLES)]
        self._weights = [0.0] * _FEATURES
        self.loss = math.log(2)
        self.accuracy = 50.0

    def _sample(self) -> tuple[list[float], int]:
        point = [self._chance.gauss(0, 1) for _ in range(_FEATURES)]
        score = _dot(self._true, point) + self._chance.gauss(0, _NOISE)
        return point, int(score > 0)

    def step(self) -> None:
        """Learn from one batch, by its gradient."""
        batch = self._chance.sample(self._samples, _BATCH)
        gradient = [0.0] * _FEATURES
        loss, right = 0.0, 0
        for point, kind in batch:
            guess = 1 / (1 + math.exp(-_dot(self._weights, point)))
            loss -= math.log(guess if kind else 1 - guess)
            right += (guess > 0.5) == bool(kind)  # noqa: PLR2004 - the more likely kind
            for each, value in enumerate(point):
                gradient[each] += (guess - kind) * value
        rate = _RATE / _BATCH
        self._weights = [
            weight - rate * slope for weight, slope in zip(self._weights, gradient)
        ]
        self.loss, self.accuracy = loss / _BATCH, 100 * right / _BATCH


def _dot(left: list[float], right: list[float]) -> float:
    return sum(one * other for one, other in zip(left, right))


_MODEL = Subject("model", "The model that learns.")
_LOSS = Measure(_MODEL, Metric("loss", "Cross entropy of the last batch.", "nats"))
_ACCURACY = Measure(
    _MODEL, Metric("accuracy", "How much of the last batch was told right.", "%")
)


class ModelProbe(Probe):
    """Samples how well a model does.

    Args:
        model: The model.
    """

    metrics = (_LOSS.metric, _ACCURACY.metric)
    subjects = (_MODEL,)
    measures = (_LOSS, _ACCURACY)

    def __init__(self, model: Model) -> None:
        self._model = model

    def sample(self, values: dict[str, Any], time_elapsed: float) -> None:  # noqa: ARG002
        """Add its loss and its accuracy.

        Args:
            values: Where they go.
            time_elapsed: Seconds since the sample before, or since the start.
        """
        values[_LOSS.key] = self._model.loss
        values[_ACCURACY.key] = self._model.accuracy
