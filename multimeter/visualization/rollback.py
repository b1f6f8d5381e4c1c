"""Rollback: an install that fails or is interrupted takes back what it has made.

What was there before stays, and so do the secrets that open it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from multimeter.errors import MultimeterError
from multimeter.visualization.config import kept_file, remove_config, write_config
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


def take_back_interrupted(engine: Engine, report: Reporter) -> None:
    """Take back what an install has left that was killed.

    Args:
        engine: The engine; its configuration lists what the install was going to make.
        report: Takes the progress.

    Raises:
        VisualizationError: The engine does not help.
    """
    made = engine.config.engine_state.get("made", [])
    with report.step("Take back what an interrupted install has left"):
        for step in plan_remove(engine.observe()):
            if step.action is Action.STOP or step.resource.kind in made:
                engine.apply(step, report)
        keep_secrets(engine)
        remove_config(engine.config_file)


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
def taken_back_on_failure(engine: Engine, report: Reporter) -> Iterator[Attempt]:
    """Return a context in which an install can fail and leave nothing behind."""
    attempt = Attempt()
    try:
        yield attempt
    except BaseException as error:  # an interrupt is no reason to leave things behind
        with _uninterrupted():
            complete = _take_back(attempt.done, engine, report)
            if isinstance(error, ForeignDataError):
                remove_config(kept_file(engine.config_file))
            elif attempt.finishing:
                keep_secrets(engine)
            if complete:
                remove_config(engine.config_file)
                if attempt.done:
                    report.note("What had been made is taken back.")
        raise


def _take_back(done: Sequence[Step], engine: Engine, report: Reporter) -> bool:
    """Take back what can be; return whether that was all of it."""
    left: list[Step] = []
    engine_answers = True
    for step in undo(done):
        try:
            if engine_answers:
                engine.apply(step, report)
        except EngineGoneError:
            # To wait for it once more for each step would take minutes.
            engine_answers = False
        except (MultimeterError, OSError):
            left.append(step)
        if not engine_answers:
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


def keep_secrets(engine: Engine) -> None:
    """Keep the secrets of data that stays: nothing else would open it again."""
    if not engine.data_needs_secrets:
        return
    with contextlib.suppress(MultimeterError):
        stays = any(
            each.holds_data and state is not State.ABSENT
            for each, state in engine.observe().items()
        )
        if stays:
            kept = dataclasses.replace(engine.config, installing=False)
            write_config(kept_file(engine.config_file), kept)
