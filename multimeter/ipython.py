"""Magics for IPython and Jupyter: ``%load_ext multimeter``, then ``%%multimeter``.

IPython is imported nowhere but here, and whatever loads this has imported it.
https://ipython.readthedocs.io/en/stable/config/custommagics.html
"""

from __future__ import annotations

import ast
import keyword
from types import CodeType
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class

from multimeter.analysis.summary import summary_lines
from multimeter.data.identifiers import new_identifier
from multimeter.errors import MultimeterError
from multimeter.measurement import Measurement
from multimeter.multimeter import Multimeter
from multimeter.probes.default import default_probes

if TYPE_CHECKING:
    from multimeter.storages.base import Storage

__all__ = ["MultimeterMagics", "load"]

_SHORT = "o:q"
_LONG = ("name=", "cycle-time=", "output=", "store=", "quiet")


def load(shell: Any) -> None:
    """Add the magics to a shell of IPython."""
    shell.register_magics(MultimeterMagics)


@magics_class
class MultimeterMagics(Magics):
    """``%multimeter STATEMENT`` and ``%%multimeter``."""

    @line_cell_magic
    def multimeter(self, line: str, cell: str | None = None) -> Any:
        """Measure a statement or a cell, and print what it used.

        What it gives is the value of its last expression, as without the magic.

        Options: ``--name NAME`` of the run, ``--cycle-time SECONDS`` between samples
        (0.05), ``-o``/``--output VARIABLE`` for the result (``_multimeter``), ``--store
        FOLDER`` for a file of the run, ``-q``/``--quiet`` to print nothing.
        """
        shell: Any = self.shell
        options, statement = self.parse_options(
            line, _SHORT, *_LONG, posix=False, strict=False, preserve_non_opts=True
        )
        if cell is not None and statement:
            raise UsageError(f"'{statement}' is no option of %%multimeter.")
        options = {key: _unquoted(value) for key, value in options.items()}
        variable = options.get("o") or options.get("output") or "_multimeter"
        if not variable.isidentifier() or keyword.iskeyword(variable):
            raise UsageError(f"'{variable}' cannot be the name of a variable.")
        # What cannot be compiled does not run at all, not even in part.
        code, last = _compiled(shell, statement if cell is None else cell)
        try:
            measurement = _measurement(options)
            result = measurement.start()
        except MultimeterError as error:
            raise UsageError(str(error)) from error
        try:
            exec(code, shell.user_ns)  # noqa: S102 - what a shell is for
            return None if last is None else eval(last, shell.user_ns)  # noqa: S307
        finally:
            shell.user_ns[variable] = result
            _end(measurement)
            if "q" not in options and "quiet" not in options:
                print("\n".join(summary_lines(result, curves=True)))  # noqa: T201 - its purpose


def _unquoted(value: str) -> str:
    """Return an option without the quotes around it."""
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if is_quoted else value


def _compiled(shell: Any, source: str) -> tuple[CodeType, CodeType | None]:
    """Return the code of a cell, and that of its last expression, if it ends with one."""
    code = shell.transform_cell(source)
    # Under this name, tracebacks find the lines.
    name = shell.compile.cache(code)
    tree = shell.transform_ast(ast.parse(code, name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, name, "exec")
    if last is None:
        return body, None
    return body, compile(ast.Expression(last.value), name, "eval")


def _measurement(options: dict[str, str]) -> Measurement:
    given = options.get("cycle-time", "0.05")
    try:
        cycle_time = float(given)
    except ValueError:
        raise UsageError(f"--cycle-time is a number of seconds, not {given}.") from None
    storage = _storage(options.get("store"))
    multimeter = Multimeter(*default_probes(), cycle_time=cycle_time, storage=storage)
    return multimeter.measure(options.get("name") or new_identifier("cell-"))


def _end(measurement: Measurement) -> None:
    try:
        measurement.end()
    except MultimeterError as error:
        raise UsageError(str(error)) from error


def _storage(folder: str | None) -> Storage:
    from multimeter.storages.dummy import DummyStorage
    from multimeter.storages.file import FileStorage, JsonFormat

    return FileStorage(folder, JsonFormat()) if folder else DummyStorage()
