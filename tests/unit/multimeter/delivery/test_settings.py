from __future__ import annotations

import math

import pytest

from multimeter.delivery.settings import Settings
from multimeter.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tier", "disk"),
        ("when_full", "panic"),
        ("max_records", 0),
        ("max_bytes", -1),
        ("max_spool_bytes", 1.5),
        ("batch_size", True),
        ("batch_bytes", "1"),
        ("linger", -0.1),
        ("linger", math.nan),
        ("exit_timeout", math.inf),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ConfigurationError, match=f"'{name}' must be"):
        Settings(**{name: value})


def test_a_tier_on_disk_needs_a_spool():
    with pytest.raises(ConfigurationError, match="needs a spool"):
        Settings(tier="spool+fsync")
