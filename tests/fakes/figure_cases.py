"""Runs whose figures Python, SQL and Flux must compute alike, as lines and as results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from multimeter import Measure, Metric, Result, Schema, Subject
from multimeter.data.identifiers import RUN_TAG, RUNS, new_run_id
from multimeter.data.record import Record
from multimeter.lines.protocol import decode, encode
from multimeter.lines.result_decoder import decode_result
from multimeter.lines.result_encoder import encode_result
from multimeter.storages.live_run import LiveRun

__all__ = ["CASES", "KEYS", "MEASURES", "Case", "decoded", "lines_of", "sampled"]

S = 10**9
BEGIN = 1_700_000_000 * S


def _measure(key: str, unit: str = "", peak_of: str = "") -> Measure:
    subject, _, metric = key.rpartition(".")
    return Measure(Subject(subject), Metric(metric, unit=unit, peak_of=peak_of))


MEASURES = (
    _measure("tree.cpu_rate_user"),
    _measure("tree.cpu_rate_system"),
    _measure("tree.memory_rss", "bytes"),
    _measure("tree.memory_rss_peak", "bytes", "memory_rss"),
    _measure("tree.memory_pss", "bytes"),
    _measure("process.memory_rss_max", "kB"),
    _measure("tree.memory_page_faults_without_io"),
    _measure("tree.memory_page_faults_with_io"),
    _measure("tree.context_switches_vol"),
    _measure("tree.io_disk_read", "B/s"),
    _measure("process.io_block_out"),
    _measure("tree.processes"),
    _measure("process.threads"),
    _measure("gpu0.gpu_use", "%"),
    _measure("gpu1.gpu_use", "%"),
    _measure("gpu0.gpu_memory_used", "bytes"),
    _measure("gpu1.gpu_memory_used", "bytes"),
    _measure("gpu0.gpu_power", "W"),
    _measure("energy:package-0.energy", "J"),
    _measure("energy:package-0:dram.energy", "J"),
    _measure("sampler.samples_late"),
    _measure("sampler.samples_missed"),
)
"""Measures of every figure: rates, levels, marks of the kernel, in several units."""

KEYS = [each.key for each in MEASURES]


@dataclass(frozen=True)
class Case:
    """A run as it is stored.

    Attributes:
        name: What is special about it.
        run: Its identifier.
        lines: What was written.
        now_ns: When it is looked at.
    """

    name: str
    run: str
    lines: tuple[str, ...]
    now_ns: int


def sampled(
    run: str,
    steps: Iterable[tuple[int, Sequence[float | None]]],
    start: int | None,
    before: dict[str, float] | None = None,
    begin: int = BEGIN,
) -> Result:
    """Return a result of points, each some ns after the one before.

    Args:
        run: Its identifier.
        steps: The ns, and a value or None for each of :data:`MEASURES`.
        start: How many ns before the first step the run began; None where that is not
            known.
        before: What marks of the kernel were before.
        begin: When the steps begin.
    """
    result = Result.of_schema(Schema.of_measures(MEASURES), identifier=run)
    time = begin
    for step, values in steps:
        time += step
        known = {k: v for k, v in zip(KEYS, values) if v is not None}
        if known:
            result.append(time, known)
    if start is not None:
        time_ns = begin - start
        result.add_meta_data(baseline={"time_ns": time_ns, "values": before or {}})
    return result


def lines_of(result: Result, *, stored: bool) -> list[str]:
    """Return a result as lines.

    Args:
        result: The result.
        stored: Whether its entry has figures: else they follow from the points.
    """
    lines = [line.decode() for line in encode_result(result)]
    if stored:
        return lines
    *points, entry = lines
    kept = [each for each in _fields(entry) if not each.startswith("figure")]
    return [*points, _with_fields(entry, kept)]


def _fields(entry: str) -> list[str]:
    records = list(decode(entry))
    return [f"{key}" for record in records for key in record.fields]


def _with_fields(entry: str, keys: Sequence[str]) -> str:
    (record,) = decode(entry)
    fields = {key: record.fields[key] for key in keys}
    line = encode(Record(record.measurement, record.tags, fields, record.time_ns))
    assert line is not None
    return line


def live_lines(result: Result, start_ns: int, *, ended: bool) -> list[str]:
    """Return the lines that a run sends while it goes on."""
    lines: list[bytes] = []
    empty = Result.of_schema(result.schema, identifier=result.identifier)
    empty.meta_data = dict(result.meta_data)
    empty.id = new_run_id(start_ns)
    clock = [start_ns]
    run = LiveRun(
        empty, lambda line, _: lines.append(line) if line else None, lambda: clock[0]
    )
    for row, time in enumerate(result.times_ns):
        values = {
            key: value
            for key in result.columns
            if (value := result.values(key)[row]) is not None
        }
        clock[0] = time
        empty.append(time, values)
        run.append(time, values)
    if ended:
        run.close()
    return [line.decode() for line in lines]


def version_1(lines: Iterable[str]) -> list[str]:
    """Return the lines of a live run of version 1 of the data.

    No run had an id, and the entry was one point that was written again and again.
    """
    records = list(decode("\n".join(lines)))
    start = next(r.fields["start"] for r in records if r.measurement == RUNS)
    written = []
    for each in records:
        tags = {key: value for key, value in each.tags.items() if key != RUN_TAG}
        fields, time_ns = each.fields, each.time_ns
        if each.measurement == RUNS:
            new = ("id", "version", "figures")
            fields = {key: value for key, value in fields.items() if key not in new}
            time_ns = int(start)
        line = encode(Record(each.measurement, tags, fields, time_ns))
        assert line is not None
        written.append(line)
    return written


def decoded(lines: Iterable[str]) -> Result:
    """Return the result that is read back from lines."""
    return decode_result(list(decode("\n".join(lines))))


def _steps(scale: float = 1.0) -> list[tuple[int, list[float | None]]]:
    """Samples as `multimeter run` takes them: close together first, then far apart."""
    seconds = (0.02, 0.03, 0.05, 0.4, 0.5, 1.0, 3.5, 7.25)
    steps: list[tuple[int, list[float | None]]] = []
    for row, each in enumerate(seconds):
        # Energy and counts so far only grow; rates are high at first.
        values = [scale * (1.0 + number) / (1 + row) for number in range(len(MEASURES))]
        levels: list[float | None] = list(values)
        for place, key in enumerate(KEYS):
            if key.endswith((".energy", "_late", "_missed", "_peak", "_max")):
                levels[place] = scale * (place + 1.0) * (row + 1)
            elif key.endswith(("_use", "processes", "threads")):
                levels[place] = float((row * 7 + place) % 50 + 1)
            elif key.endswith((".memory_rss", ".memory_pss", "_used")):
                levels[place] = scale * 1e6 * ((row * 5) % 7 + 1) * (place + 1)
        steps.append((round(each * S), levels))
    return steps


def _with_gaps() -> list[tuple[int, list[float | None]]]:
    """The same, but every measure lacks some of its values, and none at the same time."""
    return [
        (step, [None if (row + place) % 3 == 1 else v for place, v in enumerate(values)])
        for row, (step, values) in enumerate(_steps())
    ]


def _cases() -> Iterable[Case]:
    later = BEGIN + 3600 * S
    soon = BEGIN + 13 * S
    start = round(0.25 * S)
    result = sampled("uneven", _steps(), start)
    yield Case("uneven samples", "uneven", tuple(lines_of(result, stored=False)), later)
    result = sampled("whole", _steps(), start)
    yield Case("stored whole", "whole", tuple(lines_of(result, stored=True)), later)
    result = sampled("nostart", _steps(), None)
    yield Case("no start known", "nostart", tuple(lines_of(result, stored=False)), later)
    result = sampled("gaps", _with_gaps(), start)
    yield Case("gaps in each measure", "gaps", tuple(lines_of(result, stored=False)), later)
    marks = {"tree.memory_rss_peak": 1e12}
    result = sampled("marks", _steps(), start, marks)
    yield Case(
        "a mark from before the run", "marks", tuple(lines_of(result, stored=False)), later
    )
    result = sampled("live", _steps(), start)
    yield Case("live", "live", tuple(live_lines(result, BEGIN - start, ended=False)), soon)
    result = sampled("died", _with_gaps(), start)
    yield Case("died", "died", tuple(live_lines(result, BEGIN - start, ended=False)), later)
    result = sampled("old", _with_gaps(), start)
    old = version_1(live_lines(result, BEGIN - start, ended=False))
    yield Case("of version 1", "old", tuple(old), later)
    result = sampled("ended", _steps(), start)
    yield Case(
        "sent live and ended",
        "ended",
        tuple(live_lines(result, BEGIN - start, ended=True)),
        later,
    )
    first = sampled("again", _steps(1000.0), start)
    second = sampled("again", _with_gaps(), start, begin=BEGIN + 100 * S)
    yield Case(
        "a name that came again",
        "again",
        (
            *version_1(live_lines(first, BEGIN - start, ended=True)),
            *version_1(live_lines(second, BEGIN + 100 * S - start, ended=False)),
        ),
        BEGIN + 112 * S,
    )


CASES = tuple(_cases())
