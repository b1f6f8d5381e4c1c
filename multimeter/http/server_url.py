"""URLs of servers: which can be used, and which parts of them may be printed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from multimeter.errors import ConfigurationError

__all__ = ["checked_server_url", "without_secrets"]

# Also as URLs escape them: what is before an @ that was escaped by mistake is a password
# all the same.
_AT = re.compile(r"@|%40")
_QUERY = re.compile(r"[?#;]|%3f|%23|%3b", re.IGNORECASE)
_HOST = re.compile(r"\[[^\]/]*\]|[^:/]*")
_PORT = re.compile(r":\d*(?=/|$)|", re.ASCII)


def without_secrets(url: str) -> str:
    """Return a URL, or what was given for one, without what could be a secret in it.

    The user and the password, the query and the fragment are left out; where it cannot
    be distinguished, all but the scheme.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme.isalnum():
        scheme, separator, rest = "", "", url
    *_, before = [0, *(each.end() for each in _AT.finditer(rest))]
    query = _QUERY.search(rest)
    end = query.start() if query else len(rest)
    if before > end:
        return f"{scheme}{separator}..."
    rest = rest[before:end]
    host = _matched(_HOST, rest)
    rest = rest.removeprefix(host)
    port = _matched(_PORT, rest)
    rest = rest.removeprefix(port)
    # Where http://user:password lacks its host, what is left begins with the password.
    return f"{scheme}{separator}{host}{port}{rest if rest.startswith('/') else ''}"


def _matched(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.match(text)
    return match[0] if match else ""


def checked_server_url(url: str) -> str:
    """Return the URL of a server of InfluxDB's API, without a slash at its end.

    Raises:
        ConfigurationError: It is none, or holds more than the place of the server.
    """
    if _AT.search(url):
        raise ConfigurationError(
            "The URL holds a user or a password, which InfluxDB does not take there.",
            next_step="Give the token as 'token', and a URL without a user.",
        )
    try:
        parts = urlsplit(url)
        is_server = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_server = False
    printable = without_secrets(url)
    more = printable != url
    if more or not is_server or not url.isprintable() or " " in url:
        raise ConfigurationError(
            f"'{printable}{'...' if more else ''}' is not the URL of a server.",
            cause="It holds more than the place of the server: a token goes elsewhere."
            if more
            else "",
            next_step="Use something like http://localhost:8086.",
        )
    return url.rstrip("/")
