"""The settings of a stack in containers, as its configuration keeps them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["GRAFANA_USER", "INFLUXDB_USER", "PENDING", "Settings"]

GRAFANA_USER = "admin"
INFLUXDB_USER = "multimeter"
PENDING = "not-set-up-yet"
"""Stands for a token until there is one."""


@dataclass(frozen=True)
class Settings:
    """What is asked for, and the secrets that nobody else knows.

    The secrets are chosen before anything is made, and written down: an install that is
    killed at any moment can then be taken back, or gone on with.

    Attributes:
        id: The id of the install; what it makes carries it as a label.
        endpoint: Where the engine is.
        influxdb_image: The image of InfluxDB.
        grafana_image: The image of Grafana.
        influxdb_port: The port of InfluxDB on 127.0.0.1.
        grafana_port: The port of Grafana on 127.0.0.1.
        timeout: How many seconds containers may take until they answer.
        operator_token: The token that may everything in InfluxDB.
        influxdb_password: The password of :data:`INFLUXDB_USER`.
        grafana_password: The password of :data:`GRAFANA_USER`.
        directory: The folder for the data; empty for volumes.
        user: Whom the folder belongs to, as ``uid:gid``; empty leaves it to the images.
        anonymous: Whether Grafana shows everything without a login.
        influxdb_url: The InfluxDB that someone runs already; empty where we make one.
        adopted: Names of volumes and folders that were there before.
        made_folders: The folders around those with data that were made for the stack,
            from the inside out.
    """

    id: str
    endpoint: Mapping[str, Any]
    influxdb_image: str
    grafana_image: str
    influxdb_port: int
    grafana_port: int
    timeout: float
    operator_token: str = field(repr=False)
    influxdb_password: str = field(repr=False)
    grafana_password: str = field(repr=False)
    directory: str = ""
    user: str = ""
    anonymous: bool = False
    influxdb_url: str = ""
    adopted: tuple[str, ...] = ()
    made_folders: tuple[str, ...] = ()

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Settings:
        """Return the settings that a configuration holds.

        Raises:
            TypeError: It lacks some.
        """
        names = [each.name for each in dataclasses.fields(cls)]
        known = {name: state[name] for name in names if name in state}
        lists = {name: tuple(known.get(name, ())) for name in ("adopted", "made_folders")}
        return cls(**{**known, **lists})

    def to_state(self) -> dict[str, Any]:
        """Return them as a configuration holds them."""
        return dataclasses.asdict(self)
