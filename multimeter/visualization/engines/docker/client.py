"""The client of a container engine, Docker or Podman. Nothing else imports ``docker``.

https://docker-py.readthedocs.io. The API version is negotiated
with the engine; every call has a timeout. Podman's socket offers the same API.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import socket
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import docker
import requests
from docker.context import ContextAPI
from docker.context.config import get_current_context_name
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig

from multimeter.visualization.engines.base import HOST
from multimeter.visualization.engines.docker.failures import (
    context_error,
    image_error,
    no_engine_error,
    reason_of,
    refusal,
    stopped_answering_error,
    with_deadline,
)
from multimeter.visualization.engines.docker.spec import (
    Container,
    ContainerInfo,
    EngineInfo,
    ImageInfo,
    NetworkInfo,
)
from multimeter.visualization.engines.docker.state import (
    Endpoint,
    candidates,
    is_local,
)
from multimeter.visualization.errors import EngineError
from multimeter.visualization.report import OnLayer

__all__ = ["Docker"]

_ASK_SECONDS = 5
_CALL_SECONDS = 60
_STOP_SECONDS = 10
_REGISTRY_SECONDS = 8
_STALLED_SECONDS = 120


class Docker:
    """The client of one container engine.

    Args:
        endpoint: The address of the engine.
        timeout: The timeout of a call, in seconds.

    Raises:
        EngineError: It does not answer, or is too old.
    """

    def __init__(self, endpoint: Endpoint, timeout: float = _CALL_SECONDS) -> None:
        self.endpoint = endpoint
        self._client = _connect(endpoint, _ASK_SECONDS)
        self._client.api.timeout = min(timeout, _CALL_SECONDS)

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> Docker:
        """Return the engine that the docker CLI would use, else the first that answers.

        Raises:
            EngineError: None answers; the message lists the addresses tried.
        """
        named = _named_endpoint(environment)
        if named:
            return cls(named)
        home = pathlib.Path.home()
        tried = []
        for each in candidates(environment, home, windows=os.name == "nt"):
            try:
                return cls(each)
            except EngineError as error:
                tried.append(error.what)
        raise no_engine_error(tried)

    @property
    def is_local(self) -> bool:
        """Whether its ports on 127.0.0.1 belong to this machine."""
        return is_local(self.endpoint.host)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def about(self) -> EngineInfo:
        """Return the name and version of the engine, and how it runs."""
        with self._request("describe itself"):
            version, info = self._client.version(), self._client.info()
        components = [each.get("Name", "") for each in version.get("Components") or []]
        return EngineInfo(
            "Podman" if any("Podman" in each for each in components) else "Docker",
            str(version.get("Version", "unknown")),
            any("rootless" in each for each in info.get("SecurityOptions") or []),
            str(info.get("DockerRootDir", "")),
        )

    # Images

    def image(self, name: str) -> ImageInfo | None:
        """Return a local image, or None."""
        with self._request(f"look for the image {name}"):
            try:
                attributes = self._client.images.get(name).attrs
            except ImageNotFound:
                return None
        config = attributes.get("Config") or {}
        pairs = (each.partition("=") for each in config.get("Env") or [])
        return ImageInfo(
            str(attributes["Id"]),
            config.get("User") or "",
            {key: value for key, _, value in pairs},
        )

    def why_not_pulled(self, name: str) -> str:
        """Ask the registry; return why an image cannot be pulled, or an empty string."""
        try:
            quick = _connect(self.endpoint, _REGISTRY_SECONDS)
        except EngineError as error:
            return error.what
        with contextlib.closing(quick):
            try:
                quick.api.inspect_distribution(name)
            except APIError as error:
                return _explanation(error)
            except (DockerException, requests.RequestException):
                return f"its registry did not answer within {_REGISTRY_SECONDS} s"
        return ""

    def pull(self, name: str, on_layer: OnLayer) -> None:
        """Pull an image.

        Raises:
            VisualizationError: It cannot be pulled.
        """
        repository, _, tag = name.partition("@")
        if not tag and ":" in repository.rpartition("/")[2]:
            repository, _, tag = repository.rpartition(":")
        try:
            events = self._client.api.pull(
                repository, tag=tag or "latest", stream=True, decode=True
            )
            for event in with_deadline(events, _STALLED_SECONDS):
                if "error" in event:
                    raise image_error(name, str(event["error"]))
                progress = event.get("progressDetail") or {}
                current, total = progress.get("current", 0), progress.get("total", 0)
                on_layer(event.get("id", ""), event.get("status", ""), current, total)
        except APIError as error:
            raise image_error(name, _explanation(error)) from error
        except (DockerException, requests.RequestException, TimeoutError) as error:
            raise image_error(name, str(error)) from error

    # Networks and volumes

    def network(self, name: str) -> NetworkInfo | None:
        """Return a network, or None."""
        with self._request(f"look for the network {name}"):
            for each in self._client.networks.list(names=[name]):
                if each.name == name:  # the engine also matches parts of names
                    return NetworkInfo(each.id, each.attrs.get("Labels") or {})
        return None

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a network."""
        with self._request(f"create the network {name}"):
            self._client.networks.create(name, driver="bridge", labels=dict(labels))

    def remove_network(self, name: str) -> None:
        """Remove a network, if it exists."""
        with self._request(f"remove the network {name}"), _absent_is_fine():
            self._client.networks.get(name).remove()

    def volume(self, name: str) -> Mapping[str, str] | None:
        """Return the labels of a volume, or None."""
        with self._request(f"look for the volume {name}"):
            try:
                return self._client.volumes.get(name).attrs.get("Labels") or {}
            except NotFound:
                return None

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Create a volume; an existing one stays as it is."""
        with self._request(f"create the volume {name}"):
            self._client.volumes.create(name, labels=dict(labels))

    def remove_volume(self, name: str) -> None:
        """Remove a volume with its data, if it exists."""
        with self._request(f"remove the volume {name}"), _absent_is_fine():
            self._client.volumes.get(name).remove()

    # Containers

    def container(self, name: str) -> ContainerInfo | None:
        """Return a container, or None."""
        with self._request(f"look for the container {name}"):
            try:
                attributes = self._client.api.inspect_container(name)
            except NotFound:
                return None
        state, config = attributes["State"], attributes["Config"]
        published = (attributes["HostConfig"].get("PortBindings") or {}).values()
        return ContainerInfo(
            id=attributes["Id"],
            image=config["Image"],
            status=state["Status"],
            exit_code=state["ExitCode"],
            restarts=attributes.get("RestartCount", 0),
            labels=config.get("Labels") or {},
            addresses=tuple(
                f"{each['HostIp']}:{each['HostPort']}"
                for ports in published
                for each in ports or []
            ),
            networks={
                name: each.get("NetworkID") or ""
                for name, each in (
                    attributes["NetworkSettings"].get("Networks") or {}
                ).items()
            },
            error=state.get("Error") or "",
        )

    def create_container(
        self, wanted: Container, network: str, labels: Mapping[str, str]
    ) -> None:
        """Create a container without starting it."""
        mode = "rw,Z" if wanted.mount.is_folder else "rw"
        endpoint = self._client.api.create_endpoint_config(aliases=[wanted.service])
        with self._request(f"create the container {wanted.name}"):
            self._client.containers.create(
                wanted.image,
                name=wanted.name,
                environment=dict(wanted.environment),
                ports={f"{wanted.target_port}/tcp": (HOST, wanted.port)},
                volumes={wanted.mount.source: {"bind": wanted.mount.target, "mode": mode}},
                network=network,
                networking_config={network: endpoint},
                restart_policy={"Name": "unless-stopped"},
                extra_hosts=dict(wanted.hosts),
                user=wanted.user or None,
                stop_signal=wanted.stop_signal or None,
                labels=dict(labels),
            )

    def start_container(self, name: str) -> None:
        """Start a container.

        Raises:
            PortTakenError: Its port is taken.
        """
        with self._request(f"start the container {name}"):
            self._client.api.start(name)

    def stop_container(self, name: str) -> None:
        """Stop a container, if it exists."""
        with self._request(f"stop the container {name}"), _absent_is_fine():
            self._client.api.stop(name, timeout=_STOP_SECONDS)

    def remove_container(self, name: str) -> None:
        """Remove a container and its anonymous volumes."""
        with self._request(f"remove the container {name}"), _absent_is_fine():
            self._client.api.remove_container(name, v=True, force=True)

    def put(self, name: str, archive: bytes) -> None:
        """Unpack a tar archive at the root of a container, running or not."""
        with self._request(f"put files into the container {name}"):
            self._client.api.put_archive(name, "/", archive)

    def read(self, name: str, path: str) -> str:
        """Return the text of a file in a container."""
        with self._request(f"read {path} in the container {name}"):
            chunks, _ = self._client.api.get_archive(name, path)
            packed = io.BytesIO(b"".join(chunks))
        with tarfile.open(fileobj=packed) as tar:
            stream = tar.extractfile(tar.getmembers()[0])
            return stream.read().decode("utf-8", "replace") if stream else ""

    def logs(self, name: str, lines: int, *, follow: bool = False) -> Iterator[str]:
        """Return the last lines of a container's log, and with ``follow`` new ones."""
        with self._request(f"read the log of the container {name}"):
            chunks = self._client.api.logs(name, tail=lines, stream=True, follow=follow)
            rest = b""
            for chunk in chunks:
                *whole, rest = (rest + chunk).split(b"\n")
                yield from (each.decode("utf-8", "replace") for each in whole)
            if rest:
                yield rest.decode("utf-8", "replace")

    def run(self, image: str, command: list[str], folder: str, target: str) -> None:
        """Run a command as root in a container that mounts one folder, and wait for it."""
        with self._request(f"run {command[0]} in a container"):
            self._client.containers.run(
                image,
                entrypoint=command[:1],
                command=command[1:],
                user="0:0",
                network_mode="none",
                volumes={folder: {"bind": target, "mode": "rw,Z"}},
                remove=True,
            )

    @contextlib.contextmanager
    def _request(self, what: str) -> Iterator[None]:
        try:
            yield
        except APIError as error:
            raise refusal(what, _explanation(error), error.status_code) from error
        except (DockerException, requests.RequestException) as error:
            raise stopped_answering_error(self.endpoint.host, what) from error


def _connect(endpoint: Endpoint, timeout: int) -> docker.DockerClient:
    options: dict[str, Any] = {"base_url": endpoint.host, "timeout": timeout}
    try:
        _require_listener(endpoint.host, timeout)
        if endpoint.context:
            options |= ContextAPI.kwargs_from_context(endpoint.context)
        if endpoint.certificates:
            options["tls"] = _tls(endpoint)
        if endpoint.host.startswith("ssh://"):
            options["use_ssh_client"] = True
        return docker.DockerClient(**options)
    except Exception as error:  # the SDK raises bare exceptions for broken contexts
        raise EngineError(
            f"{endpoint.found} ({endpoint.host}): {reason_of(error, timeout)}",
            cause="Docker is not running, or you have no permission.",
            next_step="Start it, or correct DOCKER_HOST or the context; or use:"
            " multimeter-visu install --engine embedded",
        ) from error


def _require_listener(host: str, timeout: float) -> None:
    """Raise OSError when nothing listens on a Unix socket.

    The SDK would raise a similar error, but leave a socket open.
    """
    scheme, _, path = host.partition("://")
    if scheme == "unix" and hasattr(socket, "AF_UNIX"):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(timeout)
            probe.connect(path)


def _tls(endpoint: Endpoint) -> TLSConfig:
    folder = pathlib.Path(endpoint.certificates)
    return TLSConfig(
        client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
        ca_cert=str(folder / "ca.pem"),
        verify=endpoint.verify,
    )


def _named_endpoint(environment: Mapping[str, str]) -> Endpoint | None:
    """Return the engine that a variable or a context names, as the docker CLI does."""
    if host := environment.get("DOCKER_HOST"):
        verify = bool(environment.get("DOCKER_TLS_VERIFY"))
        folder = environment.get("DOCKER_CERT_PATH", "")
        if verify and not folder:
            folder = str(pathlib.Path.home() / ".docker")
        return Endpoint(host, "DOCKER_HOST", certificates=folder, verify=verify)
    context = environment.get("DOCKER_CONTEXT") or get_current_context_name()
    if context == "default":
        return None
    try:
        described = ContextAPI.get_context(context)
    except Exception as error:  # the SDK raises bare exceptions for broken contexts
        raise context_error(context, str(error)) from error
    if described is None or not described.Host:
        raise context_error(context, "there is no such context")
    return Endpoint(described.Host, f"the context {context}", context=context)


def _explanation(error: APIError) -> str:
    return str(error.explanation or error).strip()


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    with contextlib.suppress(NotFound):
        yield
