"""Progress of long work: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["progress"]

_T = TypeVar("_T")


def progress(steps: Iterable[_T], most: int, what: str) -> Iterator[_T]:
    """Yield the steps of some work, and show on the error output how far it is.

    Args:
        steps: The steps.
        most: How many there are at most.
        what: What they are, for people.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(what, total=most)
        for number, step in enumerate(steps, 1):
            bar.update(task, completed=number)
            yield step
