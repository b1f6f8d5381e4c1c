"""A stand-in for InfluxDB 2: answers what an install asks as recorded servers did.

Runs in a container that has Python and nothing else; see tests/exchanges.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pathlib
import re
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flux import FluxError, read_query, run_query, write_csv

from multimeter.data.timestamps import parse_iso
from multimeter.errors import ConfigurationError, LineProtocolError
from multimeter.lines.decoder import decode

VERSION = "v2.9.1"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 72
NAMES = {bool: "boolean", int: "integer", float: "float", str: "string"}
RETENTION = {
    "type": "expire",
    "everySeconds": 0,
    "shardGroupDurationSeconds": 604800,
}
CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    422: "unprocessable entity",
    500: "internal error",
}


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code or CODES[status]


class Database:
    """All that the server knows, in a folder."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "state.json"
        self._lines = folder / "points.jsonl"
        state = json.loads(self._file.read_text()) if self._file.exists() else {}
        self.org: dict[str, str] = state.get("org", {})
        self.buckets: dict[str, dict[str, Any]] = state.get("buckets", {})
        self.tokens: dict[str, dict[str, Any]] = state.get("tokens", {})
        self.points: dict[tuple[Any, ...], Any] = {}
        if self._lines.exists():
            for line in self._lines.read_text().splitlines():
                *series, value = json.loads(line)
                self._put(series, value)

    def save(self) -> None:
        state = {"org": self.org, "buckets": self.buckets, "tokens": self.tokens}
        self._file.write_text(json.dumps(state))

    def add_bucket(self, name: str) -> dict[str, Any]:
        bucket = {
            "id": secrets.token_hex(8),
            "orgID": self.org["id"],
            "type": "user",
            "name": name,
            "retentionRules": [RETENTION],
            "labels": [],
        }
        self.buckets[name] = bucket
        return bucket

    def _put(self, series: list[Any], value: Any) -> None:
        bucket, measurement, tags, field, time_ns = series
        key = (bucket, measurement, tuple(map(tuple, tags)), field, time_ns)
        self.points[key] = value

    def write(self, bucket: str, records: list[Any]) -> str:
        """Store records; return why some of their fields were dropped, or nothing."""
        types = {
            (measurement, field): type(value)
            for (of, measurement, _, field, _), value in self.points.items()
            if of == bucket
        }
        trouble, dropped = "", 0
        with self._lines.open("a") as stream:
            for record in records:
                time_ns = time.time_ns() if record.time_ns is None else record.time_ns
                for field, value in record.fields.items():
                    known = types.setdefault((record.measurement, field), type(value))
                    if known is not type(value):
                        dropped += 1
                        trouble = trouble or (
                            f'input field "{field}" on measurement "{record.measurement}"'
                            f" is type {NAMES[type(value)]}, already exists as type"
                            f" {NAMES[known]}"
                        )
                        continue
                    tags = sorted(record.tags.items())
                    series = [bucket, record.measurement, tags, field, time_ns]
                    self._put(series, value)
                    stream.write(json.dumps([*series, value]) + "\n")
        return f"{trouble} dropped={dropped}" if dropped else ""

    def delete(self, bucket: str, span: tuple[int, int], wanted: dict[str, str]) -> None:
        """Delete points that have some tags, as ``_measurement``, between two times."""
        self.points = {
            key: value
            for key, value in self.points.items()
            if key[0] != bucket
            or not span[0] <= key[4] <= span[1]
            or not wanted.items() <= {"_measurement": key[1], **dict(key[2])}.items()
        }
        with self._lines.open("w") as stream:
            for key, value in self.points.items():
                stream.write(json.dumps([*key, value]) + "\n")

    def rows(self, bucket: str) -> list[dict[str, Any]]:
        return [
            {
                "_measurement": measurement,
                "_field": field,
                "_time": time_ns,
                "_value": value,
                **dict(tags),
            }
            for (of, measurement, tags, field, time_ns), value in self.points.items()
            if of == bucket
        ]


# Of a request to delete. InfluxDB reads it as InfluxQL, which has these keywords.
PREDICATE = re.compile(r'([^\s=]+)="((?:[^"\\]|\\.)*)"')
KEYWORDS = {"measurement", "database", "key", "name", "series", "tag", "field"}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    database: Database

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        print("lvl=info", format % args, flush=True)

    def _handle(self) -> None:
        split = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(split.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            with self.database.lock:
                status, answer = self._route(split.path)()
        except RefusedError as refused:
            status = refused.status
            answer = {"code": refused.code, "message": refused.message}
            self._send(status, answer, {"X-Platform-Error-Code": refused.code})
            return
        self._send(status, answer, {})

    def _send(self, status: int, answer: Any, headers: dict[str, str]) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        data = b"" if status == 204 else text.encode()
        self.send_response(status)
        self.send_header("X-Influxdb-Build", "OSS")
        self.send_header("X-Influxdb-Version", VERSION)
        if data:
            kind = "text/csv" if isinstance(answer, str) else "application/json"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _route(self, path: str) -> Callable[[], tuple[int, Any]]:
        routes = {
            ("GET", "/ping"): lambda: (204, ""),
            ("GET", "/health"): self._health,
            ("GET", "/api/v2/setup"): lambda: (200, {"allowed": not self.database.org}),
            ("POST", "/api/v2/setup"): self._set_up,
            ("GET", "/api/v2/orgs"): self._orgs,
            ("GET", "/api/v2/buckets"): self._buckets,
            ("POST", "/api/v2/buckets"): self._create_bucket,
            ("GET", "/api/v2/authorizations"): self._authorizations,
            ("POST", "/api/v2/authorizations"): self._authorize,
            ("POST", "/api/v2/write"): self._write,
            ("POST", "/api/v2/query"): self._query,
            ("POST", "/api/v2/delete"): self._delete,
        }
        if self.command == "DELETE" and path.startswith("/api/v2/authorizations/"):
            return lambda: self._revoke(path.rpartition("/")[2])
        known = routes.get((self.command, path))
        if known is None:
            raise RefusedError(404, "path not found")
        return known

    def _json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    # Who asks, and what that may

    def _token(self) -> dict[str, Any]:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        known = self.database.tokens.get(token)
        if scheme not in ("Token", "Bearer") or known is None:
            raise RefusedError(401, "unauthorized access")
        return known

    def _may(self, token: dict[str, Any], action: str, bucket: dict[str, Any]) -> bool:
        wanted = {"action": action, "id": bucket["id"]}
        return token["all"] or wanted in token["may"]

    def _require_org(self, missing: str = "Please provide either orgID or org") -> None:
        org = self.query.get("org")
        if not org:
            raise RefusedError(400, missing)
        if org != self.database.org["name"]:
            raise RefusedError(404, f'organization name "{org}" not found')

    # What is asked

    def _health(self) -> tuple[int, Any]:
        return 200, {
            "name": "influxdb",
            "message": "ready for queries and writes",
            "status": "pass",
            "checks": [],
            "version": VERSION,
            "commit": "local",
        }

    def _set_up(self) -> tuple[int, Any]:
        if self.database.org:
            raise RefusedError(422, "onboarding has already been completed", "conflict")
        asked = self._json()
        missing = [k for k in ("username", "org", "bucket") if not asked.get(k)]
        if missing:
            names = " ".join(missing)
            text = f"onboarding failed: missing required fields [{names}]"
            raise RefusedError(422, text)
        if not SHORTEST_PASSWORD <= len(asked["password"]) <= LONGEST_PASSWORD:
            raise RefusedError(400, "passwords must be between 8 and 72 characters long")
        database = self.database
        database.org = {"id": secrets.token_hex(8), "name": asked["org"]}
        bucket = self.database.add_bucket(asked["bucket"])
        token = asked.get("token") or secrets.token_urlsafe(64)
        database.tokens[token] = {
            "id": secrets.token_hex(8),
            "all": True,
            "may": [],
            "description": f"{asked['username']}'s Token",
        }
        database.save()
        user = {"id": secrets.token_hex(8), "name": asked["username"], "status": "active"}
        auth = {"id": database.tokens[token]["id"], "token": token, "status": "active"}
        return 201, {"user": user, "bucket": bucket, "org": database.org, "auth": auth}

    def _orgs(self) -> tuple[int, Any]:
        self._token()
        name = self.query.get("org")
        if name not in (None, self.database.org["name"]):
            raise RefusedError(404, f'organization name "{name}" not found')
        return 200, {"links": {"self": "/api/v2/orgs"}, "orgs": [self.database.org]}

    def _buckets(self) -> tuple[int, Any]:
        token = self._token()
        found = [
            each
            for name, each in self.database.buckets.items()
            if self.query.get("name") in (None, name) and (self._may(token, "read", each))
        ]
        links = {"self": f"/api/v2/buckets?{urlencode(self.query)}"}
        return 200, {"links": links, "buckets": found}

    def _create_bucket(self) -> tuple[int, Any]:
        name = self._json()["name"]
        if not self._token()["all"]:
            raise RefusedError(401, "unauthorized access")
        if name in self.database.buckets:
            raise RefusedError(422, f"bucket with name {name} already exists", "conflict")
        bucket = self.database.add_bucket(name)
        self.database.save()
        return 201, bucket

    def _authorize(self) -> tuple[int, Any]:
        if not self._token()["all"]:
            raise RefusedError(401, "unauthorized access")
        asked = self._json()
        token = secrets.token_urlsafe(64)
        may = [
            {"action": each["action"], "id": each["resource"]["id"]}
            for each in asked["permissions"]
        ]
        identity = secrets.token_hex(8)
        description = asked.get("description", "")
        self.database.tokens[token] = {
            "id": identity,
            "all": False,
            "may": may,
            "description": description,
        }
        self.database.save()
        return 201, {
            "id": identity,
            "token": token,
            "status": "active",
            "description": description,
            "orgID": asked["orgID"],
            "org": self.database.org["name"],
            "permissions": asked["permissions"],
        }

    def _authorizations(self) -> tuple[int, Any]:
        if not self._token()["all"]:
            return 200, {"links": {}, "authorizations": []}
        shown = [
            {"id": each["id"], "status": "active", "description": each["description"]}
            for each in self.database.tokens.values()
        ]
        return 200, {"links": {}, "authorizations": shown}

    def _revoke(self, identity: str) -> tuple[int, Any]:
        self._token()
        tokens = self.database.tokens
        self.database.tokens = {k: v for k, v in tokens.items() if v["id"] != identity}
        self.database.save()
        return 204, ""

    def _writable_bucket(self, forbidden: str) -> str:
        """Return the bucket that is asked for, which the token may change."""
        token = self._token()
        self._require_org()
        name = self.query.get("bucket", "")
        bucket = self.database.buckets.get(name)
        if bucket is None:
            raise RefusedError(404, f'bucket "{name}" not found')
        if not self._may(token, "write", bucket):
            raise RefusedError(403, forbidden)
        return name

    def _write(self) -> tuple[int, Any]:
        name = self._writable_bucket("insufficient permissions for write")
        try:
            records = list(
                decode(self._text(), precision=self.query.get("precision", "ns"))
            )
        except (LineProtocolError, ConfigurationError) as error:
            raise RefusedError(400, error.what) from error
        if trouble := self.database.write(name, records):
            raise RefusedError(
                422,
                "failure writing points to database: partial write: field type conflict:"
                f" {trouble}",
            )
        return 204, ""

    def _delete(self) -> tuple[int, Any]:
        name = self._writable_bucket("insufficient permissions to delete")
        asked = self._json()
        wanted = {}
        for term in re.split(r"(?<=\") AND ", asked["predicate"]):
            key, value = PREDICATE.fullmatch(term).groups()
            if key.lower() in KEYWORDS:
                raise RefusedError(400, "bad logical expression, at position 0")
            wanted[key.strip('"')] = re.sub(r"\\(.)", r"\1", value)
        span = parse_iso(asked["start"]), parse_iso(asked["stop"])
        self.database.delete(name, span, wanted)
        return 204, ""

    def _text(self) -> str:
        body = self.body
        if self.headers.get("Content-Encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError) as error:
                text = "An internal error has occurred - check server logs"
                raise RefusedError(500, text) from error
        return body.decode()

    def _query(self) -> tuple[int, Any]:
        token = self._token()
        self._require_org()
        asked = self._json()
        try:
            query = read_query(asked["query"], time.time_ns())
        except FluxError as error:
            raise RefusedError(400, f"compilation failed: {error}") from error
        bucket = self.database.buckets.get(query.bucket)
        if bucket is None or not self._may(token, "read", bucket):
            text = f'could not find bucket "{query.bucket}"'
            raise RefusedError(404, f"failed to initialize execute state: {text}")
        tables = run_query(query, self.database.rows(query.bucket))
        annotations = asked.get("dialect", {}).get("annotations", [])
        return 200, write_csv(query, tables, annotations)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8086)
    parser.add_argument("--folder", type=pathlib.Path, default="/var/lib/influxdb2")
    words = parser.parse_args()
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    # InfluxDB does not handle it: it ends as a program in Go does.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(2))
    Handler.database = Database(words.folder)
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer((words.host, words.port), Handler)
    print("lvl=info msg=Listening", f"port={server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
