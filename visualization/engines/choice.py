"""Which engine a stack runs on."""

from __future__ import annotations

import pathlib

from multimeter.errors import ConfigurationError
from multimeter.visualization.config import StackConfig
from multimeter.visualization.engines.base import Engine, Request
from multimeter.visualization.engines.embedded import EmbeddedEngine
from multimeter.visualization.errors import EngineError

__all__ = ["ENGINES", "describe_stack", "engine_of"]

ENGINES = ("auto", "docker", "embedded")
"""What can be asked for."""


def describe_stack(engine: str, request: Request) -> StackConfig:
    """Return the configuration of a stack that is still to be made.

    Raises:
        EngineError: The engine cannot be used here.
        ConfigurationError: There is no engine of this name.
    """
    if engine not in ENGINES:
        raise ConfigurationError(
            f"There is no engine '{engine}'.",
            next_step=f"Choose one of {', '.join(ENGINES)}.",
        )
    if engine == "docker":
        raise EngineError(
            "The docker engine is not there yet.",
            next_step="multimeter-visu install --engine embedded",
        )
    return EmbeddedEngine.describe(request)


def engine_of(config_file: pathlib.Path, config: StackConfig) -> Engine:
    """Return the engine that an installed stack runs on.

    Raises:
        ConfigurationError: The configuration does not describe such a stack.
    """
    try:
        if config.engine == "embedded":
            return EmbeddedEngine(config_file, config)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"The configuration {config_file} lacks what its engine needs: {error}",
            cause="It was edited.",
            next_step="Mend it, or remove the file and run multimeter-visu install.",
        ) from error
    raise EngineError(
        f"The stack runs on the engine '{config.engine}', which is not known here.",
        cause="A newer version of Multimeter installed it.",
        next_step="Upgrade Multimeter.",
    )
