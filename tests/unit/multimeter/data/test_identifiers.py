from __future__ import annotations

import re

import pytest

from multimeter import ConfigurationError
from multimeter.data.identifiers import (
    RESERVED_MEASUREMENTS,
    checked_identifier,
    is_generated,
    new_identifier,
)


def test_new_identifiers_differ_within_the_same_second():
    identifiers = {new_identifier() for _ in range(100)}
    assert len(identifiers) == 100
    assert all(re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{6}", each) for each in identifiers)


def test_a_new_identifier_begins_with_its_prefix():
    assert new_identifier("train-").startswith("train-2")


@pytest.mark.parametrize(
    "identifier",
    [
        "multimeter_codenames",
        "multimeter_health",
        "multimeter_logs",
        "multimeter_marks",
        "multimeter_runs",
    ],
)
def test_an_identifier_that_multimeter_uses_itself_is_refused(identifier):
    assert identifier in RESERVED_MEASUREMENTS
    with pytest.raises(ConfigurationError, match="used by Multimeter itself"):
        checked_identifier(identifier)


def test_any_other_identifier_is_returned():
    assert checked_identifier("my run") == "my run"


@pytest.mark.parametrize("prefix", ["", "train-", "a b", "20261126T015500-"])
def test_an_identifier_that_was_made_up_is_known_as_such(prefix):
    assert is_generated(new_identifier(prefix))


@pytest.mark.parametrize("name", ["train", "20261126", "x-20261126T015500-abcdeg", ""])
def test_a_name_that_a_person_gives_is_not(name):
    assert not is_generated(name)
