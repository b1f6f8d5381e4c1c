from __future__ import annotations

import re

import pytest

from multimeter import ConfigurationError
from multimeter.identifiers import (
    HEALTH,
    LOGS,
    MARKS,
    RESERVED_MEASUREMENTS,
    RUNS,
    checked_identifier,
    new_identifier,
)


def test_new_identifiers_differ_within_the_same_second():
    identifiers = {new_identifier() for _ in range(100)}
    assert len(identifiers) == 100
    assert all(re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{6}", each) for each in identifiers)


def test_a_new_identifier_begins_with_its_prefix():
    assert new_identifier("train-").startswith("train-2")


OWN = ["multimeter_marks", "multimeter_runs", "multimeter_logs", "multimeter_health"]


@pytest.mark.parametrize("identifier", OWN)
def test_an_identifier_that_multimeter_uses_itself_is_refused(identifier):
    assert {MARKS, RUNS, LOGS, HEALTH} == RESERVED_MEASUREMENTS == set(OWN)
    with pytest.raises(ConfigurationError, match="used by Multimeter itself"):
        checked_identifier(identifier)


def test_any_other_identifier_is_returned():
    assert checked_identifier("my run") == "my run"
