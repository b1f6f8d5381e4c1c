"""Run the benchmarks of this folder, and print what they found beside its target."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import pathlib
import sys
import traceback
from collections.abc import Callable, Iterable

from comparison import Row
from options import TOKEN_VARIABLE, Options

Benchmark = Callable[[Options], Iterable[Row]]


def find_benchmarks() -> dict[str, Benchmark]:
    """Return the function ``rows`` of each module of this folder that has one."""
    names = sorted(path.stem for path in pathlib.Path(__file__).parent.glob("*.py"))
    modules = {name: importlib.import_module(name) for name in names if name != "run"}
    return {n: module.rows for n, module in modules.items() if hasattr(module, "rows")}


def main() -> int:
    """Run those that were asked for; return 1 if one of them broke, else 0."""
    benchmarks = find_benchmarks()
    arguments = _parse(list(benchmarks))
    options = Options(
        arguments.peer_python,
        arguments.url,
        arguments.org,
        arguments.bucket,
    )
    found: list[Row] = []
    broken = False
    for name in arguments.name or benchmarks:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found += benchmarks[name](options)
        except Exception:  # noqa: BLE001 - the others are still of interest
            traceback.print_exc()
            broken = True
    print(_as_json(found) if arguments.json else _as_table(found), end="")
    return 1 if broken else 0


def _parse(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    parser.add_argument("--peer-python", help="a Python that has multimeter 0.1")
    parser.add_argument(
        "--url", help=f"a server to write to, with the token in {TOKEN_VARIABLE}"
    )
    parser.add_argument("--org", default="kantai")
    parser.add_argument("--bucket", default="multimeter")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.name) - set(names))
    if unknown:
        parser.error(f"there is no benchmark '{unknown[0]}'")
    return arguments


def _as_json(rows: Iterable[Row]) -> str:
    return json.dumps([_cells(row) for row in rows], indent=1) + "\n"


def _cells(row: Row) -> dict[str, object]:
    target = str(row.target) if row.target else None
    return dataclasses.asdict(row) | {"target": target, "reached": row.reached}


def _as_table(rows: Iterable[Row]) -> str:
    heads = ("what", "ours", "peer", "ratio", "target", "reached")
    lines = [_line(row) for row in rows]
    if not sys.stdout.isatty():
        return "".join("\t".join(line) + "\n" for line in (heads, *lines))
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    for line in lines:
        table.add_row(*line)
    console = Console()
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _line(row: Row) -> tuple[str, ...]:
    peer = "" if row.peer is None else f"{row.peer:,.4g} ({row.peer_name})"
    reached = {True: "yes", False: "no", None: ""}[row.reached]
    return (
        row.what,
        f"{row.ours:,.4g} {row.unit}",
        peer,
        "" if row.ratio is None else f"{row.ratio:.2f} x",
        str(row.target or ""),
        reached,
    )


if __name__ == "__main__":
    sys.exit(main())
