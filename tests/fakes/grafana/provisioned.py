"""The files that Grafana is provisioned with, read and refused as Grafana 9.3.2 does.

https://grafana.com/docs/grafana/latest/administration/provisioning/

What Grafana takes, and then shows as broken to whoever opens it, is refused here at once:
data sources without a name, a type or a uid, another apiVersion, a home dashboard that is
not there, dashboards of a later schema than Grafana 9 knows.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from typing import Any

import yaml

__all__ = ["ProvisioningError", "expand", "read_dashboards", "read_data_sources"]

SCHEMA_VERSION = 37
_FILE = re.compile(r"\$__file\{([^}]*)\}")
_ENVIRONMENT = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")


class ProvisioningError(Exception):
    """Something with which Grafana would not start."""


def expand(value: str) -> str:
    """Put in what ``$__file{...}`` names, as in grafana.ini and its variables."""

    def read(match: re.Match[str]) -> str:
        try:
            return pathlib.Path(match[1]).read_text().strip()
        except OSError as error:
            text = "got error while expanding expander file"
            raise ProvisioningError(f"{text}: {match[1]}: {error.strerror}") from error

    return _FILE.sub(read, value)


def _interpolate(value: Any) -> Any:
    """Put in files and variables of the environment; ``$$`` stands for a dollar."""
    if isinstance(value, dict):
        return {key: _interpolate(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolate(each) for each in value]
    if not isinstance(value, str):
        return value

    def environment(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "$" if name is None else os.environ.get(name, "")

    if "$__file{" in value:
        return expand(value)
    return _ENVIRONMENT.sub(environment, value)


def _documents(folder: pathlib.Path) -> list[dict[str, Any]]:
    documents = []
    for file in sorted(folder.glob("*.y*ml")):
        try:
            document = yaml.safe_load(file.read_text())
        except (OSError, yaml.YAMLError) as error:
            raise ProvisioningError(f"{file}: {error}") from error
        if not isinstance(document, dict) or document.get("apiVersion") != 1:
            raise ProvisioningError(f"{file}: apiVersion is not 1")
        documents.append(document)
    return documents


def read_data_sources(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the data sources by their uid.

    Raises:
        ProvisioningError: A file is broken, or a secret's file cannot be read.
    """
    sources: dict[str, dict[str, Any]] = {}
    for document in _documents(folder):
        for source in _interpolate(document.get("datasources") or []):
            for key in ("name", "type", "access", "uid"):
                if not source.get(key):
                    raise ProvisioningError(f"datasource {key} is required")
            if source["uid"] in sources:
                raise ProvisioningError(f"datasource uid {source['uid']} is there twice")
            sources[source["uid"]] = source
    if sum(bool(each.get("isDefault")) for each in sources.values()) > 1:
        raise ProvisioningError("Only one datasource per organization can be default")
    return sources


def read_dashboards(folder: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the dashboards of all providers by their uid.

    A broken dashboard is passed over with a word in the log, as Grafana does.

    Raises:
        ProvisioningError: A provider is broken.
    """
    dashboards: dict[str, dict[str, Any]] = {}
    for document in _documents(folder):
        for provider in _interpolate(document.get("providers") or []):
            if provider.get("type") != "file":
                raise ProvisioningError(f"invalid provider type {provider.get('type')}")
            path = (provider.get("options") or {}).get("path")
            if not path or not pathlib.Path(path).is_dir():
                raise ProvisioningError(f"dashboard path {path} does not exist")
            for file in sorted(pathlib.Path(path).glob("*.json")):
                dashboard = _read_dashboard(file, str(provider.get("folder") or ""))
                if dashboard is not None:
                    dashboard["__external"] = file.name
                    dashboards[dashboard["uid"]] = dashboard
    return dashboards


def _read_dashboard(file: pathlib.Path, folder: str) -> dict[str, Any] | None:
    try:
        dashboard = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        print(f"level=error msg=failed to load dashboard file={file} error={error}")
        return None
    trouble = ""
    if not dashboard.get("title"):
        trouble = "Dashboard title cannot be empty"
    elif not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard.get("uid", "")):
        trouble = "uid contains illegal characters"
    elif dashboard.get("schemaVersion", 0) > SCHEMA_VERSION:
        trouble = "schemaVersion is of a later Grafana"
    elif dashboard["title"].lower() == folder.lower():
        trouble = "Dashboard name cannot be the same as folder"
    if trouble:
        print(f"level=error msg=failed to save dashboard file={file} error={trouble}")
        return None
    return dict(dashboard)
