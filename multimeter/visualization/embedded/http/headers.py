"""Headers: what stands above every answer of the server."""

from __future__ import annotations

from multimeter import __version__

__all__ = ["CONTENT_SECURITY_POLICY", "HEADERS", "INFLUXDB_VERSION"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self'; "
    "connect-src 'self'; "
    "base-uri 'none'; "
    "form-action 'self'; "
    "frame-ancestors 'none'"
)
"""What a page of ours may load: what this server gives, and nothing else."""

INFLUXDB_VERSION = f"v2.7.0-multimeter.{__version__}"
"""The version by the count of InfluxDB, for clients that look at the first number.

As a version it says: not yet 2.7.0, but something of Multimeter's (https://semver.org, 9).
"""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Influxdb-Build": "multimeter",
    "X-Influxdb-Version": INFLUXDB_VERSION,
}
"""The headers of every answer."""
