"""Subjects: what is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SUBJECT_CHILDREN", "SUBJECT_PROCESS", "Subject"]


@dataclass(frozen=True)
class Subject:
    """Something that is measured.

    Attributes:
        key: The name by which measures refer to the subject.
        description: What the subject is, for people.
        scope: How far it reaches: ``process`` (one process, or a part of it), ``tree``
            (a process and its descendants), ``container``, ``host``; empty where
            it is not given.
    """

    key: str
    description: str = ""
    scope: str = ""


SUBJECT_PROCESS = Subject("process", "The process that is measured.", "process")
SUBJECT_CHILDREN = Subject(
    "children",
    "All child processes that have ended and been waited for, together.",
    "tree",
)
