"""The extra ``visu``: what is said where it is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from multimeter.errors import MissingExtraError

__all__ = ["PACKAGES", "naming_the_extra"]

PACKAGES = frozenset(
    (
        "docker",
        "duckdb",
        "influxdb_client",
        "jinja2",
        "numpy",
        "plotly",
        "requests",
        "starlette",
        "tomli",
        "uvicorn",
    )
)
"""The packages of the extra, as they are imported."""


@contextlib.contextmanager
def naming_the_extra() -> Iterator[None]:
    """Say which extra is missing where a package of it cannot be imported.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in PACKAGES:
            raise
        raise MissingExtraError(package, "visu") from error
