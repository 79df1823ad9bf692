"""The pages of one target into the store, a row a scrape; keeps what the row before had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.ingest.admission import Admission, Partial, Placement
from collector.ingest.formats.page import ExposedExemplar, Page
from collector.ingest.scrape.report import (
    Extras,
    Report,
    Row,
    ended_row,
    failed_row,
    report_labels,
    vanished,
    with_stale,
)
from collector.ingest.write import SampleWriter
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Bools, Int64s, SampleBatch

NOTHING: Int64s = np.empty(0, dtype=np.int64)
NOTHING_READ = Partial()


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
        track_timestamps: bool = False,
        extras: Extras | None = None,
    ) -> None:
        self._source = source
        self._target_labels = target_labels
        self._admission = admission
        self._writer = writer
        self._honor_timestamps = honor_timestamps
        self._track_timestamps = track_timestamps
        self._extras = extras
        self._unread = f"{source}?"
        self._has_been_read = False
        self._report_refs: Int64s = NOTHING
        self._placement: Placement | None = None
        self._untimed: Bools | None = None
        self._tracked: Int64s = NOTHING
        self._cached: Int64s = NOTHING
        self._cached_in_vain: set[Labels] = set()
        self._row: Int64s = NOTHING
        self._metadata: Mapping[str, Metadata] | None = None

    def write(
        self, page: Page, timestamp_ms: int, duration_seconds: float, body_bytes: int = 0
    ) -> Report:
        """Append a page's samples and its report; answers the report.

        Raises LimitError or InputError when a limit or relabelling forbids the page: then nothing
        was written, and `fail` is to follow.
        """
        self._reports()  # before the samples, which may take the last room there is
        placement = self._admission.place(page.layout)
        untimed = self._untimed_of(page)
        before = self._tracked
        self._sit(placement, untimed)
        gone = NOTHING if before is self._tracked else vanished(before, self._tracked)
        report = Report(
            True,
            duration_seconds,
            placement.scraped,
            placement.relabelled,
            self._added(placement),
            body_bytes,
        )
        row = with_stale(self._row_of(page, placement, untimed, report), gone)
        self._writer.row(self._source, timestamp_ms, row.refs, row.values, row.start_ms)
        self._has_been_read = True
        if untimed is not None:
            self._write_timed(page, placement, ~untimed)
        repeated = placement.again if untimed is None else untimed[placement.again].nonzero()[0]
        self._writer.refuse("duplicate_in_scrape", len(repeated))
        self._note(page, placement, timestamp_ms)
        return report

    def fail(
        self,
        timestamp_ms: int,
        duration_seconds: float,
        partial: Partial = NOTHING_READ,
        body_bytes: int = 0,
    ) -> None:
        """Append that the scrape failed: `up` is 0 and every series of the row before ends.

        `partial` is how far it got, which the report tells as Prometheus's does.
        """
        report = Report(
            False,
            duration_seconds,
            partial.scraped,
            partial.relabelled,
            self._added_in_vain(partial),
            body_bytes,
        )
        reports = self._reports()
        figures = report.values(self._extras)[: len(reports)]
        row = failed_row(self._tracked, reports, figures)
        # who was never read has not been seen without the series that the first page will bring:
        # the store must not take them for newborn ones, and count what they counted long before
        source = self._source if self._has_been_read else self._unread
        self._writer.row(source, timestamp_ms, row.refs, row.values)
        self._forget_samples()

    def end(self, timestamp_ms: int) -> None:
        """Append that the target is gone."""
        row = ended_row(np.concatenate([self._tracked, self._reports()]))
        self._writer.row(self._source, timestamp_ms, row.refs, row.values)
        self._forget_samples()

    def succeed(self, former: PageWriter) -> None:
        """Take over from a writer of the same target, so that nothing ends by a reload."""
        self._tracked, self._cached = former._tracked, former._cached
        self._has_been_read = former._has_been_read

    def warning(self) -> str:
        """What of the last page a guard kept out, in words; "" when nothing."""
        left_out = self._placement.left_out() if self._placement is not None else {}
        told = ", ".join(f"{count} ({reason})" for reason, count in sorted(left_out.items()))
        return f"series over a limit are left out, those before are kept: {told}" if told else ""

    def _forget_samples(self) -> None:
        self._tracked = self._row = NOTHING
        self._placement = None

    def _reports(self) -> Int64s:
        """Refs of the report series; none of them while the store has no room for all."""
        if not len(self._report_refs):
            labels = report_labels(self._target_labels, extra=self._extras is not None)
            refs = self._writer.essential_refs(self._source, labels)
            self._report_refs = NOTHING if (refs < 0).any() else refs
        return self._report_refs

    def _added(self, placement: Placement) -> int:
        """Series that the last scrapes did not have: what Prometheus's cache of series lacks.

        An empty page leaves the cache as it is, as a failed scrape does.
        """
        if not placement.scraped or placement.refs is self._cached:
            return 0
        added = len(np.setdiff1d(placement.refs, self._cached))
        if self._cached_in_vain:
            known = self._admission.known(tuple(self._cached_in_vain))
            known = np.setdiff1d(known[known >= 0], self._cached)
            added -= len(np.intersect1d(known, placement.refs))
            self._cached_in_vain.clear()
        self._cached = placement.refs
        return added

    def _added_in_vain(self, partial: Partial) -> int:
        """The same for a scrape that failed after these series had been read."""
        if not partial.labels:
            return 0
        refs = self._admission.known(partial.labels)
        in_cache = np.isin(refs, self._cached) & (refs >= 0)
        fresh = {
            labels
            for labels, cached in zip(partial.labels, in_cache.tolist(), strict=True)
            if not cached
        }
        fresh -= self._cached_in_vain
        self._cached_in_vain |= fresh
        return len(fresh)

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
        samples = placement.refs[kept]
        self._tracked = placement.refs if self._track_timestamps else samples
        self._row = np.concatenate([samples, self._reports()])

    def _row_of(
        self, page: Page, placement: Placement, untimed: Bools | None, report: Report
    ) -> Row:
        positions, values = placement.positions, placement.values(page.values)
        if untimed is not None:
            own = untimed[positions]
            positions, values = positions[own], values[own]
        reported = len(self._row) - len(positions)
        values = np.concatenate([values, report.values(self._extras)[:reported]])
        start_ms = None
        if page.start_ms is not None:
            nothing = np.zeros(reported, dtype=np.int64)
            start_ms = np.concatenate([page.start_ms[positions], nothing])
        return Row(self._row, values, start_ms)

    def _write_timed(self, page: Page, placement: Placement, timed: Bools) -> None:
        """Samples with a time of their own; of one series there may be many."""
        positions = np.concatenate([placement.positions, placement.again])
        refs = np.concatenate([placement.refs, placement.again_refs])
        chosen = np.flatnonzero(timed[positions])
        if not len(chosen) or page.timestamps_ms is None:
            return
        chosen = chosen[np.argsort(positions[chosen])]
        positions = positions[chosen]
        start_ms = None if page.start_ms is None else page.start_ms[positions]
        times_ms = page.timestamps_ms[positions]
        batch = SampleBatch(refs[chosen], times_ms, page.values[positions], start_ms)
        self._writer.batch(self._source, batch)

    def _note(self, page: Page, placement: Placement, timestamp_ms: int) -> None:
        for reason, count in placement.refused.items():
            self._writer.refuse(reason, count)
        if page.exemplars:
            self._write_exemplars(page.exemplars, timestamp_ms)
        if page.metadata is not None and page.metadata is not self._metadata:
            self._metadata = page.metadata
            self._writer.describe(page.metadata)

    def _write_exemplars(self, exposed: Sequence[ExposedExemplar], timestamp_ms: int) -> None:
        found = []
        for one in exposed:
            series = self._admission.admitted(one.series)
            if series is not None:
                time_ms = one.timestamp_ms
                if time_ms is None:
                    time_ms = timestamp_ms if one.sample_ms is None else one.sample_ms
                dated = one.timestamp_ms is not None
                found.append(Exemplar(series, one.labels, one.value, time_ms, dated))
        found.sort(key=lambda one: one.timestamp_ms)
        self._writer.exemplars(self._source, found)


def _same_mask(one: Bools | None, other: Bools | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.array_equal(one, other))
