"""Rollback: remove what a failed or interrupted install has made.

Existing data stays, with the secrets to open it.
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
from multimeter.visualization.plan import Action, Observed, State, Step, plan_remove, undo
from multimeter.visualization.report import Reporter

__all__ = [
    "Attempt",
    "keep_secrets",
    "roll_back_interrupted",
    "rolled_back_on_failure",
    "to_be_made",
]


def to_be_made(observed: Observed) -> list[str]:
    """Return the kinds of the resources that an install will make."""
    return [
        each.kind
        for each, state in observed.items()
        if state is State.ABSENT and not each.shared
    ]


def roll_back_interrupted(engine: Engine, report: Reporter) -> None:
    """Roll back an install that was killed.

    Args:
        engine: The engine; its configuration lists the planned resources.
        report: Receives the progress.

    Raises:
        VisualizationError: The engine failed.
    """
    made = engine.config.engine_state.get("made", [])
    with report.step("Roll back an interrupted install"):
        for step in plan_remove(engine.observe()):
            if step.action is Action.STOP or step.resource.kind in made:
                engine.apply(step, report)
        keep_secrets(engine)
        remove_config(engine.config_file)


@dataclass
class Attempt:
    """An install in progress.

    Attributes:
        done: The steps so far; the last one may be incomplete.
        finishing: Whether all steps are done and the set-up has started.
    """

    done: list[Step] = field(default_factory=list)
    finishing: bool = False


@contextlib.contextmanager
def rolled_back_on_failure(engine: Engine, report: Reporter) -> Iterator[Attempt]:
    """Return a context that rolls back an install that fails."""
    attempt = Attempt()
    try:
        yield attempt
    except BaseException as error:  # an interrupt is rolled back too
        with _uninterrupted():
            complete = _roll_back(attempt.done, engine, report)
            if isinstance(error, ForeignDataError):
                remove_config(kept_file(engine.config_file))
            elif attempt.finishing:
                keep_secrets(engine)
            if complete:
                remove_config(engine.config_file)
                if attempt.done:
                    report.note("Everything that had been made was removed again.")
        raise


def _roll_back(done: Sequence[Step], engine: Engine, report: Reporter) -> bool:
    """Undo steps as far as possible; return whether everything was undone."""
    failed: list[Step] = []
    engine_answers = True
    for step in undo(done):
        try:
            if engine_answers:
                engine.apply(step, report)
        except EngineGoneError:
            # Waiting for the timeout of each step would take minutes.
            engine_answers = False
        except (MultimeterError, OSError):
            failed.append(step)
        if not engine_answers:
            failed.append(step)
    removals = [step for step in failed if step.action is Action.REMOVE]
    if removals:
        names = ", ".join(f"the {s.resource.kind} {s.resource.name}" for s in removals)
        report.note(
            f"Left behind, as the engine failed: {names}. The next"
            " multimeter-visu install or remove removes it."
        )
    return not removals


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl+C, which would leave resources behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def keep_secrets(engine: Engine) -> None:
    """Keep the secrets of data that stays: it can only be opened with them."""
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
