"""Grafana: the files that it is given, and the client of its HTTP API.

The files go in as one archive through the API of the engine
(https://docs.docker.com/reference/api/engine/version/v1.41/, PutContainerArchive): that
works wherever the engine is, and shows no secret in the configuration of the container.
The HTTP API: https://grafana.com/docs/grafana/latest/developers/http_api/.

``python -m multimeter.visualization.engines.docker.grafana FOLDER`` writes the files of
Grafana for the stack by hand, ``compose/`` in the source tree.
"""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import sys
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from jinja2 import Environment, PackageLoader, StrictUndefined

from multimeter.visualization.dashboards.grafana import DATA_SOURCE_UID, render_dashboards
from multimeter.visualization.dashboards.user_defined import UserDashboard
from multimeter.visualization.engines.docker.spec import GRAFANA_FILES, data_source_url
from multimeter.visualization.engines.docker.state import GRAFANA_USER
from multimeter.visualization.errors import ForeignDataError, VisualizationError
from multimeter.visualization.stack_spec import StackSpec

__all__ = [
    "File",
    "Grafana",
    "archive",
    "compose_files",
    "dashboard_files",
    "data_source_files",
    "digest",
    "password_file",
    "token_file",
]

_PROVISIONING = f"{GRAFANA_FILES}/provisioning"
_SECRETS = f"{GRAFANA_FILES}/secrets"
_READ_TOKEN = f"{_SECRETS}/influxdb-read-token"
_EMPTY_FOLDERS = ("plugins", "alerting", "access-control", "notifiers")
"""Grafana looks for these too, and logs an error where they are missing."""


@dataclass(frozen=True)
class File:
    """A file, or a folder if it has no text.

    Attributes:
        path: Its path in the container.
        text: Its content; None for a folder.
        secret: Whether only its owner may read it.
    """

    path: str
    text: str | None = field(repr=False)
    secret: bool = False


def dashboard_files(own: Sequence[UserDashboard] = ()) -> list[File]:
    """Return the folders and the dashboards, which contain no secrets.

    Args:
        own: User-defined dashboards.
    """
    folders = [GRAFANA_FILES, f"{GRAFANA_FILES}/dashboards", _PROVISIONING]
    folders += [f"{_PROVISIONING}/{each}" for each in ("datasources", "dashboards")]
    folders += [f"{_PROVISIONING}/{each}" for each in _EMPTY_FOLDERS]
    provider = _render("dashboards.yaml.j2", folder=f"{GRAFANA_FILES}/dashboards")
    return [
        *(File(path, None) for path in folders),
        File(_SECRETS, None, secret=True),
        File(f"{_PROVISIONING}/dashboards/multimeter.yaml", provider),
        *(
            File(f"{GRAFANA_FILES}/dashboards/{name}", text)
            for name, text in render_dashboards(own).items()
        ),
    ]


def password_file(password: str) -> File:
    """Return the file with the password of Grafana's administrator."""
    return File(f"{_SECRETS}/admin-password", password, secret=True)


def data_source_files(url: str, org: str, bucket: str, read_token: str) -> list[File]:
    """Return the data source, and the file with its token."""
    source = _render(
        "datasources.yaml.j2",
        uid=DATA_SOURCE_UID,
        url=url,
        org=org,
        bucket=bucket,
        token=f"$__file{{{_READ_TOKEN}}}",
    )
    return [
        token_file(read_token),
        File(f"{_PROVISIONING}/datasources/multimeter.yaml", source),
    ]


def token_file(read_token: str) -> File:
    """Return the file with the token of the data source."""
    return File(_READ_TOKEN, read_token, secret=True)


def digest(files: Iterable[File]) -> str:
    """Return a hash of the files that are not secret."""
    contents = {each.path: each.text for each in files if not each.secret}
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:16]


def archive(files: Iterable[File], uid: int, gid: int, time_s: float) -> bytes:
    """Return files as a tar archive, to be unpacked at the root.

    Args:
        files: The files and folders.
        uid: The user that owns them.
        gid: The group that owns them.
        time_s: Their modification time, in seconds since the epoch.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for file in files:
            data = (file.text or "").encode()
            entry = tarfile.TarInfo(file.path.lstrip("/"))
            entry.uid, entry.gid, entry.mtime = uid, gid, int(time_s)
            if file.text is None:
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o700 if file.secret else 0o755
            else:
                entry.size = len(data)
                entry.mode = 0o600 if file.secret else 0o644
            tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _yaml(value: str) -> str:
    """Return text as YAML; Grafana would expand variables after a ``$``."""
    # JSON escapes a character outside the BMP as two surrogates, which YAML lacks.
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)


def _render(template: str, **values: str) -> str:
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - a filter writes every value as YAML
    )
    environment.filters["yaml"] = _yaml
    return environment.get_template(template).render(**values)


_POLL_SECONDS = 2.0
_CALL_SECONDS = 60.0
_OK = 200
_UNAUTHORIZED = 401


class Grafana:
    """The client of one Grafana, as its administrator.

    Args:
        url: The URL of the server.
        password: The password of the administrator.
    """

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (GRAFANA_USER, password)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def is_up(self) -> bool:
        """Whether it answers and its database is healthy."""
        try:
            answer = self._session.get(
                f"{self._url}/api/health", timeout=_POLL_SECONDS, auth=_without_login
            )
            return bool(answer.ok and answer.json().get("database") == "ok")
        except (requests.RequestException, ValueError, AttributeError):
            return False

    def version(self) -> str:
        """Return its version."""
        return str(self._request("GET", "/api/health").json().get("version", "unknown"))

    def reload_data_sources(self) -> None:
        """Make it read the files of data sources again.

        Raises:
            ForeignDataError: It refuses the password.
        """
        self._request("POST", "/api/admin/provisioning/datasources/reload")

    def has_dashboard(self, uid: str) -> bool:
        """Whether a dashboard exists."""
        return self._send("GET", f"/api/dashboards/uid/{uid}").status_code == _OK

    def query(self, flux: str) -> list[list[Any]]:
        """Run a Flux query through the data source; return the columns of its first table.

        Raises:
            VisualizationError: The data source does not work.
        """
        query = {
            "refId": "A",
            "datasource": {"uid": DATA_SOURCE_UID, "type": "influxdb"},
            "query": flux,
            "intervalMs": 1000,
            "maxDataPoints": 1_000_000,
        }
        body = {"queries": [query], "from": "0", "to": "1"}
        frames = self._request("POST", "/api/ds/query", json=body).json()
        frames = frames["results"]["A"].get("frames") or []
        return list(frames[0]["data"]["values"]) if frames else []

    def _request(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self._send(method, path, **more)
        if answer.status_code == _UNAUTHORIZED:
            raise ForeignDataError(
                "Grafana refuses the password.",
                cause="Its data is from an earlier install with another password, or the"
                " password was changed in Grafana.",
                next_step="If it was changed, set the one that multimeter-visu credentials"
                " shows: in the container, grafana cli admin reset-admin-password PASSWORD",
            )
        if not answer.ok or answer.is_redirect:
            raise VisualizationError(
                f"Grafana answered {answer.status_code} to {method} {path}:"
                f" {_message(answer)}",
                next_step="multimeter-visu logs grafana",
            )
        return answer

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            return self._session.request(
                method,
                self._url + path,
                timeout=_CALL_SECONDS,
                allow_redirects=False,
                **more,
            )
        except requests.RequestException as error:
            raise VisualizationError(
                f"Grafana at {self._url} does not answer.",
                cause="It is stopped, or still starting.",
                next_step="multimeter-visu start",
            ) from error


def _without_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send no login: while Grafana sets its password, it would count as a failed one."""
    return request


def _message(answer: requests.Response) -> str:
    try:
        data = answer.json()
        if "results" in data:
            return str(data["results"]["A"]["error"])
        return str(data["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text[:200]


def compose_files() -> dict[str, str]:
    """Return the content of each file, by its path in the folder of Grafana."""
    files = dashboard_files()
    spec = StackSpec()
    files += data_source_files(data_source_url(spec), spec.org, spec.bucket, "")
    return {
        each.path.removeprefix(f"{GRAFANA_FILES}/"): each.text
        for each in files
        if each.text is not None and not each.secret
    }


def main() -> None:
    """Write the files into the folder given on the command line."""
    folder = pathlib.Path(sys.argv[1])
    for name, text in compose_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
