"""The state of an install in containers: what it has chosen beside its specification."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.visualization.engines.docker.discovery import Endpoint

__all__ = ["GRAFANA_USER", "INFLUXDB_USER", "PENDING", "DockerState"]

GRAFANA_USER = "admin"
INFLUXDB_USER = "multimeter"
PENDING = "not-set-up-yet"
"""In place of a token, until there is one."""


@dataclass(frozen=True)
class DockerState:
    """The id and the secrets of an install, and what it found.

    All of it is chosen before anything is made, and written down: an install that is
    killed at any moment can then be taken back, or gone on with.

    Attributes:
        endpoint: Where the engine is.
        id: The id of the install; what it makes has it as a label.
        operator_token: The token with all rights in InfluxDB.
        influxdb_password: The password of :data:`INFLUXDB_USER`.
        grafana_password: The password of :data:`GRAFANA_USER`.
        user: The owner of the folder, as ``uid:gid``; empty leaves it to the images.
        adopted: Names of volumes and folders that were there before.
        made_folders: The folders around those with data that were made for the stack,
            from the inside out.
    """

    endpoint: Endpoint
    id: str
    operator_token: str = field(repr=False)
    influxdb_password: str = field(repr=False)
    grafana_password: str = field(repr=False)
    user: str = ""
    adopted: tuple[str, ...] = ()
    made_folders: tuple[str, ...] = ()

    @classmethod
    def new(cls, endpoint: Endpoint) -> DockerState:
        """Return the state of a new install, with secrets of its own."""
        return cls(
            endpoint,
            id=secrets.token_hex(8),
            operator_token=secrets.token_urlsafe(48),
            influxdb_password=secrets.token_urlsafe(24),
            grafana_password=secrets.token_urlsafe(24),
        )

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DockerState:
        """Return what a configuration keeps.

        Raises:
            TypeError: Something is missing.
        """
        names = [each.name for each in dataclasses.fields(cls)]
        fields = {name: state[name] for name in names if name in state}
        fields["endpoint"] = Endpoint(**fields.get("endpoint", {}))
        lists = {name: tuple(fields.get(name, ())) for name in ("adopted", "made_folders")}
        return cls(**{**fields, **lists})

    def to_state(self) -> dict[str, Any]:
        """Return it as a configuration keeps it."""
        return dataclasses.asdict(self)
