"""Disk: what a loss of power, or a kill, may leave of what a program has written.

What was done is cut into pieces, each of which reaches the disk whole or not at all. A
sync that has succeeded makes some of them certain; of the others, any choice may be
there. Which pieces there are, and what a sync makes certain, depends on the file system:

``kill``     The program dies, the system lives: all is there, but the last write may
             have ended at a page.
``journal``  As ext4 and XFS: names and sizes reach the disk in order, and a sync of
             anything makes all earlier ones certain; bytes that were not synced are
             there or not, zeros where not.
``stale``    As ``journal``, with bytes of other files where they are not.
``posix``    What POSIX promises and no more: names are certain when their folder was
             synced, bytes and sizes when the file was.
``fat``      As ``posix``, and a renaming is two changes.
``mended``   As ``posix``, but the names of folders are certain at once: shows what
             else is wrong in a program that does not sync them.

After a sync that has failed, the bytes are clean for the system and perhaps not on the
disk: the next sync says nothing of them. See Rebello et al., "Can Applications Recover
from fsync Failures?", USENIX ATC 2020, and for the models Pillai et al., "All File
Systems Are Not Created Equal", OSDI 2014.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fakes.crash.recorder import Names, Operation, Recorder, Sync, Truncate, Write

__all__ = ["MODELS", "PAGE", "SECTOR", "Disk", "Tree"]

MODELS = ("kill", "journal", "posix", "fat", "mended", "stale")
SECTOR, PAGE = 512, 4096

Tree = dict[str, bytes | None]
"""Each path below the root, with what is in the file; None for a folder."""


@dataclass
class _Piece:
    """What reaches the disk whole or not at all."""

    moment: int
    change: Names | Write | Truncate
    certain_at: float = math.inf
    is_forgotten: bool = False

    @property
    def is_metadata(self) -> bool:
        return not isinstance(self.change, Write)

    def belongs_to(self, file: int) -> bool:
        if isinstance(self.change, Names):
            return any(folder == file for folder, _, _ in self.change.entries)
        return self.change.file == file


class Disk:
    """The disk under a program that was recorded.

    Args:
        recorder: What was done.
        model: One of ``MODELS``.
        tear: Where a write may be torn: at multiples of so many bytes.
    """

    def __init__(self, recorder: Recorder, model: str, tear: int) -> None:
        self._folders = recorder.folders
        self._model = model
        self._tear = tear
        self._pieces: list[_Piece] = []
        for operation in recorder.start:
            self._do(-1, operation)
        for piece in self._pieces:
            piece.certain_at = -1
        for moment, operation in enumerate(recorder.operations):
            self._do(moment, operation)
        writes = [p.change.data for p in self._pieces if isinstance(p.change, Write)]
        self._stale = b"".join(writes[:8]) or b"\0"

    def _do(self, moment: int, operation: Operation) -> None:
        match operation:
            case Names():
                self._change_names(moment, operation)
            case Write(file, offset, data):
                for start, part in _torn(offset, data, self._tear):
                    self._remember(file, start, len(part))
                    self._pieces.append(_Piece(moment, Write(file, start, part)))
                # No program here writes before the end of a file.
                self._pieces.append(_Piece(moment, Truncate(file, offset + len(data))))
            case Truncate():
                self._pieces.append(_Piece(moment, operation))
            case Sync():
                self._sync(moment, operation)

    def _change_names(self, moment: int, change: Names) -> None:
        halves = [Names((entry,)) for entry in change.entries]
        for each in halves if self._model == "fat" else [change]:
            piece = _Piece(moment, each)
            named = {number for _, _, number in each.entries}
            if self._model == "mended" and named & self._folders:
                piece.certain_at = moment
            self._pieces.append(piece)

    def _remember(self, file: int, offset: int, size: int) -> None:
        """Make the pages dirty again that a write touches."""
        pages = range(offset // PAGE, (offset + size - 1) // PAGE + 1)
        for piece in self._pieces:
            if piece.is_forgotten and piece.belongs_to(file):
                assert isinstance(piece.change, Write)
                piece.is_forgotten = piece.change.offset // PAGE not in pages

    def _sync(self, moment: int, sync: Sync) -> None:
        for piece in self._pieces:
            if piece.certain_at <= moment:
                continue
            is_its = piece.belongs_to(sync.file)
            if sync.failed:
                piece.is_forgotten |= is_its and not piece.is_metadata
            elif (is_its and not piece.is_forgotten) or (
                self._model in ("journal", "stale") and piece.is_metadata
            ):
                piece.certain_at = moment

    def crashes(self, moment: int, timing: random.Random, most: int) -> Iterator[Tree]:
        """Give what may be there after a crash before an operation.

        Args:
            moment: The number of the operation.
            timing: Chooses, where there are too many.
            most: About how many.
        """
        past = [piece for piece in self._pieces if piece.moment < moment]
        if self._model == "kill":
            yield from self._killed(past, moment)
            return
        certain = [piece for piece in past if piece.certain_at < moment]
        open_ = [piece for piece in past if piece.certain_at >= moment]
        for some in self._choices(open_, timing, most):
            kept = sorted([*certain, *some], key=lambda piece: piece.moment)
            yield self._tree(kept, timing)

    def _killed(self, past: list[_Piece], moment: int) -> Iterator[Tree]:
        yield self._tree(past)
        last = [piece for piece in past if piece.moment == moment - 1]
        for cut in range(1, len(last) - 1):  # the last piece is the size
            torn = last[cut].change
            if isinstance(torn, Write):
                size = _Piece(moment - 1, Truncate(torn.file, torn.offset))
                yield self._tree([*past[: -len(last)], *last[:cut], size])

    def _choices(
        self, pieces: list[_Piece], timing: random.Random, most: int
    ) -> Iterator[list[_Piece]]:
        if self._model not in ("journal", "stale"):
            yield from _subsets(pieces, timing, most)
            return
        names = [piece for piece in pieces if piece.is_metadata]
        data = [piece for piece in pieces if not piece.is_metadata]
        moments = sorted({piece.moment for piece in names})
        for upto in (-1, *moments):
            prefix = [piece for piece in names if piece.moment <= upto]
            for some in _subsets(data, timing, max(1, most // (len(moments) + 1))):
                yield prefix + some

    def _tree(self, pieces: Sequence[_Piece], timing: random.Random | None = None) -> Tree:
        entries: dict[int, dict[str, int]] = defaultdict(dict)
        sizes: dict[int, int] = defaultdict(int)
        written: dict[int, list[Write]] = defaultdict(list)
        for piece in pieces:
            match piece.change:
                case Names(changes):
                    for folder, name, number in changes:
                        if number is None:
                            entries[folder].pop(name, None)
                        else:
                            entries[folder][name] = number
                case Write() as write:
                    written[write.file].append(write)
                case Truncate(file, size):
                    sizes[file] = size
        tree: Tree = {}

        def walk(folder: int, above: str) -> None:
            for name, number in sorted(entries[folder].items()):
                path = f"{above}{name}"
                if number in self._folders:
                    tree[path] = None
                    walk(number, f"{path}/")
                else:
                    tree[path] = self._content(sizes[number], written[number], timing)

        walk(0, "")
        return tree

    def _content(
        self, size: int, writes: list[Write], timing: random.Random | None
    ) -> bytes:
        covered = 0
        for write in writes:
            if write.offset <= covered:
                covered = max(covered, write.offset + len(write.data))
        content = bytearray(size) if covered >= size else self._hole(size, timing)
        for write in writes:
            if write.offset < size:
                end = min(size, write.offset + len(write.data))
                content[write.offset : end] = write.data[: end - write.offset]
        return bytes(content)

    def _hole(self, size: int, timing: random.Random | None) -> bytearray:
        """Return what is in a file where nothing was written."""
        if self._model == "stale":
            return bytearray((self._stale * (size // len(self._stale) + 1))[:size])
        if timing and self._model in ("posix", "fat") and timing.random() < _GARBAGE:
            return bytearray(timing.choices(b"\xff\x00\n{a", k=size))
        return bytearray(size)


_GARBAGE = 0.3
_SHARES = (0.25, 0.5, 0.75, 0.9)


def _torn(offset: int, data: bytes, tear: int) -> Iterator[tuple[int, bytes]]:
    while data:
        size = tear - offset % tear
        yield offset, data[:size]
        offset, data = offset + size, data[size:]


def _subsets(
    pieces: list[_Piece], timing: random.Random, most: int
) -> Iterator[list[_Piece]]:
    """Give all choices of some pieces, or of many pieces those most likely to harm."""
    count = len(pieces)
    if count < most.bit_length():
        for bits in range(1 << count):
            yield [piece for place, piece in enumerate(pieces) if bits >> place & 1]
        return
    yield []
    yield pieces
    likely = [pieces[:place] + pieces[place + 1 :] for place in range(count)]
    likely += [[piece] for piece in pieces]
    likely += [pieces[:cut] for cut in range(1, count)]
    likely += [pieces[cut:] for cut in range(1, count)]
    yield from timing.sample(likely, min(len(likely), most // 2))
    for _ in range(most // 2 - 1):
        share = timing.choice(_SHARES)
        yield [piece for piece in pieces if timing.random() < share]
