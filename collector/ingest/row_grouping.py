"""Samples in any order to rows: those of one source and one time together, older ones first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Float64s, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Columns of one length; `sources` numbers where each series comes from; `start_ms` may be
    None, 0 is unknown."""

    refs: Int64s
    sources: Int64s
    timestamps_ms: Int64s
    values: Float64s
    start_ms: Int64s | None

    def __len__(self) -> int:
        return len(self.refs)

    def part(self, chosen: slice | Int64s) -> Samples:
        """Some of the samples; a slice copies nothing."""
        starts = None if self.start_ms is None else self.start_ms[chosen]
        return Samples(
            self.refs[chosen],
            self.sources[chosen],
            self.timestamps_ms[chosen],
            self.values[chosen],
            starts,
        )


def rows(samples: Samples) -> Iterator[Samples]:
    """The rows; samples of one row keep their order, so a series that stands twice does too."""
    if not len(samples):
        return
    begins = _begins(samples)
    pairs = list(
        zip(samples.timestamps_ms[begins].tolist(), samples.sources[begins].tolist(), strict=True)
    )
    if len(set(pairs)) < len(pairs):
        samples = samples.part(np.lexsort((samples.sources, samples.timestamps_ms)))
        begins = _begins(samples)
    ends = [*begins[1:].tolist(), len(samples)]
    for k in np.argsort(samples.timestamps_ms[begins], kind="stable").tolist():
        yield samples.part(slice(int(begins[k]), ends[k]))


def _begins(samples: Samples) -> Int64s:
    """Where source or time differ from the sample before."""
    turns = np.diff(samples.sources) != 0
    turns |= np.diff(samples.timestamps_ms) != 0
    return np.concatenate([np.zeros(1, dtype=np.int64), np.flatnonzero(turns) + 1])
