"""InfluxDB 2, asked by influxdb-client: health, set-up, buckets, tokens and queries.

https://docs.influxdata.com/influxdb/v2/api/. Points are written by
:mod:`multimeter.sinks.influx`. The library takes 0.4 s to import, and 40 MB: it is loaded
when a server is first asked, never in a program that only measures.
"""

from __future__ import annotations

import contextlib
import csv
import heapq
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from multimeter.data.record import FieldValue, Record, Unsigned
from multimeter.data.timestamps import EVER_ISO, parse_iso
from multimeter.errors import MissingExtraError, MultimeterError, StorageError
from multimeter.http.server_url import checked_server_url
from multimeter.http.tls import make_context
from multimeter.http.transport import checked_token, refusal_error, unreachable_error

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient

__all__ = [
    "EVER",
    "BucketIds",
    "InfluxDBApi",
    "flux_text",
    "wrong_version_error",
]

EVER = "range(start: time(v: 0), stop: 2200-01-01T00:00:00Z)"
"""The range of all times that runs have, in Flux."""

_CONNECT_MS = 10_000
_SILENT_MS = 60_000
_POLL_MS = 2_000
_UNAUTHORIZED = 401
_LONGEST_CELL = 2**31 - 1
# What the library raises for an answer that has not the form that it expects.
_ODD_ANSWER = (ValueError, TypeError, LookupError, AttributeError, csv.Error)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_PARSERS: dict[str, Callable[[str], Any]] = {
    "long": int,
    "unsignedLong": lambda text: Unsigned(int(text)),
    "double": float,
    "boolean": lambda text: text == "true",
}
_FIRST_COLUMN = 2  # before it are the names of the result and the table

_SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
_Cells = tuple[int, str, FieldValue]


def flux_text(text: str) -> str:
    """Return a text as a string literal of Flux that means this text and nothing else.

    https://docs.influxdata.com/flux/v0/spec/lexical-elements/#string-literals: in one,
    ``${...}`` is an expression whose value is put there, unless there is a backslash
    before it.
    """
    return '"' + text.translate(_ESCAPES).replace("${", "\\${") + '"'


def wrong_version_error(version: str) -> StorageError:
    """Return the error that a server is another InfluxDB than 2."""
    return StorageError(
        f"This is InfluxDB {version}; Multimeter needs InfluxDB 2.",
        cause="Versions 1 and 3 have neither the set-up API nor Flux for the dashboards.",
        next_step="multimeter-visu install --influxdb-image influxdb:2",
    )


@dataclass(frozen=True)
class BucketIds:
    """The identifiers of a bucket and its organisation."""

    org_id: str
    bucket_id: str


class InfluxDBApi:
    """Asks one server.

    Args:
        url: Its URL.
        use_proxy: Whether it is asked over the proxy that the environment names for it.

    Attributes:
        url: Its URL.

    Raises:
        ConfigurationError: The URL cannot be used.
    """

    def __init__(self, url: str, *, use_proxy: bool = False) -> None:
        self.url = checked_server_url(url)
        self._use_proxy = use_proxy
        self._clients: dict[str, InfluxDBClient] = {}

    def close(self) -> None:
        """Close the connections."""
        for each in self._clients.values():
            each.close()
        self._clients.clear()

    def is_up(self) -> bool:
        """Return whether it answers and reports that it is well.

        Raises:
            StorageError: What answers is not InfluxDB 2.
        """
        library = _library()
        from urllib3.exceptions import HTTPError

        service = library.HealthService(self._client().api_client)
        try:
            # Other versions have other bodies: the header is looked at first.
            answer = service.get_health(_request_timeout=_POLL_MS, _preload_content=False)
        except library.rest.ApiException as error:
            _require_version_2(error.headers or {})
            return False
        except (HTTPError, OSError):
            return False
        _require_version_2(answer.headers)
        try:
            return bool(json.loads(answer.data)["status"] == "pass")
        except (ValueError, TypeError, KeyError):
            return False

    def time(self) -> float | None:
        """Return the time by its clock, in whole seconds since the epoch."""
        with self._errors():
            service = _library().PingService(self._client().api_client)
            _, _, headers = service.get_ping_with_http_info()
        try:
            return parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except ValueError:
            return None

    def can_be_set_up(self) -> bool:
        """Return whether it has not been set up yet."""
        with self._errors():
            service = _library().SetupService(self._client().api_client)
            return bool(service.get_setup().allowed)

    def set_up(
        self, user: str, password: str, org: str, bucket: str, token: str
    ) -> BucketIds:
        """Set it up, once; the token is the one that has all rights."""
        library = _library()
        request = library.OnboardingRequest(
            username=user,
            password=password,
            org=org,
            bucket=bucket,
            token=token,
            retention_period_seconds=0,
        )
        with self._errors():
            service = library.SetupService(self._client().api_client)
            answer = service.post_setup(request)
            return BucketIds(answer.org.id, answer.bucket.id)

    def accepts(self, token: str) -> bool:
        """Return whether a token is one of its own."""
        organizations = self._client(token).organizations_api()
        with self._errors(token):
            try:
                organizations.find_organizations()
            except _library().rest.ApiException as error:
                return bool(error.status != _UNAUTHORIZED)
            return True

    def find_bucket(self, token: str, org: str, bucket: str) -> BucketIds | None:
        """Return a bucket, or None where the token shows none of this name."""
        buckets = self._client(token).buckets_api()
        with self._errors(token):
            try:
                answer = buckets.find_buckets(org=org, name=bucket)
            except _library().rest.ApiException:
                return None
            if not answer.buckets:
                return None
            return BucketIds(answer.buckets[0].org_id, answer.buckets[0].id)

    def authorize(
        self, token: str, action: str, bucket: BucketIds, description: str
    ) -> str:
        """Return a new token that has one right, to one bucket.

        Args:
            token: The token that has all rights.
            action: ``read`` or ``write``.
            bucket: The bucket.
            description: What it is for.
        """
        library = _library()
        resource = library.PermissionResource(
            type="buckets", id=bucket.bucket_id, org_id=bucket.org_id
        )
        request = library.Authorization(
            org_id=bucket.org_id,
            description=description,
            permissions=[library.Permission(action=action, resource=resource)],
        )
        tokens = self._client(token).authorizations_api()
        with self._errors(token):
            return str(tokens.create_authorization(authorization=request).token)

    def query(self, token: str, org: str, flux: str) -> Iterator[Record]:
        """Return the points that a query gives, each whole, in time order for each series.

        Args:
            token: A token that may read the bucket.
            org: The name of the organisation.
            flux: The query.

        Raises:
            StorageError: The server does not answer, refuses it, or stops half way.
        """
        with self._errors(token):
            series = _read_series(self._client(token).query_api().query_raw(flux, org))
        for (measurement, tags), fields in series.items():
            for time, values in fields.points():
                yield Record(measurement, dict(tags), values, time)

    def delete(self, token: str, org: str, bucket: str, predicates: Iterable[str]) -> None:
        """Delete points, one predicate after the other.

        Args:
            token: A token that may write to the bucket.
            org: The name of the organisation.
            bucket: The name of the bucket.
            predicates: Which points: ``key="value"``, joined by ``AND``. See
                https://docs.influxdata.com/influxdb/v2/reference/syntax/delete-predicate/

        Raises:
            StorageError: The server does not answer, or refuses it; what comes after that
                predicate is not deleted.
        """
        requests = self._client(token).delete_api()
        with self._errors(token):
            for each in predicates:
                requests.delete(**EVER_ISO, predicate=each, bucket=bucket, org=org)

    def _client(self, token: str = "") -> InfluxDBClient:
        if token not in self._clients:
            encrypted = self.url.startswith("https:")
            self._clients[token] = _library().InfluxDBClient(
                self.url,
                checked_token(token) if token else "",
                timeout=(_CONNECT_MS, _SILENT_MS),
                ssl_context=make_context(True) if encrypted else None,
                proxy=_proxy_for(self.url) if self._use_proxy else None,
            )
        return self._clients[token]

    @contextlib.contextmanager
    def _errors(self, token: str = "") -> Iterator[None]:
        """Give the library's errors their cause and the next step, without the token."""
        library = _library()
        from urllib3.exceptions import HTTPError

        parser = library.client.flux_csv_parser
        try:
            yield
        except MultimeterError:
            raise
        except library.rest.ApiException as error:
            text = error.message if error.status else error.reason
            text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
            text = text.replace(token, "...") if token else text
            raise refusal_error(self.url, error.status, text) from None
        except parser.FluxQueryException as error:
            raise StorageError(f"{self.url} stopped half way: {error.message}") from None
        except (HTTPError, OSError) as error:
            raise unreachable_error(self.url, error.__cause__ or error) from error
        except (*_ODD_ANSWER, parser.FluxCsvParserException) as error:
            raise StorageError(
                f"{self.url} does not answer as InfluxDB 2: {error!r}",
                cause="Another server listens there, or a network asks for a login.",
                next_step="multimeter-visu status",
            ) from error


def _require_version_2(headers: Mapping[str, str]) -> None:
    version = headers.get("X-Influxdb-Version", "").lstrip("v")
    if version[:2] in ("1.", "3."):
        raise wrong_version_error(version)


def _proxy_for(url: str) -> str | None:
    import urllib.request

    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _read_series(response: Any) -> dict[_SeriesKey, _Fields]:
    """Return the series of an answer in annotated CSV: each table is a field of one.

    The library's reader finds tables, headers and errors. By itself it would round times
    to microseconds, take unsigned integers for signed ones, and print a warning where a
    tag has the name ``result`` or ``table``.
    """
    from influxdb_client.client.flux_csv_parser import FluxCsvParser, FluxSerializationMode

    series: dict[_SeriesKey, _Fields] = {}

    class SeriesParser(FluxCsvParser):  # type: ignore[misc] # it has no types
        """Packs each row as it comes."""

        _table: Any = None

        @staticmethod
        def add_column_names_and_tags(table: Any, cells: list[str]) -> None:
            for column, name in zip(table.columns, cells[1:]):
                column.label = name

        def parse_record(self, _index: int, table: Any, cells: list[str]) -> None:
            if table is not self._table:
                self._table = table
                self._begin(table.columns[_FIRST_COLUMN:], cells[1 + _FIRST_COLUMN :])
            self._times.append(parse_iso(cells[self._time]))
            self._values.append(self._parse(cells[self._value]))

        def _begin(self, columns: Sequence[Any], cells: Sequence[str]) -> None:
            places = {column.label: place for place, column in enumerate(columns)}
            row = dict(zip(places, cells))
            # A series lacks the tag whose cell is empty.
            tags = ((k, text) for k, text in row.items() if text and k[:1] not in ("_", ""))
            fields = series.setdefault((row["_measurement"], tuple(tags)), _Fields())
            self._times, self._values = fields.columns_of(row["_field"])
            self._parse = _PARSERS.get(columns[places["_value"]].data_type, str)
            self._time = places["_time"] + 1 + _FIRST_COLUMN
            self._value = places["_value"] + 1 + _FIRST_COLUMN

    csv.field_size_limit(_LONGEST_CELL)
    for _ in SeriesParser(response, FluxSerializationMode.stream).generator():
        pass
    return series


def _library() -> Any:
    """Load influxdb-client.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import influxdb_client
    except ModuleNotFoundError as error:
        raise MissingExtraError("influxdb-client", "influx") from error
    return influxdb_client


class _Fields:
    """The fields of one series, each packed."""

    def __init__(self) -> None:
        self._times: dict[str, array[int]] = {}
        self._values: dict[str, list[FieldValue]] = {}

    def columns_of(self, field: str) -> tuple[array[int], list[FieldValue]]:
        """Return the times and the values of a field, to be added to."""
        times = self._times.setdefault(field, array("q"))
        return times, self._values.setdefault(field, [])

    def points(self) -> Iterator[tuple[int, dict[str, FieldValue]]]:
        """Return the points: those of all fields at one time together."""
        rows = heapq.merge(*map(self._cells, self._times), key=itemgetter(0))
        for time, same in groupby(rows, itemgetter(0)):
            yield time, {field: value for _, field, value in same}

    def _cells(self, field: str) -> Iterable[_Cells]:
        times, values = self._times[field], self._values[field]
        return ((time, field, value) for time, value in zip(times, values))
