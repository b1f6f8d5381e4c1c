"""Connection: where a stack listens, and what opens it."""

from __future__ import annotations

import json
import os
import pathlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.errors import ConfigurationError, NoStackError
from multimeter.line_protocol import portable_measurement

__all__ = [
    "CONFIGURATION_VERSION",
    "RUN_DASHBOARD",
    "Connection",
    "default_config_file",
    "find_connection",
    "load_configuration",
    "read_connection",
    "run_page",
]

CONFIGURATION_VERSION = 1
"""Of the configuration file; another number is another layout."""

RUN_DASHBOARD = "6V5fU2t7r"
"""The dashboard of one run in links, whichever engine answers; people keep them."""


@dataclass(frozen=True)
class Connection:
    """How to reach one bucket.

    Attributes:
        url: The URL of the server.
        org: The name of the organisation.
        bucket: The name of the bucket.
        token: The token that may write.
        read_token: The token that may read; empty when unknown.
        page: What a person opens; empty when unknown.
        engine: What the stack runs on, ``docker`` or ``embedded``; empty when unknown. It
            makes no difference to where points go.
    """

    url: str
    org: str
    bucket: str
    token: str = field(repr=False)
    read_token: str = field(default="", repr=False)
    page: str = ""
    engine: str = field(default="", compare=False)

    def page_of(self, identifier: str) -> str:
        """Return what a person opens to see one run; empty when unknown."""
        if not self.page:
            return ""
        if self.engine == "embedded":
            return run_page(self.page, identifier)
        name = urllib.parse.quote(portable_measurement(identifier), safe="")
        return (
            f"{self.page.rstrip('/')}/d/{RUN_DASHBOARD}/multimeter?var-measurementId={name}"
        )


def run_page(page: str, identifier: str) -> str:
    """Return the address of one run on the page of the embedded server.

    Args:
        page: Where the page is.
        identifier: The identifier of the run.
    """
    name = urllib.parse.quote(portable_measurement(identifier), safe="")
    return f"{page.rstrip('/')}/?run={name}"


def default_config_file(name: str = "multimeter") -> pathlib.Path:
    """Return where ``multimeter-visu install`` puts its configuration.

    Args:
        name: The name of the stack.
    """
    file = "visu.config.json" if name == "multimeter" else f"{name}.config.json"
    return pathlib.Path.home() / ".multimeter" / file


def find_connection(
    config_file: str | os.PathLike[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Connection:
    """Return the connection to use.

    Args:
        config_file: The configuration of an installed stack. Without it the
            environment is asked first: ``INFLUXDB_V2_URL``, ``INFLUXDB_V2_TOKEN``,
            ``INFLUXDB_V2_ORG`` and ``INFLUXDB_V2_BUCKET``; then the configuration in
            the home folder.
        environment: The environment; by default that of the process.

    Raises:
        NoStackError: There is none of them.
        ConfigurationError: The configuration cannot be used.
    """
    if config_file is not None:
        return read_connection(pathlib.Path(config_file))
    environment = os.environ if environment is None else environment
    if environment.get("INFLUXDB_V2_URL") and environment.get("INFLUXDB_V2_TOKEN"):
        return Connection(
            url=environment["INFLUXDB_V2_URL"],
            org=environment.get("INFLUXDB_V2_ORG", "kantai"),
            bucket=environment.get("INFLUXDB_V2_BUCKET", "multimeter"),
            token=environment["INFLUXDB_V2_TOKEN"],
        )
    return read_connection(default_config_file())


def read_connection(path: pathlib.Path) -> Connection:
    """Return the connection that a configuration file describes.

    Raises:
        NoStackError: There is no such file.
        ConfigurationError: It cannot be read, or says something else.
    """
    data = load_configuration(path)
    return Connection(**{key: data.get(key, "") for key in Connection.__dataclass_fields__})


def load_configuration(path: pathlib.Path) -> dict[str, Any]:
    """Return all that a configuration file says, its connection checked.

    Raises:
        NoStackError: There is no such file.
        ConfigurationError: It cannot be read, or says something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoStackError(
            f"No visualization is installed: there is no {path}.",
            next_step="multimeter-visu install",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error}",
            cause="It was edited or damaged, or belongs to another user.",
            next_step="Mend it, or remove the file and run multimeter-visu install.",
        ) from error
    if not isinstance(data, dict) or data.get("version") != CONFIGURATION_VERSION:
        raise ConfigurationError(
            f"The configuration {path} is not of version {CONFIGURATION_VERSION}.",
            cause="Another version of Multimeter wrote it.",
            next_step="Upgrade Multimeter, or remove the file and install again.",
        )
    _check_texts(path, data)
    return data


def _check_texts(path: pathlib.Path, data: Mapping[str, Any]) -> None:
    texts = {key: data.get(key, "") for key in Connection.__dataclass_fields__}
    missing = [key for key in ("url", "org", "bucket", "token") if not texts[key]]
    wrong = [key for key, value in texts.items() if not isinstance(value, str)]
    if missing or wrong:
        raise ConfigurationError(
            f"The configuration {path} has no usable '{(missing + wrong)[0]}'.",
            next_step="Mend it, or remove the file and run multimeter-visu install.",
        )
