"""Grafana: what the tool asks of it, https://grafana.com/docs/grafana/latest/developers/http_api/."""

from __future__ import annotations

from typing import Any

import requests

from multimeter.visualization.dashboards.grafana import DATA_SOURCE_UID
from multimeter.visualization.engines.docker.state import GRAFANA_USER
from multimeter.visualization.errors import ForeignDataError, VisualizationError

__all__ = ["Grafana"]

_POLL_SECONDS = 2.0
_CALL_SECONDS = 60.0
_OK = 200
_UNAUTHORIZED = 401


class Grafana:
    """One server, as its administrator.

    Args:
        url: Its URL.
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
        """Whether it answers and its database is well."""
        try:
            answer = self._session.get(
                f"{self._url}/api/health", timeout=_POLL_SECONDS, auth=_nobody
            )
            return bool(answer.ok and answer.json().get("database") == "ok")
        except (requests.RequestException, ValueError, AttributeError):
            return False

    def version(self) -> str:
        """Return its version."""
        return str(self._ask("GET", "/api/health").json().get("version", "unknown"))

    def reload_data_sources(self) -> None:
        """Have it read the files of data sources again.

        Raises:
            ForeignDataError: It does not know the password.
        """
        self._ask("POST", "/api/admin/provisioning/datasources/reload")

    def has_dashboard(self, uid: str) -> bool:
        """Whether a dashboard is there."""
        return self._send("GET", f"/api/dashboards/uid/{uid}").status_code == _OK

    def query(self, flux: str) -> list[list[Any]]:
        """Return the columns of the first table that a query gives, by its data source.

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
        frames = self._ask("POST", "/api/ds/query", json=body).json()
        frames = frames["results"]["A"].get("frames") or []
        return list(frames[0]["data"]["values"]) if frames else []

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        answer = self._send(method, path, **more)
        if answer.status_code == _UNAUTHORIZED:
            raise ForeignDataError(
                "Grafana does not know the password that it was given.",
                cause="Its data is from before, with another password, or the password"
                " was changed in Grafana.",
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


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Ask without a name: a password that is still being set would count as a guess."""
    return request


def _message(answer: requests.Response) -> str:
    try:
        said = answer.json()
        if "results" in said:
            return str(said["results"]["A"]["error"])
        return str(said["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text[:200]
