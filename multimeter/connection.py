"""Connection: where a stack listens, and what opens it."""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multimeter.errors import ConfigurationError, NoStackError
from multimeter.http.proof import ProvingToken
from multimeter.http.server_url import without_secrets
from multimeter.lines.protocol import portable_measurement
from multimeter.system.home import home_folder
from multimeter.system.private import require_own_file

__all__ = [
    "CONFIGURATION_VERSION",
    "DEFAULT_BUCKET",
    "DEFAULT_NAME",
    "DEFAULT_ORG",
    "DEFAULT_PORT",
    "DEFAULT_URL",
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

DEFAULT_NAME = "multimeter"
"""The name of a stack that was not given another one."""

DEFAULT_ORG = "kantai"
DEFAULT_BUCKET = "multimeter"
DEFAULT_PORT = 8086
"""The usual port of the write API."""
DEFAULT_URL = f"http://localhost:{DEFAULT_PORT}"

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
            return run_page(without_secrets(self.page), identifier)
        name = urllib.parse.quote(portable_measurement(identifier), safe="")
        page = without_secrets(self.page).rstrip("/")
        return f"{page}/d/{RUN_DASHBOARD}/multimeter?var-measurementId={name}"


def run_page(page: str, identifier: str) -> str:
    """Return the address of one run on the page of the embedded server.

    Args:
        page: Where the page is.
        identifier: The identifier of the run.
    """
    name = urllib.parse.quote(portable_measurement(identifier), safe="")
    return f"{page.rstrip('/')}/?run={name}"


def default_config_file(name: str = DEFAULT_NAME) -> pathlib.Path:
    """Return where ``multimeter-visu install`` puts its configuration.

    Args:
        name: The name of the stack.
    """
    file = "visu.config.json" if name == DEFAULT_NAME else f"{name}.config.json"
    return home_folder() / ".multimeter" / file


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
            org=environment.get("INFLUXDB_V2_ORG", DEFAULT_ORG),
            bucket=environment.get("INFLUXDB_V2_BUCKET", DEFAULT_BUCKET),
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
    found = {key: data.get(key, "") for key in Connection.__dataclass_fields__}
    if data.get("engine") == "embedded":
        # Also tokens of before, whose form does not say that their server proves itself.
        tokens = ("token", "read_token")
        found |= {key: ProvingToken(found[key]) for key in tokens if found[key]}
    return Connection(**found)


def load_configuration(path: pathlib.Path, *, mend: bool = True) -> dict[str, Any]:
    """Return all that a configuration file says, its connection checked.

    Args:
        path: The file.
        mend: Whether a file or folder that is too open is mended, with a warning.

    Raises:
        NoStackError: There is no such file.
        ConfigurationError: It cannot be read, or says something else; or other users
            own it or may write to it.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            require_own_file(path, stream.fileno(), mend=mend)
            data = json.load(stream)
    except (FileNotFoundError, NotADirectoryError):
        raise NoStackError(
            f"No visualization is installed: there is no {path}.",
            next_step=_how_to_install(),
        ) from None
    except ConfigurationError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error.strerror or error}",
            cause="It belongs to another user, or the disk is failing.",
            next_step="Run this as its owner, or name another file with -c FILE.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read: {error}",
            cause="It was edited or damaged.",
            next_step="Correct it, or remove the file and run multimeter-visu install.",
        ) from error
    if isinstance(data, dict) and "version" not in data and "environment" in data:
        raise _of_first_version(path, data["environment"])
    if not isinstance(data, dict) or data.get("version") != CONFIGURATION_VERSION:
        raise ConfigurationError(
            f"The configuration {path} is not of version {CONFIGURATION_VERSION}.",
            cause="Another version of Multimeter wrote it.",
            next_step="Upgrade Multimeter, or remove the file and install again.",
        )
    _check_texts(path, data)
    return data


def _how_to_install() -> str:
    """Return the command that installs a stack, with what it needs first."""
    try:
        is_there = importlib.util.find_spec("duckdb") is not None
    except (ImportError, ValueError):
        is_there = False
    needs = "" if is_there else "pip install 'multimeter[visu]', then: "
    return f"{needs}multimeter-visu install"


def _of_first_version(path: pathlib.Path, environment: object) -> ConfigurationError:
    """Return the error for what ``multimeter-visu install`` of version 0.1 has written."""
    folder = environment.get("DATA_DIR") if isinstance(environment, dict) else None
    return ConfigurationError(
        f"The configuration {path} is that of a stack of Multimeter 0.1.",
        cause="Its containers influxdb2 and grafana8 may still run, on ports 8086 and 3000"
        + (f"; its data is in {folder}." if isinstance(folder, str) else "."),
        next_step=f"docker rm -f influxdb2 grafana8; mv {path} {path}.old; "
        "multimeter-visu install. The data stays where it is.",
    )


def _check_texts(path: pathlib.Path, data: Mapping[str, Any]) -> None:
    texts = {key: data.get(key, "") for key in Connection.__dataclass_fields__}
    missing = [key for key in ("url", "org", "bucket", "token") if not texts[key]]
    wrong = [key for key, value in texts.items() if not isinstance(value, str)]
    if missing or wrong:
        raise ConfigurationError(
            f"The configuration {path} has no usable '{(missing + wrong)[0]}'.",
            next_step="Mend it, or remove the file and run multimeter-visu install.",
        )
