"""The extra ``visu``: which error names it where it is not installed."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator

from multimeter.errors import MissingExtraError

__all__ = ["PACKAGES", "naming_the_extra", "require_extra"]

PACKAGES = frozenset(
    (
        "docker",
        "duckdb",
        "h11",
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
    """Name the extra where a package of it cannot be imported.

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


def require_extra() -> None:
    """Check that the packages of the extra are installed, without importing them.

    What is imported only later, or by the server in the background, would fail there.

    Raises:
        MissingExtraError: The extra is not installed.
    """
    needed = PACKAGES - ({"tomli"} if sys.version_info >= (3, 11) else set())
    with naming_the_extra():
        # Last, as "docker" would be taken for the engine, which is optional.
        for package in sorted(needed, key=lambda name: (name == "docker", name)):
            if importlib.util.find_spec(package) is None:
                raise MissingExtraError(package, "visu")
