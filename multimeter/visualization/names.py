"""Names: which a stack, an organisation and a bucket can have.

As InfluxDB has it: https://docs.influxdata.com/influxdb/v2/admin/buckets/create-bucket/#bucket-naming-restrictions
"""

from __future__ import annotations

import re

from multimeter.errors import ConfigurationError

__all__ = ["require_usable_name", "require_usable_names"]

_LONGEST = 255
_STACK = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def require_usable_name(stack: str) -> None:
    """Check the name of a stack.

    Raises:
        ConfigurationError: Files, containers and volumes cannot be named after it.
    """
    if not _STACK.fullmatch(stack):
        raise ConfigurationError(
            f"{stack!r:.80} cannot be the name of a stack.",
            cause="Files, containers and volumes are named after it.",
            next_step="Use small letters, digits and -, at most 40.",
        )


def require_usable_names(org: str, bucket: str) -> None:
    """Check the names of an organisation and a bucket.

    Raises:
        ConfigurationError: One of them is no name that InfluxDB takes.
    """
    for what, name in (("organisation", org), ("bucket", bucket)):
        if not name.strip() or len(name) > _LONGEST or not name.isprintable():
            raise ConfigurationError(
                f"{name!r:.80} cannot be the name of the {what}.",
                cause="It is empty, too long, or holds characters that do not print.",
                next_step="Choose another with -o ORG and -b BUCKET.",
            )
    if bucket.startswith("_") or '"' in bucket:
        raise ConfigurationError(
            f"{bucket!r:.80} cannot be the name of the bucket.",
            cause="InfluxDB keeps names with _ at their start, and takes no quotes.",
            next_step="Choose another with -b BUCKET.",
        )
