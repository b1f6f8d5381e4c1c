"""InfluxDB: what the tool asks of it, https://docs.influxdata.com/influxdb/v2/api/."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from multimeter.visualization.errors import VisualizationError

__all__ = ["BucketName", "InfluxDBApi"]

_POLL_SECONDS = 2.0
_CALL_SECONDS = 30.0
_OK = 200
_UNAUTHORIZED = 401
_DIALECT = {"header": True, "delimiter": ",", "annotations": []}


@dataclass(frozen=True)
class BucketName:
    """Where measurements go, by their ids."""

    org_id: str
    bucket_id: str


class InfluxDBApi:
    """One server.

    Args:
        url: Its URL.
        local: Whether it is on this machine: then no proxy and no .netrc knows better.
    """

    def __init__(self, url: str, *, local: bool = True) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = not local

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def is_up(self) -> bool:
        """Whether it answers and says that it is well.

        Raises:
            VisualizationError: What answers is not InfluxDB 2.
        """
        try:
            answer = self._session.get(f"{self._url}/health", timeout=_POLL_SECONDS)
        except requests.RequestException:
            return False
        version = answer.headers.get("X-Influxdb-Version", "").lstrip("v")
        if version[:2] in ("1.", "3."):
            raise wrong_version_error(version)
        try:
            return bool(answer.json().get("status") == "pass")
        except (ValueError, AttributeError):
            return False

    def time(self) -> float | None:
        """Return the time by its clock, in whole seconds since the epoch."""
        date = self._send("GET", "/ping", "").headers.get("Date", "")
        try:
            return parsedate_to_datetime(date).timestamp()
        except ValueError:
            return None

    def can_be_set_up(self) -> bool:
        """Whether nobody has set it up yet."""
        return bool(self._ask("GET", "/api/v2/setup").json().get("allowed"))

    def set_up(
        self, user: str, password: str, org: str, bucket: str, token: str
    ) -> BucketName:
        """Set it up, once; the token is the one that may everything."""
        said = self._ask(
            "POST",
            "/api/v2/setup",
            json={
                "username": user,
                "password": password,
                "org": org,
                "bucket": bucket,
                "token": token,
                "retentionPeriodSeconds": 0,
            },
        ).json()
        return BucketName(said["org"]["id"], said["bucket"]["id"])

    def knows(self, token: str) -> bool:
        """Whether a token is one of its own."""
        answer = self._send("GET", "/api/v2/orgs", token)
        return answer.status_code != _UNAUTHORIZED

    def place(self, token: str, org: str, bucket: str) -> BucketName | None:
        """Return where a bucket is, or None where there is none of this name."""
        answer = self._send(
            "GET", "/api/v2/buckets", token, params={"org": org, "name": bucket}
        )
        found = answer.json().get("buckets") if answer.status_code == _OK else None
        return BucketName(found[0]["orgID"], found[0]["id"]) if found else None

    def authorize(
        self, token: str, action: str, place: BucketName, description: str
    ) -> str:
        """Return a new token that may do one thing, with one bucket.

        Args:
            token: The token that may everything.
            action: ``read`` or ``write``.
            place: The bucket.
            description: What it is for.
        """
        resource = {"type": "buckets", "id": place.bucket_id, "orgID": place.org_id}
        said = self._ask(
            "POST",
            "/api/v2/authorizations",
            token,
            json={
                "orgID": place.org_id,
                "description": description,
                "permissions": [{"action": action, "resource": resource}],
            },
        ).json()
        return str(said["token"])

    def write(self, token: str, org: str, bucket: str, lines: bytes) -> None:
        """Write lines of line protocol, times in ns."""
        where = {"org": org, "bucket": bucket, "precision": "ns"}
        self._ask("POST", "/api/v2/write", token, params=where, data=lines)

    def query(self, token: str, org: str, flux: str) -> list[dict[str, str]]:
        """Return the rows that a query gives, each with its columns as text."""
        body = {"query": flux, "type": "flux", "dialect": _DIALECT}
        answer = self._ask(
            "POST",
            "/api/v2/query",
            token,
            params={"org": org},
            json=body,
            headers={"Accept": "application/csv"},
        )
        return _rows(answer.content.decode("utf-8"))

    def _ask(
        self, method: str, path: str, token: str = "", **more: Any
    ) -> requests.Response:
        answer = self._send(method, path, token, **more)
        if not answer.ok or answer.is_redirect:
            raise VisualizationError(
                f"InfluxDB answered {answer.status_code} to {method} {path}:"
                f" {_message(answer)}",
                cause="The token lacks the right, or the organisation or the bucket is"
                " not there.",
                next_step="multimeter-visu doctor",
            )
        return answer

    def _send(self, method: str, path: str, token: str, **more: Any) -> requests.Response:
        headers = {**more.pop("headers", {})}
        if token:
            headers["Authorization"] = f"Token {token}"
        try:
            # What goes to the server, tokens and passwords among it, goes nowhere else.
            return self._session.request(
                method,
                self._url + path,
                headers=headers,
                timeout=_CALL_SECONDS,
                allow_redirects=False,
                **more,
            )
        except requests.RequestException as error:
            raise VisualizationError(
                f"InfluxDB at {self._url} does not answer.",
                cause="It is stopped, or still starting.",
                next_step="multimeter-visu start",
            ) from error


def wrong_version_error(version: str) -> VisualizationError:
    """Return the error that a server is another InfluxDB than 2."""
    return VisualizationError(
        f"This is InfluxDB {version}; Multimeter needs InfluxDB 2.",
        cause="Versions 1 and 3 have neither the set-up API nor Flux for the dashboards.",
        next_step="multimeter-visu install --influxdb-image influxdb:2",
    )


def _rows(text: str) -> list[dict[str, str]]:
    """Return the rows of tables, which empty lines separate; each has its own header."""
    rows: list[dict[str, str]] = []
    header: list[str] = []
    for record in csv.reader(io.StringIO(text, newline="")):
        if not record:
            header = []
        elif not header:
            header = record
        else:
            rows.append(dict(zip(header, record)))
    return rows


def _message(answer: requests.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
