"""The pages of one target into the store, a row a scrape; keeps what the row before had."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from collector.ingest.formats.page import Page
from collector.ingest.scrape.report import (
    Report,
    Row,
    ended_row,
    failed_row,
    report_labels,
    vanished,
    with_stale,
)
from collector.ingest.write import Admission, Placement, SampleWriter
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Bools, Int64s, SampleBatch

NOTHING: Int64s = np.empty(0, dtype=np.int64)


class PageWriter:
    """Writes what one target said, and that it said nothing."""

    def __init__(
        self,
        source: str,
        target_labels: Labels,
        admission: Admission,
        writer: SampleWriter,
        *,
        honor_timestamps: bool = True,
    ) -> None:
        self._source = source
        self._target_labels = target_labels
        self._admission = admission
        self._writer = writer
        self._honor_timestamps = honor_timestamps
        self._report_refs: Int64s = NOTHING
        self._placement: Placement | None = None
        self._untimed: Bools | None = None
        self._samples: Int64s = NOTHING
        self._row: Int64s = NOTHING
        self._metadata: Mapping[str, Metadata] | None = None

    def write(self, page: Page, timestamp_ms: int, duration_seconds: float) -> Report:
        """Append a page's samples and its report; answers the report.

        Raises LimitError or InputError when a limit or relabelling forbids the page: then nothing
        was written, and `fail` is to follow.
        """
        placement = self._admission.place(page.layout)
        untimed = self._untimed_of(page)
        before = self._samples
        self._sit(placement, untimed)
        gone = NOTHING if before is self._samples else vanished(before, self._samples)
        added = 0 if before is self._samples else len(np.setdiff1d(self._samples, before))
        kept = len(placement.positions)
        report = Report(True, duration_seconds, len(page), kept, added)
        row = with_stale(self._row_of(page, placement, untimed, report), gone)
        self._writer.row(self._source, timestamp_ms, row.refs, row.values, row.start_ms)
        if untimed is not None:
            self._write_timed(page, placement, ~untimed)
        self._note(page, placement)
        return report

    def fail(self, timestamp_ms: int, duration_seconds: float) -> None:
        """Append that the scrape failed: `up` is 0 and every series of the row before ends."""
        refs = self._row if len(self._row) else self._reports()
        values = Report(False, duration_seconds).values()[: len(self._reports())]
        row = failed_row(refs, values)
        self._writer.row(self._source, timestamp_ms, row.refs, row.values)
        self._forget_samples()

    def end(self, timestamp_ms: int) -> None:
        """Append that the target is gone."""
        refs = self._row if len(self._row) else self._reports()
        row = ended_row(refs)
        self._writer.row(self._source, timestamp_ms, row.refs, row.values)
        self._forget_samples()

    def succeed(self, former: PageWriter) -> None:
        """Take over from a writer of the same target, so that nothing ends by a reload."""
        self._samples = former._samples

    def _forget_samples(self) -> None:
        self._samples = self._row = NOTHING
        self._placement = None

    def _reports(self) -> Int64s:
        """Refs of the report series; none of them while the store has no room for all."""
        if not len(self._report_refs):
            refs = self._writer.refs(self._source, report_labels(self._target_labels))
            self._report_refs = NOTHING if (refs < 0).any() else refs
        return self._report_refs

    def _untimed_of(self, page: Page) -> Bools | None:
        """Mask over the page of samples without own time; None when that is all of them."""
        if page.timestamps_ms is None or not self._honor_timestamps:
            return None
        return page.untimed()

    def _sit(self, placement: Placement, untimed: Bools | None) -> None:
        """Make the refs of this row, or keep those of the row before when nothing moved."""
        if self._placement is placement and _same_mask(self._untimed, untimed):
            return
        self._placement, self._untimed = placement, untimed
        kept = slice(None) if untimed is None else untimed[placement.positions]
        self._samples = placement.refs[kept]
        self._row = np.concatenate([self._samples, self._reports()])

    def _row_of(
        self, page: Page, placement: Placement, untimed: Bools | None, report: Report
    ) -> Row:
        positions = placement.positions
        if untimed is not None:
            positions = positions[untimed[positions]]
        reported = len(self._row) - len(positions)
        values = np.concatenate([page.values[positions], report.values()[:reported]])
        start_ms = None
        if page.start_ms is not None:
            nothing = np.zeros(reported, dtype=np.int64)
            start_ms = np.concatenate([page.start_ms[positions], nothing])
        return Row(self._row, values, start_ms)

    def _write_timed(self, page: Page, placement: Placement, timed: Bools) -> None:
        chosen = timed[placement.positions]
        positions = placement.positions[chosen]
        if not len(positions) or page.timestamps_ms is None:
            return
        start_ms = None if page.start_ms is None else page.start_ms[positions]
        batch = SampleBatch(
            placement.refs[chosen], page.timestamps_ms[positions], page.values[positions], start_ms
        )
        self._writer.batch(self._source, batch)

    def _note(self, page: Page, placement: Placement) -> None:
        for reason, count in placement.refused.items():
            self._writer.refuse(reason, count)
        self._writer.pass_over_exemplars(len(page.exemplars))
        if page.metadata is not None and page.metadata is not self._metadata:
            self._metadata = page.metadata
            self._writer.describe(page.metadata)


def _same_mask(one: Bools | None, other: Bools | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))
