"""Rollback: what an install has made is taken back when it fails or is interrupted.

Only what it made: what was there before stays, and so do the secrets that open it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from multimeter.errors import MultimeterError
from multimeter.visualization.config import (
    StackConfig,
    kept_file,
    remove_config,
    write_config,
)
from multimeter.visualization.engines.base import Engine
from multimeter.visualization.errors import EngineGoneError, ForeignDataError
from multimeter.visualization.plan import Action, Found, State, Step, plan_remove, undo
from multimeter.visualization.report import Reporter

__all__ = [
    "Attempt",
    "keep_secrets",
    "take_back_interrupted",
    "taken_back_on_failure",
    "to_be_made",
]


def to_be_made(found: Found) -> list[str]:
    """Return the kinds of the resources that an install is going to make."""
    return [
        each.kind
        for each, state in found.items()
        if state is State.ABSENT and not each.shared
    ]


def take_back_interrupted(
    config_file: pathlib.Path, config: StackConfig, parts: Engine, report: Reporter
) -> None:
    """Take back what an install has left that was killed.

    Args:
        config_file: Where its configuration is.
        config: What it says: with what it was going to make.
        parts: The engine it was on.
        report: Who is told.

    Raises:
        VisualizationError: The engine does not help.
    """
    made = config.engine_state.get("made", [])
    with report.step("Take back what an interrupted install has left"):
        for step in plan_remove(parts.observe()):
            if step.action is Action.STOP or step.resource.kind in made:
                parts.apply(step, report)
        keep_secrets(config_file, config, parts)
        remove_config(config_file)


@dataclass
class Attempt:
    """An install under way.

    Attributes:
        done: The steps so far; the last may be half done.
        finishing: Whether all steps are done, and the rest has begun.
    """

    done: list[Step] = field(default_factory=list)
    finishing: bool = False


@contextlib.contextmanager
def taken_back_on_failure(
    config_file: pathlib.Path, config: StackConfig, parts: Engine, report: Reporter
) -> Iterator[Attempt]:
    """Return a context in which an install can fail and leave nothing behind."""
    attempt = Attempt()
    try:
        yield attempt
    except BaseException as error:  # an interrupt is no reason to leave things behind
        with _uninterrupted():
            whole = _take_back(attempt.done, parts, report)
            if isinstance(error, ForeignDataError):
                remove_config(kept_file(config_file))
            elif attempt.finishing:
                keep_secrets(config_file, config, parts)
            if whole:
                remove_config(config_file)
                if attempt.done:
                    report.note("What had been made is taken back.")
        raise


def _take_back(done: Sequence[Step], parts: Engine, report: Reporter) -> bool:
    """Take back what can be; return whether that was all of it."""
    left: list[Step] = []
    gone = False
    for step in undo(done):
        try:
            if not gone:
                parts.apply(step, report)
        except EngineGoneError:
            # To wait for it once more for each step would take minutes.
            gone = True
        except (MultimeterError, OSError):
            left.append(step)
        if gone:
            left.append(step)
    removals = [step for step in left if step.action is Action.REMOVE]
    if removals:
        names = ", ".join(f"the {s.resource.kind} {s.resource.name}" for s in removals)
        report.note(
            f"Left behind, as the engine did not help: {names}. The next"
            " multimeter-visu install or remove takes it back."
        )
    return not removals


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an impatient Ctrl+C wait: what it would leave behind is worse."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def keep_secrets(config_file: pathlib.Path, config: StackConfig, parts: Engine) -> None:
    """Keep the secrets of data that stays: nothing else would open it again."""
    if not parts.data_needs_secrets:
        return
    with contextlib.suppress(MultimeterError):
        stays = any(
            each.holds_data and state is not State.ABSENT
            for each, state in parts.observe().items()
        )
        if stays:
            kept = dataclasses.replace(config, installing=False)
            write_config(kept_file(config_file), kept)
