from __future__ import annotations

import dataclasses

import pytest

from multimeter.subject import SUBJECT_CHILDREN, SUBJECT_PROCESS, Subject


def test_a_subject_has_a_key_and_an_empty_description_by_default():
    assert (Subject("gpu").key, Subject("gpu").description) == ("gpu", "")


def test_the_subjects_of_a_process_are_itself_and_its_children():
    assert (SUBJECT_PROCESS.key, SUBJECT_CHILDREN.key) == ("process", "children")
    assert SUBJECT_PROCESS.description
    assert SUBJECT_CHILDREN.description


def test_subjects_are_values():
    assert Subject("gpu", "x") == Subject("gpu", "x")
    assert len({Subject("gpu"), Subject("gpu"), Subject("cpu")}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Subject("gpu").key = "cpu"
