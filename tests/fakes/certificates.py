"""Certificates for servers of tests, made by OpenSSL."""

from __future__ import annotations

import pathlib
import subprocess
from dataclasses import dataclass

__all__ = ["Certificate", "make_certificate"]


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, so it is its own authority."""

    file: pathlib.Path
    key: pathlib.Path


def make_certificate(folder: pathlib.Path, *names: str) -> Certificate:
    """Make a certificate for some hosts.

    Args:
        folder: Where its files go.
        *names: As OpenSSL writes them: ``DNS:localhost``, ``IP:127.0.0.1``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=test", "-addext", f"subjectAltName={','.join(names)}"),
            *("-out", str(made.file), "-keyout", str(made.key)),
        ],
        check=True,
        capture_output=True,
    )
    return made
