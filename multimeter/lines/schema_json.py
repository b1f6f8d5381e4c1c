"""Schema as JSON values and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multimeter.data.values import text_of
from multimeter.measure import Measure
from multimeter.metric import Metric
from multimeter.schema import Schema
from multimeter.subject import Subject

__all__ = ["schema_from_json", "schema_to_json"]

_VALUE_TYPES: dict[str, type] = {t.__name__: t for t in (float, int, str, bool)}


def schema_to_json(schema: Schema) -> dict[str, list[dict[str, Any]]]:
    """Return metrics, subjects and measures as lists of JSON objects.

    Attributes that multimeter 0.1 did not have are there where they say something.
    """
    return {
        "metrics": [
            {
                "key": metric.key,
                "description": metric.description,
                "unit": metric.unit,
                "value_type": _name_of(metric.value_type),
                "min_value": metric.min_value,
                "max_value": metric.max_value,
                **_given(upper_bound=metric.upper_bound, peak_of=metric.peak_of),
            }
            for metric in schema.metrics
        ],
        "subjects": [
            {
                "key": subject.key,
                "description": subject.description,
                **_given(scope=subject.scope),
            }
            for subject in schema.subjects
        ],
        "measures": [
            {
                "key": measure.key,
                "subject": measure.subject.key,
                "metric": measure.metric.key,
            }
            for measure in schema.measures
        ],
    }


def _name_of(value_type: Any) -> str:
    # `float | None` is taken for a type, too, and has no name.
    return text_of(getattr(value_type, "__name__", value_type))


def _given(**attributes: Any) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value}


def schema_from_json(data: Mapping[str, Any]) -> Schema:
    """Return the schema that :func:`schema_to_json` wrote.

    A value type that is not one of Python's plain ones comes back as ``object``.

    Raises:
        KeyError, TypeError: The data is not of that form.
    """
    metrics = {
        each["key"]: Metric(
            each["key"],
            each["description"],
            each["unit"],
            _VALUE_TYPES.get(each["value_type"], object),
            each["min_value"],
            each["max_value"],
            bool(each.get("upper_bound", False)),
            str(each.get("peak_of", "")),
        )
        for each in data["metrics"]
    }
    subjects = {
        each["key"]: Subject(each["key"], each["description"], str(each.get("scope", "")))
        for each in data["subjects"]
    }
    measures = tuple(
        Measure(subjects[each["subject"]], metrics[each["metric"]])
        for each in data["measures"]
    )
    return Schema(tuple(metrics.values()), tuple(subjects.values()), measures)
