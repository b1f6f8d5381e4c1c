"""Provisioning: the files that Grafana is given, and how they come into its container.

They go in as one archive, by the engine's API
(https://docs.docker.com/reference/api/engine/version/v1.41/, PutContainerArchive): that
works wherever the engine is, and shows no secret to anyone who inspects the container.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

from multimeter.visualization.dashboards.grafana import DATA_SOURCE_UID, render_dashboards
from multimeter.visualization.dashboards.user_defined import UserDashboard
from multimeter.visualization.engines.docker.spec import GRAFANA_FILES

__all__ = [
    "File",
    "archive",
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
"""Grafana looks for these too, and complains in its log where they are not."""


@dataclass(frozen=True)
class File:
    """A file, or a folder where there is no text.

    Attributes:
        path: Where it goes.
        text: What is in it.
        secret: Whether only its owner may read it.
    """

    path: str
    text: str | None = field(repr=False)
    secret: bool = False


def dashboard_files(own: Sequence[UserDashboard] = ()) -> list[File]:
    """Return the folders and the dashboards: nothing in them is secret.

    Args:
        own: Dashboards of the user's own.
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
    """Return a hash of files, the secret ones left out."""
    shown = {each.path: each.text for each in files if not each.secret}
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]


def archive(files: Iterable[File], uid: int, gid: int, time_s: float) -> bytes:
    """Return files as a tar archive that is unpacked at the root.

    Args:
        files: The files and folders.
        uid: The user that they belong to.
        gid: The group that they belong to.
        time_s: When they were changed, in seconds since the epoch.
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
    """Return text as YAML; Grafana would put in the environment behind a ``$``."""
    # Escapes of JSON that stand for half a character each mean nothing in YAML.
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)


def _render(template: str, **values: str) -> str:
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - what is put in is made YAML by a filter
    )
    environment.filters["yaml"] = _yaml
    return environment.get_template(template).render(**values)
