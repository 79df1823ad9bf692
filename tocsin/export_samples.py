"""Reads what an export wants out of a store that nobody else uses, and writes it to a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.interchange.samples import Writer
from collector.model.clock import SystemClock
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.query.parser import parse_selector
from collector.store.tsdb import Tsdb

SAMPLE_BYTES = 16
"""Time and value: what the progress bar counts."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which samples: those of the series that match, in `[first_ms, last_ms]`."""

    matchers: Sequence[Matcher]
    first_ms: int
    last_ms: int


def selected(selector: str) -> Sequence[Matcher]:
    """The matchers of a selector. Raises QueryError."""
    return parse_selector(selector)


def export_samples(
    store: Path, wanted: Wanted, writer: Writer, progress: Callable[[str, int], None]
) -> int:
    """How many samples were written: metric after metric, each in order of time.

    A metric is read as a whole, so that the samples of a series lie together as OpenMetrics asks.
    Raises StorageError.
    """
    opened = Tsdb.open(store, SystemClock())
    written = 0
    try:
        after_ms = max(wanted.first_ms - 1, -(2**62))
        names = opened.label_values(METRIC_NAME, wanted.matchers, after_ms, wanted.last_ms)
        for name in names:
            one = [*wanted.matchers, Matcher("=", METRIC_NAME, name)]
            for part in opened.select(one, after_ms, wanted.last_ms):
                count = writer.add(part.labels, part.timestamps_ms, part.values)
                progress(name, count * SAMPLE_BYTES)
                written += count
        writer.close()
    finally:
        opened.close()
    return written
