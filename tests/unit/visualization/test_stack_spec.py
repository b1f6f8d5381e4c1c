from __future__ import annotations

import pytest

from multimeter.errors import ConfigurationError
from multimeter.visualization.stack_spec import StackSpec


def require_usable_names(org, bucket):
    StackSpec(org=org, bucket=bucket).require_usable_names()


@pytest.mark.parametrize("name", ["kantai", "my lab", "größe", "😀", "a" * 255])
def test_names_that_influxdb_takes_are_taken(name):
    require_usable_names(name, name)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0b", "a" * 256, "\ud800"])
def test_names_that_nothing_can_show_are_refused(name):
    with pytest.raises(ConfigurationError, match="organisation"):
        require_usable_names(name, "multimeter")
    with pytest.raises(ConfigurationError, match="bucket"):
        require_usable_names("kantai", name)


@pytest.mark.parametrize("name", ["_monitoring", 'a"b'])
def test_names_that_influxdb_keeps_for_itself_are_refused(name):
    require_usable_names(name, "multimeter")
    with pytest.raises(ConfigurationError, match="bucket"):
        require_usable_names("kantai", name)
