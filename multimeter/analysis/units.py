"""Units: the one table of them, and how a quantity is written for people.

Values are stored in the unit in which they were measured. To be added up, compared or
shown, they are multiplied with the factor of that unit, and are then in the base unit of
its dimension. Grafana has names of its own, which the API of the page uses as well:
https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options/#unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from multimeter import metric
from multimeter.analysis.quantities import format_quantity, scale

__all__ = [
    "METRIC_UNITS",
    "UNITS",
    "Unit",
    "axis_scale",
    "base_factor",
    "format_value",
    "grafana_name",
    "is_scaled",
    "limit_factors",
    "shown_unit",
    "style_of",
    "total_unit",
    "unit_named",
    "units_json",
]

Style = Literal["number", "percent", "binary", "decimal", "rate", "time"]


@dataclass(frozen=True)
class _Dimension:
    """What units have in common that can be converted into each other.

    Attributes:
        base: The name of the base unit.
        style: How a quantity is written: ``percent`` of 1; ``binary`` prefixes (KiB);
            ``decimal`` ones (kJ), of a ``rate`` without a space; parts of ``time``.
        symbol: The symbol behind the prefix.
        total: The unit of what values add up to over time, each times its seconds; None
            where that means nothing.
    """

    base: str
    style: Style
    symbol: str = ""
    total: str | None = None


_DIMENSIONS: Mapping[str, _Dimension] = {
    "number": _Dimension("", "number"),
    "cpu": _Dimension("cores", "percent", "%", "s"),
    "share": _Dimension("share", "percent", "%", "s"),
    "data": _Dimension("bytes", "binary", "B"),
    "throughput": _Dimension("B/s", "decimal", "B/s", "bytes"),
    "frequency": _Dimension("1/s", "rate", "/s", ""),
    "time": _Dimension("s", "time", "s"),
    "energy": _Dimension("J", "decimal", "J"),
    "power": _Dimension("W", "decimal", "W", "J"),
}


@dataclass(frozen=True)
class Unit:
    """A unit.

    Attributes:
        name: Its name in schemas, in JSON and in limits.
        dimension: What it measures; of a unit that the table lacks, its name.
        factor: What a value is multiplied with to be in the base unit.
        grafana: What Grafana calls it; a name that Grafana does not know either is
            written behind the number.
        limit_factor: The factor where a person types it in a limit, if it is another one.
    """

    name: str
    dimension: str
    factor: float
    grafana: str
    limit_factor: float | None = None


UNITS: tuple[Unit, ...] = (
    Unit("", "number", 1.0, "short"),
    Unit("count", "number", 1.0, "none"),
    # 1 is one busy core: 100 %, as top(1), ps(1) and `docker stats` show it.
    Unit("cores", "cpu", 1.0, "percentunit"),
    Unit("core", "cpu", 1.0, "percentunit"),
    # 1 is all of it.
    Unit("share", "share", 1.0, "percentunit"),
    Unit("%", "share", 0.01, "percent"),
    # A limit of CPU may be typed as it is shown.
    Unit("%", "cpu", 0.01, "percent"),
    Unit("bytes", "data", 1.0, "bytes"),
    Unit("B", "data", 1.0, "bytes"),
    # The kernel's kB are 1024 bytes, as of ru_maxrss in getrusage(2) and VmHWM in proc(5).
    # A person who types kB means 1000 (https://www.bipm.org/en/measurement-units/si-prefixes).
    Unit("kB", "data", 1024.0, "kbytes", limit_factor=1e3),
    Unit("KiB", "data", 1024.0, "kbytes"),
    Unit("MB", "data", 1e6, "decmbytes"),
    Unit("MiB", "data", 1024.0**2, "mbytes"),
    Unit("GB", "data", 1e9, "decgbytes"),
    Unit("GiB", "data", 1024.0**3, "gbytes"),
    Unit("TB", "data", 1e12, "dectbytes"),
    Unit("TiB", "data", 1024.0**4, "tbytes"),
    Unit("B/s", "throughput", 1.0, "Bps"),
    Unit("1/s", "frequency", 1.0, "cps"),
    Unit("/s", "frequency", 1.0, "cps"),
    Unit("ops/s", "frequency", 1.0, "ops"),
    Unit("s", "time", 1.0, "s"),
    Unit("ms", "time", 1e-3, "ms"),
    Unit("us", "time", 1e-6, "µs"),
    Unit("ns", "time", 1e-9, "ns"),
    Unit("min", "time", 60.0, "m"),
    Unit("h", "time", 3600.0, "h"),
    Unit("J", "energy", 1.0, "joule"),
    Unit("kJ", "energy", 1e3, "kJ"),
    Unit("MJ", "energy", 1e6, "MJ"),
    Unit("Wh", "energy", 3.6e3, "watth"),
    Unit("kWh", "energy", 3.6e6, "kwatth"),
    Unit("W", "power", 1.0, "watt"),
)
"""Every unit that is known, the base unit of a dimension first."""

METRIC_UNITS: Mapping[str, str] = {
    **{
        each.key: each.unit
        for each in vars(metric).values()
        if isinstance(each, metric.Metric) and each.unit
    },
    "gpu_use": "%",
}
"""Units of metrics, where no schema has them: other programs wrote the values."""


def _by_name(names: Iterable[tuple[str, Unit]]) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for name, unit in names:
        found.setdefault(name, unit)
    return found


_BY_NAME = _by_name((each.name, each) for each in UNITS)
# Grafana's "m" are minutes, but a rig that measures in "m" means metres.
_BY_GRAFANA = _by_name((each.grafana, each) for each in UNITS if each.factor == 1.0)


def unit_named(name: str) -> Unit:
    """Return a unit by its name, or a base unit by that which Grafana has for it.

    One that the table lacks is its own base unit.
    """
    found = _BY_NAME.get(name) or _BY_GRAFANA.get(name)
    return found or Unit(name, name, 1.0, name)


def base_factor(name: str) -> float:
    """Return what a value in a unit is multiplied with to be in the base unit."""
    return unit_named(name).factor


def _dimension(unit: Unit) -> _Dimension:
    return _DIMENSIONS.get(unit.dimension) or _Dimension(unit.name, "number", unit.name)


def grafana_name(name: str) -> str:
    """Return what Grafana calls a unit: no query has to multiply its values."""
    return unit_named(name).grafana


def shown_unit(name: str) -> tuple[str, float]:
    """Return the unit in which values are shown, and what to multiply with.

    It is the base unit, as Grafana calls it; of several such names that which was given.
    """
    unit = unit_named(name)
    if unit.factor == 1.0:
        return unit.grafana, 1.0
    return _BY_NAME[_dimension(unit).base].grafana, unit.factor


def is_scaled(name: str) -> bool:
    """Whether quantities in a unit are written with a prefix, in parts or in per cent."""
    return _dimension(unit_named(name)).style != "number"


def total_unit(name: str) -> str | None:
    """Return the base unit of what values add up to over time; None where of none."""
    return _dimension(unit_named(name)).total


def limit_factors(name: str) -> dict[str, float]:
    """Return the units in which a limit may be typed, with their factors.

    Args:
        name: The unit of what is limited.
    """
    dimension = unit_named(name).dimension
    return {
        each.name: each.limit_factor or each.factor
        for each in UNITS
        if each.dimension == dimension and each.name
    }


def units_json() -> list[dict[str, Any]]:
    """Return the table as JSON, for programs that write quantities themselves.

    Each unit has its ``name``, ``grafana`` name, ``factor`` to the ``base`` unit (as
    Grafana calls it), ``style`` and ``symbol``, and the ``total`` unit or null.
    """
    rows = []
    for each in UNITS:
        dimension = _dimension(each)
        total = dimension.total
        rows.append(
            {
                "name": each.name,
                "grafana": each.grafana,
                "factor": each.factor,
                "base": shown_unit(each.name)[0],
                "style": dimension.style,
                "symbol": dimension.symbol,
                "total": None if total is None else grafana_name(total),
            }
        )
    return rows


def format_value(value: float, unit: str) -> str:
    """Return a quantity as people write it: three digits that count, and its unit.

    Args:
        value: The number.
        unit: The name of its unit, or that which Grafana has for it.
    """
    found = unit_named(unit)
    dimension = _dimension(found)
    return format_quantity(value * found.factor, dimension.style, dimension.symbol)


def style_of(unit: str) -> tuple[str, str]:
    """Return how quantities in a base unit are written: the style, and the symbol."""
    dimension = _dimension(unit_named(unit))
    return dimension.style, dimension.symbol


def axis_scale(most: float, unit: str) -> tuple[float, str]:
    """Return what the values of an axis are divided by, and what is written behind them.

    Args:
        most: The largest of the values.
        unit: The name of their unit, or that which Grafana has for it.
    """
    found = unit_named(unit)
    dimension = _dimension(found)
    size, suffix = scale(most * found.factor, dimension.style, dimension.symbol)
    return size / found.factor, suffix
