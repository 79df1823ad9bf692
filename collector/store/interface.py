"""`Appender` and `Querier`: the seam between the store and those who write and read.

Units: timestamps are int64 milliseconds since 1970, values float64. A `ref` is a non-negative int64
that names one series of this store for as long as the process lives; refs are dense (0, 1, 2, …),
so that per-series state fits in arrays. Ranges are left-open, right-closed, `(after_ms, until_ms]`,
as PromQL's are. Every method may be called from any thread; none blocks on the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch


@dataclass(frozen=True, slots=True)
class Refused:
    """How many samples of a batch the store did not take, by reason (`out_of_order`, …)."""

    by_reason: Mapping[str, int]

    def __bool__(self) -> bool:
        return any(self.by_reason.values())


NOTHING_REFUSED = Refused({})


class Appender(Protocol):
    """The way in."""

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """The refs (int64[n]) of these series, made where new.

        `source` names where they come from (a scrape target, a remote writer): series of one
        source arrive together and so share a stripe. Raises LimitError past the series limit.
        """
        ...

    def known_refs(self, labels: Sequence[Labels]) -> Int64s:
        """The refs (int64[n]) of these series, -1 for each that there is not; makes none."""
        ...

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        """One timestamp for many series: a scrape or one OTLP export.

        `values` (float64[n], beside `refs`) may hold the STALE marker. Durable (as configured)
        when it returns; the arrays stay the caller's. The fast path is a row with the same `refs`
        array object as the row before it of this source. `start_ms` (int64[n], 0 = unknown) is when
        each counter began at zero. Raises StorageError when the log can't be written: then nothing
        of the row was taken.
        """
        ...

    def append(self, source: str, batch: SampleBatch) -> Refused:
        """Samples at any timestamps; the same promises as `append_row`."""
        ...

    def append_exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> Refused:
        """Exemplars, those of one series by rising time; their series need no samples yet.

        What repeats the newest of its series is passed over and not counted; what is older is
        refused as `exemplar_out_of_order`, one whose labels are too long as
        `exemplar_label_length`. Durable and raising as `append_row` is.
        """
        ...

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        """Remember type, help and unit of a metric family; the last word wins."""
        ...


@dataclass(frozen=True, slots=True)
class Slice:
    """Some series over one column of timestamps; read-only, valid after later appends.

    `timestamps_ms` int64[t], strictly increasing; `values` float64[n, t], C order, a cell being a
    value, STALE or MISSING (by bits); `labels` and `refs` (int64[n]) run along the first axis.
    `start_ms` int64[n, t]: when the counter of that cell began at zero, 0 where that is not known;
    None: of no cell.
    """

    labels: Sequence[Labels]
    refs: Int64s
    timestamps_ms: Int64s
    values: Float64s
    start_ms: Int64s | None = None


@dataclass(frozen=True, slots=True)
class CounterTotals:
    """What counters have counted since this store knows them, resets mended.

    `total` float64[n]: the sum of increases so far (grows only); `last_ms` int64[n]: the newest
    sample's time, -1 where there is none. A series that is born in a source that had been read
    before, or whose `start_ms` is later than the source's first sample or at most ten minutes
    before its own first one, counts from zero; the first sample of any other is its baseline and
    adds nothing.
    """

    total: Float64s
    last_ms: Int64s


class Querier(Protocol):
    """The way out."""

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """Every sample in `(after_ms, until_ms]` of the series that satisfy all matchers.

        Each series is in exactly one slice; slices of series without a sample there are left out.
        """
        ...

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs (int64, ascending) of the series that satisfy all matchers, at any time."""
        ...

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """The label set of each ref."""
        ...

    def last_sample_ms(self, refs: Int64s) -> Int64s:
        """Time of each series' newest sample (int64[n]), -1 where there is none."""
        ...

    def counter_totals(self, refs: Int64s) -> CounterTotals:
        """Reset-corrected running totals of each ref."""
        ...

    def label_names(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[str]:
        """Sorted label names of the series that match and have samples in the range."""
        ...

    def label_values(
        self, name: str, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[str]:
        """Sorted values of one label, likewise."""
        ...

    def series(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Labels]:
        """Label sets, sorted, of the series that match and have samples in the range."""
        ...

    def exemplars(
        self, matchers: Sequence[Matcher], after_ms: int, until_ms: int
    ) -> list[Exemplar]:
        """The kept exemplars of the series that match in `(after_ms, until_ms]`.

        Sorted by series labels, those of one series in the order in which they came.
        """
        ...

    def metadata(self) -> Mapping[str, Metadata]:
        """What each metric family says of itself, by family name."""
        ...

    def changed_since(self, version: int) -> tuple[int, int]:
        """The version of the samples now, and the earliest time (ms) at which any series was
        written to, or lost samples, after `version` (2**62: none).

        For caches: what was read at `version` still holds before that time. Ask before you read.
        """
        ...

    def series_version(self) -> int:
        """A number that grows whenever a series is made: what `match` said before may be old."""
        ...


@dataclass(frozen=True, slots=True)
class Buckets:
    """Series downsampled: bucket b has the samples in `(ends_ms[b] - resolution, ends_ms[b]]`.

    `values[component]` float64[n, b] beside `refs` int64[n]; MISSING where a bucket has nothing to
    tell. `collector.store.downsample.COMPONENTS` says which there are.
    """

    refs: Int64s
    ends_ms: Int64s
    values: Mapping[str, Float64s]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is there of one resolution (0: the samples): everything in `(after_ms, …)`.

    Of a tier `until_ms` says how far it is written; buckets after that are made of samples. It is
    `after_ms` too where something was deleted, as then samples are left that buckets don't count.
    """

    resolution_ms: int
    after_ms: int
    until_ms: int


@runtime_checkable
class TierQuerier(Protocol):
    """The way out for long ranges."""

    def kept(self) -> Sequence[Kept]:
        """The samples, then the tiers that have any blocks, by rising resolution."""
        ...

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`."""
        ...

    def labels_of(self, refs: Int64s) -> list[Labels]:
        """See `Querier.labels_of`."""
        ...

    def buckets(
        self,
        matchers: Sequence[Matcher],
        after_ms: int,
        until_ms: int,
        resolution_ms: int,
        components: Sequence[str],
    ) -> Buckets:
        """All buckets in `(after_ms, until_ms]`, both multiples of the resolution.

        Of tiers where there are blocks of them, else of the samples. Raises InputError.
        """
        ...


class Administrator(Protocol):
    """What Prometheus's admin API does to a store; slow, so that no event loop may call it."""

    def delete(self, matchers: Sequence[Matcher], from_ms: int, until_ms: int) -> int:
        """Hide the samples in `[from_ms, until_ms]` (both ends belong) of the series that match.

        Answers how many series had any. Raises StorageError when that can't be made durable.
        """
        ...

    def clean_tombstones(self) -> None:
        """Take what was deleted off the disk too. Raises StorageError."""
        ...

    def snapshot(self, skip_head: bool) -> str:
        """Copy everything (without the head: what is in blocks only) below `snapshots/`.

        Answers the name of the directory that was made there. Raises StorageError.
        """
        ...
