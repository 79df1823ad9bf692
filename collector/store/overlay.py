"""Late samples, per series, merged on read: they arrive out of order and are few."""

from __future__ import annotations

from bisect import insort

import numpy as np

from collector.model.samples import Float64s, Int64s, filled


class Overlay:
    """Samples older than their stripe's newest row, by ref, sorted by time."""

    def __init__(self) -> None:
        self._samples: dict[int, list[tuple[int, float]]] = {}

    def value_at(self, ref: int, timestamp_ms: int) -> float | None:
        """The late value at exactly this time."""
        return next((v for t, v in self._samples.get(ref, ()) if t == timestamp_ms), None)

    def add(self, ref: int, timestamp_ms: int, value: float) -> None:
        """Keep one late sample."""
        insort(self._samples.setdefault(ref, []), (timestamp_ms, value), key=lambda s: s[0])

    def merge(
        self, refs: Int64s, times: Int64s, values: Float64s, after_ms: int, until_ms: int
    ) -> tuple[Int64s, Float64s]:
        """`times` and `values` float64[n, t] with the late samples of these refs put in."""
        late = [
            (row, t, v)
            for row, ref in enumerate(refs.tolist() if self._samples else ())
            for t, v in self._samples.get(ref, ())
            if after_ms < t <= until_ms
        ]
        if not late:
            return times, values
        merged = np.union1d(times, np.array([t for _, t, _ in late], dtype=np.int64))
        table = filled((len(refs), len(merged)))
        table[:, np.searchsorted(merged, times)] = values
        for row, t, value in late:
            table[row, np.searchsorted(merged, t)] = value
        return merged, table

    def forget(self, before_ms: int) -> None:
        """Drop what is older."""
        for ref, samples in list(self._samples.items()):
            self._samples[ref] = [sample for sample in samples if sample[0] >= before_ms]
            if not self._samples[ref]:
                del self._samples[ref]
