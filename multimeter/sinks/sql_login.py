"""Logging in to a MySQL or MariaDB server: no server that was not verified gets a password.

A server says how it wants to be shown the password. Most ways only prove that the client
knows it. With the others the server reads the password itself, and so does anyone who
answers in its place, or who hands out a public key of his own to encrypt it with: they
are for servers whose certificate was verified.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from pymysql import _auth
from pymysql.connections import Connection
from pymysql.constants import CLIENT
from pymysql.err import OperationalError

__all__ = [
    "NOT_VERIFIED",
    "UNSAFE_PASSWORD",
    "UnverifiedConnection",
    "VerifiedConnection",
]

Plugins = dict[str, Callable[[Any], Any]]
"""Takes part in logging in, by the name that the server uses: made of the connection."""

NOT_VERIFIED = 2026
"""The number of the error where TLS is demanded: CR_SSL_CONNECTION_ERROR."""

UNSAFE_PASSWORD = 2061
"""The number of the error where a password would be readable: CR_AUTH_PLUGIN_ERR."""

_SAFE_PLUGIN = "mysql_native_password"
_IS_KNOWN = b"\x01\x03"


class _Refusal:
    """Replaces a plugin that shows the server the password."""

    def __init__(self, plugin: str, _connection: Any) -> None:
        self._plugin = plugin

    def authenticate(self, _packet: Any) -> Any:
        raise OperationalError(
            UNSAFE_PASSWORD,
            f"it asks for the password in a readable form ({self._plugin}), and nothing "
            "proves that it is the server",
        )


class _CachingSha2:
    """caching_sha2_password, as far as it only proves that the password is known."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> Any:
        connection = self._connection
        salt = packet.read_all().removesuffix(b"\0")
        proof = _auth.scramble_caching_sha2(connection.password, salt)
        connection.write_packet(proof)
        answer = connection._read_packet()  # noqa: SLF001 - as PyMySQL's own plugins do
        if answer.is_ok_packet():
            return answer
        if answer.get_all_data()[:2] != _IS_KNOWN:
            return _Refusal("caching_sha2_password", connection).authenticate(answer)
        return connection._read_packet()  # noqa: SLF001


def _refusals(*plugins: str) -> Plugins:
    return {plugin: functools.partial(_Refusal, plugin) for plugin in plugins}


class VerifiedConnection(Connection):
    """A connection over TLS to a server that was verified, or none."""

    server_capabilities: int
    plugins: ClassVar[Plugins] = _refusals("mysql_old_password")

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        # Some versions of PyMySQL would go on without TLS.
        if not self.server_capabilities & CLIENT.SSL:
            raise OperationalError(NOT_VERIFIED, "it offers no TLS, which 'ca' demands")


class UnverifiedConnection(Connection):
    """A connection to an unproven server: the password is proved, but never shown."""

    plugins: ClassVar[Plugins] = {
        **_refusals("mysql_old_password", "mysql_clear_password", "dialog"),
        **_refusals("sha256_password"),
        "caching_sha2_password": _CachingSha2,
    }

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]
        # PyMySQL shows some servers the password in its first answer. This one is safe,
        # and a server that wants another says so.
        self._auth_plugin_name = _SAFE_PLUGIN
