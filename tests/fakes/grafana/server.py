"""A stand-in for Grafana: answers what an install asks as a recorded server did.

Runs in a container that has Python and nothing else; see tests/exchanges. It reads the
provisioning files, asks InfluxDB with the token of its data source, and keeps the
administrator's password where Grafana keeps it: in its data, from the first start on.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import os
import pathlib
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, urlsplit

from provisioned import ProvisioningError, expand, read_dashboards, read_data_sources

VERSION = "9.3.2"
VALUES = {
    "double": float,
    "long": int,
    "string": str,
    "boolean": lambda text: text == "true",
}


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


class Grafana:
    """All that the server knows."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.provisioning = pathlib.Path(
            os.environ.get("GF_PATHS_PROVISIONING", "/etc/grafana/provisioning")
        )
        self.user = os.environ.get("GF_SECURITY_ADMIN_USER", "admin")
        self.anonymous = os.environ.get("GF_AUTH_ANONYMOUS_ENABLED") == "true"
        home = os.environ.get("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH")
        if home and not pathlib.Path(home).is_file():
            raise ProvisioningError(f"home dashboard {home} does not exist")
        self.password = self._password(folder / "grafana.db")
        self.dashboards = read_dashboards(self.provisioning / "dashboards")
        self.sources: dict[str, dict[str, Any]] = {}
        self.reload_data_sources()

    @staticmethod
    def _password(database: pathlib.Path) -> str:
        """Return the hash of the password: that of the first start counts for ever."""
        if not database.exists():
            password = os.environ.get("GF_SECURITY_ADMIN_PASSWORD", "admin")
            if file := os.environ.get("GF_SECURITY_ADMIN_PASSWORD__FILE"):
                password = pathlib.Path(file).read_text().strip()
            hashed = hashlib.sha256(expand(password).encode()).hexdigest()
            database.write_text(json.dumps({"password": hashed}))
        return str(json.loads(database.read_text())["password"])

    def reload_data_sources(self) -> None:
        self.sources |= read_data_sources(self.provisioning / "datasources")

    def knows(self, user: str, password: str) -> bool:
        hashed = hashlib.sha256(password.encode()).hexdigest()
        return user == self.user and hashed == self.password


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    grafana: Grafana

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        print("logger=context", format % args, flush=True)

    def _handle(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        try:
            status, answer = self._route(path)
        except RefusedError as refused:
            status, answer = refused.status, refused.body
        headers = {"Location": "/login"} if status == 302 else {}
        text = answer if isinstance(answer, str) else json.dumps(answer)
        kind = "text/html; charset=utf-8" if isinstance(answer, str) else "application/json"
        early = ("Unauthorized", "invalid username or password")
        if path == "/api/health" or (status == 401 and answer["message"] in early):
            kind = "application/json; charset=UTF-8"
        self.send_response(status)
        for name, value in {
            "Cache-Control": "no-cache",
            "Content-Type": kind,
            "X-Content-Type-Options": "nosniff",
            "Content-Length": str(len(text.encode())),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def _route(self, path: str) -> tuple[int, Any]:
        if path == "/api/health":
            return 200, {"commit": "local", "database": "ok", "version": VERSION}
        if (self.command, path) == ("POST", "/login"):
            return self._log_in()
        if not self._is_known():
            if path.startswith("/api/"):
                raise RefusedError(401, {"message": "Unauthorized"})
            return 302, '<a href="/login">Found</a>.\n\n'
        routes: dict[tuple[str, str], Callable[[], tuple[int, Any]]] = {
            ("GET", "/api/org"): self._org,
            ("GET", "/api/folders"): lambda: (200, []),
            ("GET", "/api/search"): self._search,
            ("POST", "/api/ds/query"): self._query,
            ("POST", "/api/admin/provisioning/datasources/reload"): self._reload,
        }
        if known := routes.get((self.command, path)):
            return known()
        if path.startswith("/api/dashboards/uid/"):
            return self._dashboard(path.rpartition("/")[2])
        if path.startswith("/api/datasources/uid/") and path.endswith("/health"):
            return self._source_health(path.split("/")[4])
        raise RefusedError(404, {"message": "Not found", "traceID": ""})

    def _is_known(self) -> bool:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return self.grafana.anonymous and self.command == "GET"
        user, _, password = base64.b64decode(encoded).decode().partition(":")
        if not self.grafana.knows(user, password):
            text = "invalid username or password"
            raise RefusedError(401, {"message": text, "traceID": ""})
        return True

    def _log_in(self) -> tuple[int, Any]:
        asked = json.loads(self.body)
        if self.grafana.knows(asked["user"], asked["password"]):
            return 200, {"message": "Logged in"}
        text = "Invalid username or password"
        raise RefusedError(401, {"message": text, "traceID": ""})

    def _org(self) -> tuple[int, Any]:
        parts = ("address1", "address2", "city", "zipCode", "state", "country")
        address = dict.fromkeys(parts, "")
        return 200, {"id": 1, "name": "Main Org.", "address": address}

    def _search(self) -> tuple[int, Any]:
        return 200, [
            {
                "id": number,
                "uid": uid,
                "title": each["title"],
                "uri": f"db/{_slug(each)}",
                "url": f"/d/{uid}/{_slug(each)}",
                "slug": "",
                "type": "dash-db",
                "tags": each.get("tags", []),
                "isStarred": False,
                "sortMeta": 0,
            }
            for number, (uid, each) in enumerate(self.grafana.dashboards.items(), 1)
        ]

    def _dashboard(self, uid: str) -> tuple[int, Any]:
        found = self.grafana.dashboards.get(uid)
        if found is None:
            raise RefusedError(404, {"message": "Dashboard not found", "traceID": ""})
        if self.command == "DELETE":
            text = "provisioned dashboard cannot be deleted"
            raise RefusedError(400, {"message": text, "traceID": ""})
        shown = {key: value for key, value in found.items() if key != "__external"}
        meta = {
            "type": "db",
            "slug": _slug(found),
            "url": f"/d/{uid}/{_slug(found)}",
            "provisioned": True,
            "provisionedExternalId": found["__external"],
        }
        return 200, {"meta": meta, "dashboard": {"id": 1, **shown}}

    def _reload(self) -> tuple[int, Any]:
        try:
            self.grafana.reload_data_sources()
        except ProvisioningError as error:
            raise RefusedError(500, {"message": str(error)}) from error
        return 200, {"message": "Datasources config reloaded"}

    def _source_health(self, uid: str) -> tuple[int, Any]:
        source = self.grafana.sources.get(uid)
        if source is None:
            raise RefusedError(404, {"message": "Data source not found", "traceID": ""})
        answer = _ask_influxdb(source, "GET", "/api/v2/buckets", None)
        found = len(json.loads(answer)["buckets"])
        text = f"datasource is working. {found} buckets found"
        return 200, {"message": text, "status": "OK"}

    def _query(self) -> tuple[int, Any]:
        asked = json.loads(self.body)
        (query,) = asked["queries"]
        source = self.grafana.sources.get(query["datasource"]["uid"])
        if source is None:
            raise RefusedError(404, {"message": "Data source not found", "traceID": ""})
        flux = query["query"]
        try:
            answer = _ask_influxdb(source, "POST", "/api/v2/query", {"query": flux})
            result = {"status": 200, "frames": _frames(answer, flux)}
        except OSError as error:
            said = str(error)
            if isinstance(error, urllib.error.HTTPError):
                body = json.loads(error.read())
                said = f"{body['code']}: {body['message']}"
            empty = _frame("", [], [], flux)
            result = {"error": said, "status": 500, "frames": [empty]}
            raise RefusedError(400, {"results": {query["refId"]: result}}) from error
        return 200, {"results": {query["refId"]: result}}


def _slug(dashboard: dict[str, Any]) -> str:
    return str(dashboard["title"]).lower().replace(" ", "-")


def _ask_influxdb(
    source: dict[str, Any], method: str, path: str, body: dict[str, Any] | None
) -> str:
    org = source["jsonData"]["organization"]
    if body is not None:
        body |= {"dialect": {"annotations": ["datatype", "group", "default"]}}
    request = urllib.request.Request(
        f"{source['url']}{path}?org={quote(org)}",
        None if body is None else json.dumps(body).encode(),
        {
            "Authorization": f"Token {source['secureJsonData']['token']}",
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def _frames(annotated: str, flux: str) -> list[dict[str, Any]]:
    """Return what InfluxDB answered as Grafana does: a frame for each table."""
    frames: dict[tuple[str, str], dict[str, Any]] = {}
    types: list[str] = []
    names: list[str] = []
    for block, record in enumerate(csv.reader(io.StringIO(annotated, newline=""))):
        if not record:
            names = []
        elif record[0] == "#datatype":
            types, names = record, []
            started = block
        elif record[0].startswith("#"):
            continue
        elif not names:
            names = record
        else:
            row = dict(zip(names, record))
            key = (str(started), row["table"])
            if key not in frames:
                frames[key] = _frame(row["_measurement"], *_fields(row, names, types), flux)
            times, values = frames[key]["data"]["values"]
            times.append(_milliseconds(row["_time"]))
            values.append(VALUES[types[names.index("_value")]](row["_value"]))
    return list(frames.values())


def _milliseconds(text: str) -> int:
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * 1000 + int(fraction.ljust(3, "0")[:3])


def _fields(
    row: dict[str, str], names: list[str], types: list[str]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    value = types[names.index("_value")]
    frame = {"double": "float64", "long": "int64", "string": "string"}.get(value, "bool")
    kind = "number" if value in ("double", "long") else value
    hidden = ("", "result", "table")
    labels = {k: row[k] for k in names if k not in hidden and not k.startswith("_")}
    fields = [
        {
            "name": "Time",
            "type": "time",
            "typeInfo": {"frame": "time.Time", "nullable": True},
        },
        {
            "name": row["_field"],
            "type": kind,
            "typeInfo": {"frame": frame, "nullable": True},
            "labels": labels,
        },
    ]
    return fields, [[], []]


def _frame(
    name: str, fields: list[dict[str, Any]], values: list[list[Any]], flux: str
) -> dict[str, Any]:
    schema: dict[str, Any] = {"name": name} if name else {}
    schema |= {"refId": "A", "meta": {"executedQueryString": flux}, "fields": fields}
    return {"schema": schema, "data": {"values": values}}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--folder", type=pathlib.Path, default="/var/lib/grafana")
    words = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        Handler.grafana = Grafana(words.folder)
    except ProvisioningError as error:
        sys.exit(f"logger=provisioning level=error msg={error}")
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer((words.host, words.port), Handler)
    print("logger=http.server msg=Listening", f"port={server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
