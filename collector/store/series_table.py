"""Which series there are: the labels of each ref, and the ref of each label set that is alive.

A series that has no sample left, in memory or in blocks, is forgotten: its labels go to a file that
lives as long as the process, and cost memory no more. Its ref is never given to another series, so
that nobody who kept it is misled: labels are still told, and who appends to it is sent on to the
ref that the same labels have by then (`is_dead`). A start counts refs anew, without the dead.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.samples import Bools, Int64s

_PAGE_BYTES = 4096


class SeriesTable(Sequence[Labels]):
    """Labels by ref; `ref_of` has the living only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._labels: list[Labels | None] = []
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}
        self._dead: dict[int, int] = {}
        self._is_dead: Bools = np.zeros(0, np.bool_)
        self._file: BinaryIO | None = None
        self.ref_of: dict[Labels, int] = {}

    def __len__(self) -> int:
        """How many refs were given, those of the dead included."""
        return len(self._labels)

    @property
    def living(self) -> int:
        """How many series there are."""
        return len(self.ref_of)

    @overload
    def __getitem__(self, ref: int) -> Labels: ...

    @overload
    def __getitem__(self, ref: slice) -> list[Labels]: ...

    def __getitem__(self, ref: int | slice) -> Labels | list[Labels]:
        """The labels of a ref, dead or alive."""
        if isinstance(ref, slice):
            return [self[one] for one in range(*ref.indices(len(self)))]
        labels = self._labels[ref]
        return self._read(ref) if labels is None else labels

    def __iter__(self) -> Iterator[Labels]:
        """The labels of the living, by ref; over a copy."""
        return iter([labels for labels in self._labels.copy() if labels is not None])

    def add(self, labels: Labels) -> int:
        """The ref of a series that is not known."""
        labels = labels.sharing(self._pairs)
        ref = len(self._labels)
        self._labels.append(labels)
        self.ref_of[labels] = ref
        if ref >= len(self._is_dead):
            room: Bools = np.zeros(max(64, len(self._is_dead) // 4), np.bool_)
            self._is_dead = np.concatenate([self._is_dead, room])
        return ref

    def refs(self) -> Int64s:
        """Those of the living, ascending."""
        return np.flatnonzero(~self._is_dead[: len(self)])

    def is_dead(self, refs: Int64s) -> Bools:
        """Which of these refs are of series that were forgotten."""
        return self._is_dead[refs]

    @property
    def alive(self) -> Bools:
        """For every ref, whether its series is there; a copy."""
        return ~self._is_dead[: len(self)]

    def bury(self, refs: Int64s) -> list[Labels]:
        """Put the labels of living series away; gives them.

        Raises StorageError when they can't be written; then all stay.
        """
        labels = [self[ref] for ref in refs.tolist()]
        places = self._write(labels) if labels else []
        for ref, one, place in zip(refs.tolist(), labels, places, strict=True):
            self._dead[ref] = place
            self._labels[ref] = None
            del self.ref_of[one]
        self._is_dead[refs] = True
        return labels

    def drop_pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """No series has these any more."""
        for pair in pairs:
            self._pairs.pop(pair, None)

    def _write(self, labels: Sequence[Labels]) -> list[int]:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
            at = self._file.seek(0, 2)
            lines = [json.dumps(one.pairs, separators=(",", ":")).encode() for one in labels]
            self._file.write(b"\n".join([*lines, b""]))
            self._file.flush()
        except OSError as error:
            raise StorageError(
                f"series that ended can't be put away: {error.strerror}",
                where=Where(str(self._directory)),
                advice="free some disk space; until then they stay in memory",
            ) from error
        sizes = [0, *(len(line) + 1 for line in lines[:-1])]
        return [at + offset for offset in np.cumsum(sizes).tolist()]

    def _read(self, ref: int) -> Labels:
        assert self._file is not None  # noqa: S101 (it is there since the first was buried)
        at, line = self._dead[ref], b""
        while b"\n" not in line:  # pread: readers come from any thread
            line += os.pread(self._file.fileno(), _PAGE_BYTES, at + len(line))
        text = line[: line.index(b"\n")]
        return Labels((name, value) for name, value in json.loads(text))
