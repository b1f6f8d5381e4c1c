"""The specification of a stack: the options of an install.

The command line is parsed into it once; an engine completes it; ``visu.config.json`` stores
it unchanged; the plan and the containers are made from it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.connection import DEFAULT_BUCKET, DEFAULT_NAME, DEFAULT_ORG, DEFAULT_PORT
from multimeter.errors import ConfigurationError

__all__ = [
    "DEFAULT_BUCKET",
    "DEFAULT_NAME",
    "DEFAULT_ORG",
    "GRAFANA_PORT",
    "HIGHEST_PORT",
    "WRITE_PORT",
    "StackSpec",
    "checked_port",
    "require_usable_name",
]

WRITE_PORT = DEFAULT_PORT
"""The default port of the write API."""

GRAFANA_PORT = 3000
"""The default port of Grafana."""

HIGHEST_PORT = 65535

_LONGEST_NAME = 255
_STACK = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PUBLIC = ("name", "engine_name", "org", "bucket")
"""Fields that are in the public part of the configuration."""


@dataclass(frozen=True)
class StackSpec:
    """The desired stack; in the configuration of an installed one, the actual stack.

    Attributes:
        name: The name of the stack.
        engine_name: The engine: ``auto``, ``docker`` or ``embedded``.
        org: The name of the organisation.
        bucket: The name of the bucket.
        directory: The folder for the data; empty for the engine's default.
        port: The port of the write API; 0 for any free one, None for the default, or the
            next free one if that is taken.
        grafana_port: Docker: the port of Grafana, likewise.
        influxdb_image: Docker: the image of InfluxDB 2.
        grafana_image: Docker: the image of Grafana.
        timeout: Docker: the maximum wait for the containers, in seconds.
        anonymous: Docker: whether Grafana can be viewed without a login.
        influxdb_url: Docker: the URL of an existing InfluxDB; empty to create one.
        influxdb_token: A token that may read and write its bucket. The configuration
            stores it as the token of the stack, not here.
    """

    name: str = DEFAULT_NAME
    engine_name: str = "auto"
    org: str = DEFAULT_ORG
    bucket: str = DEFAULT_BUCKET
    directory: str = ""
    port: int | None = None
    grafana_port: int | None = None
    influxdb_image: str = "influxdb:2"
    grafana_image: str = "grafana/grafana:12.4.2"
    timeout: float = 120.0
    anonymous: bool = False
    influxdb_url: str = ""
    influxdb_token: str = field(default="", repr=False)

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Any],
        *,
        name: str,
        engine_name: str,
        org: str,
        bucket: str,
    ) -> StackSpec:
        """Return the specification stored in a configuration.

        Args:
            state: The engine's part of the configuration.
            name: The name of the stack.
            engine_name: The name of the engine.
            org: The name of the organisation.
            bucket: The name of the bucket.
        """
        kept = state.get("spec")
        if not isinstance(kept, Mapping):
            # An earlier layout has the fields in the state itself, and another name for the
            # port of containers.
            kept = {"port": state.get("influxdb_port"), **state}
        names = [each.name for each in dataclasses.fields(cls) if each.name not in _PUBLIC]
        fields = {each: kept[each] for each in names if each in kept}
        return cls(name=name, engine_name=engine_name, org=org, bucket=bucket, **fields)

    def to_state(self) -> dict[str, Any]:
        """Return the part for the state of the engine, for :meth:`from_state`."""
        fields = dataclasses.asdict(self)
        for each in (*_PUBLIC, "influxdb_token"):
            del fields[each]
        return {"spec": fields}

    def require_usable_names(self) -> None:
        """Check the names of the stack, the organisation and the bucket.

        The rules are InfluxDB's:
        https://docs.influxdata.com/influxdb/v2/admin/buckets/create-bucket/#bucket-naming-restrictions

        Raises:
            ConfigurationError: One of them cannot be used.
        """
        require_usable_name(self.name)
        for what, name in (("organisation", self.org), ("bucket", self.bucket)):
            if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
                raise ConfigurationError(
                    f"{name!r:.80} cannot be the name of the {what}.",
                    cause="It is empty, too long, or contains unprintable characters.",
                    next_step="Choose another with -o ORG and -b BUCKET.",
                )
        if self.bucket.startswith("_") or '"' in self.bucket:
            raise ConfigurationError(
                f"{self.bucket!r:.80} cannot be the name of the bucket.",
                cause="InfluxDB reserves names that start with _, and allows no quotes.",
                next_step="Choose another with -b BUCKET.",
            )


def require_usable_name(stack: str) -> None:
    """Check the name of a stack.

    Raises:
        ConfigurationError: Files, containers and volumes cannot be named after it.
    """
    if not _STACK.fullmatch(stack):
        raise ConfigurationError(
            f"{stack!r:.80} cannot be the name of a stack.",
            cause="Files, containers and volumes are named after it.",
            next_step="Use at most 40 lowercase letters, digits and -.",
        )


def checked_port(number: str | float | None) -> int:
    """Return a valid port number.

    Raises:
        TypeError: It is None.
        ValueError: It is out of range, or not a number.
        OverflowError: It is infinite.
    """
    if number is None:
        raise TypeError("there is no port")
    port = int(number)
    if not 0 < port <= HIGHEST_PORT:
        raise ValueError(f"{port} is not a valid port")
    return port
