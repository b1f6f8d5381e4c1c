"""TLS: which authorities may have signed the certificate of a server."""

from __future__ import annotations

import os
import ssl
from typing import Literal

from multimeter.errors import ConfigurationError

__all__ = ["Authorities", "make_context"]

Authorities = str | os.PathLike[str] | Literal[True]
"""Those in a file, or those that the system trusts."""


def make_context(ca: Authorities) -> ssl.SSLContext:
    """Return the settings of TLS: certificate and host name are verified.

    Raises:
        ConfigurationError: The file of certificates cannot be used.
    """
    try:
        # An empty name would mean the system's.
        file = None if ca is True else os.fspath(ca) or os.curdir
        context = ssl.create_default_context(cafile=file)
    except (OSError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"'ca' cannot be used: {error}",
            cause="It is True, or the name of a file of certificates in PEM.",
        ) from error
    # Python 3.13 refuses certificates without some extensions, as many servers have.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
