"""The series in memory: which stripe a sample goes to, what is refused, what readers get.

Knows neither files nor locks: `tsdb` writes the log first and lets one writer in at a time.

Series find their stripe when they first arrive, not by their source alone: those of one row live
together. A series without a stripe joins the one that the rest of its row belongs to, else the one
of its source that has a row of this very time, else it begins a new one with those like it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from collector.model.histogram_columns import COMPONENT
from collector.model.labels import Labels
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s, is_missing
from collector.store.chunk_file import ChunkFile
from collector.store.exemplars import DEFAULT_MAX_EXEMPLARS, ExemplarRing
from collector.store.head_copy import HeadChunk, HeadCopy
from collector.store.histogram_rows import without_mixed
from collector.store.overlay import LatePart, Overlay
from collector.store.postings import Postings
from collector.store.prefix_sums import RunningTotals
from collector.store.series_table import SeriesTable
from collector.store.set_back import SetBack
from collector.store.source import NO_STRIPE, Route, Source
from collector.store.stripe import OpenRows, SealedChunk, Stripe

_ALL = 2**62


class Head:
    """Every series, its stripe and column, its late samples and its running total."""

    def __init__(
        self,
        out_of_order_window_ms: int,
        max_exemplars: int = DEFAULT_MAX_EXEMPLARS,
        directory: Path | None = None,
    ) -> None:
        self.labels = SeriesTable(directory)
        self.chunk_file = ChunkFile(directory)
        self.stripes: dict[int, Stripe] = {}
        self.sources: dict[str, Source] = {}
        self.totals = RunningTotals()
        self.postings = Postings(self.labels)
        self.overlay = Overlay()
        self.exemplars = ExemplarRing(max_exemplars)
        self.from_ms = -_ALL
        """Samples before it are in blocks; the head keeps only late ones of that time."""
        self.newest_ms = -1
        """Time of the newest row, of those since the clock was last set back; -1 without any."""
        self.cleaned = 0
        """The last deletion when the clock was set back: it hides nothing that came after."""
        self.active = 0
        """Series with samples in memory or about to come; the others are in blocks alone."""
        self._floor_ms = -_ALL
        """Rows before it are late: they are in blocks, or are being written to one."""
        self._window_ms = out_of_order_window_ms
        self._stripe_of = np.empty(0, np.int32)
        self._column_of = np.empty(0, np.int32)
        self._last_home = np.empty(0, np.int32)
        self._former_homes: dict[int, set[int]] = {}
        self._routes: dict[str, Route] = {}
        self._is_active: Bools = np.zeros(0, np.bool_)
        self._is_component: Bools = np.zeros(0, np.bool_)
        self._next_stripe = 0
        self._forgotten_up_to = 0

    # -- series --

    @property
    def ref_of(self) -> dict[Labels, int]:
        """The refs of the living."""
        return self.labels.ref_of

    def add_series(self, labels: Labels) -> int:
        """The ref of a series; the known one when it has one already."""
        ref = self.labels.ref_of.get(labels)
        if ref is not None:
            return ref
        ref = self.labels.add(labels)
        self._make_room(ref + 1)
        self.postings.add(ref, self.labels[ref])
        self._is_active[ref] = True
        self._is_component[ref] = COMPONENT in labels
        self.active += 1
        return ref

    def _make_room(self, count: int) -> None:
        self.totals.grow(count)
        missing = count - len(self._stripe_of)
        if missing > 0:
            nowhere = np.full(max(missing, len(self._stripe_of) // 4), -1, np.int32)
            self._stripe_of = np.concatenate([self._stripe_of, nowhere])
            self._column_of = np.concatenate([self._column_of, nowhere])
            self._last_home = np.concatenate([self._last_home, nowhere])
            no = np.zeros(len(nowhere), np.bool_)
            self._is_active = np.concatenate([self._is_active, no])
            self._is_component = np.concatenate([self._is_component, no])

    # -- the way in --

    def append_row(
        self, source: str, at_ms: int, refs: Int64s, values: Float64s, starts: Int64s | None
    ) -> Counter[str] | None:
        """One timestamp for many series, each at most once; counts what was refused."""
        known = self._source(source, at_ms)
        self.newest_ms = max(self.newest_ms, at_ms)
        route = self._routes.get(source)
        if (
            route is not None
            and route.refs is refs
            and route.stripe.open is route.rows
            and not route.rows.is_full
            and at_ms > route.stripe.last_ms
            and at_ms >= self._floor_ms
        ):
            route.stripe.push(at_ms, route.columns, values)
            self.totals.add(at_ms, refs, values, known.first_ms, starts)
            return None
        return self._append_slowly(source, at_ms, refs, values, starts)

    def _append_slowly(
        self, source: str, at_ms: int, refs: Int64s, values: Float64s, starts: Int64s | None
    ) -> Counter[str] | None:
        self._routes.pop(source, None)
        refused: Counter[str] = Counter()
        taken: Bools = np.ones(len(refs), np.bool_)
        if self._is_component[refs].any():
            values = without_mixed(self, at_ms, refs, values, refused)
        stripes = self._place(source, at_ms, refs)
        for number in np.unique(stripes).tolist():
            chosen = np.flatnonzero(stripes == number)
            stripe = self.stripes.get(number)
            if stripe is not None and at_ms > stripe.last_ms and at_ms >= self._floor_ms:
                columns = self._columns(stripe, refs[chosen])
                stripe.push(at_ms, columns, values[chosen])
                if len(chosen) == len(refs) and stripe.open is not None:
                    self._routes[source] = Route(refs, stripe, stripe.open, columns)
                self.sources[source].stripe = number
            else:
                taken[chosen] = self._append_late(
                    stripe, at_ms, refs[chosen], values[chosen], refused
                )
        if not taken.all():
            refs, values = refs[taken], values[taken]
            starts = None if starts is None else starts[taken]
        self.totals.add(at_ms, refs, values, self.sources[source].first_ms, starts)
        return refused or None

    def _source(self, source: str, at_ms: int) -> Source:
        known = self.sources.get(source)
        if known is None:
            known = self.sources[source] = Source(at_ms, at_ms)
        elif at_ms > known.last_ms:
            known.last_ms = at_ms
        return known

    def _place(self, source: str, at_ms: int, refs: Int64s) -> Int64s:
        """The stripe of each ref; NO_STRIPE for a homeless one whose sample is late."""
        stripes = self._stripe_of[refs].astype(np.int64)
        homeless = stripes == NO_STRIPE
        if not homeless.any():
            return stripes
        homeless &= self.totals.newest_ms[refs] < at_ms
        if at_ms < self._floor_ms or not homeless.any():
            return stripes
        stripe = self._home(source, at_ms, stripes)
        stripes[homeless] = stripe.number
        self._move_in(refs[homeless], stripe.number)
        return stripes

    def _move_in(self, refs: Int64s, number: int) -> None:
        """These series live in a stripe from now on."""
        self._stripe_of[refs] = number
        self._remember_home(refs, number)
        self._mark_active(refs)

    def _mark_active(self, refs: Int64s) -> None:
        self.active += len(refs) - int(np.count_nonzero(self._is_active[refs]))
        self._is_active[refs] = True

    def _remember_home(self, refs: Int64s, number: int) -> None:
        """Samples of these series are in this stripe too; where they lived before is kept."""
        former = self._last_home[refs]
        for i in np.flatnonzero((former != NO_STRIPE) & (former != number)).tolist():
            if int(former[i]) in self.stripes:
                self._former_homes.setdefault(int(refs[i]), set()).add(int(former[i]))
        self._last_home[refs] = number

    def _home(self, source: str, at_ms: int, stripes: Int64s) -> Stripe:
        """The stripe for homeless series of a row whose other series live in `stripes`."""
        housed = stripes[stripes != NO_STRIPE]
        if len(housed):
            numbers, counts = np.unique(housed, return_counts=True)
            main = self.stripes[int(numbers[counts.argmax()])]
            if at_ms > main.last_ms or main.has_row(at_ms):
                return main
        last = self.stripes.get(self.sources[source].stripe)
        if last is not None and last.has_row(at_ms):
            return last
        stripe = Stripe(self._next_stripe, self.cleaned, self.chunk_file)
        self.stripes[stripe.number] = stripe
        self._next_stripe += 1
        return stripe

    def _columns(self, stripe: Stripe, refs: Int64s) -> Int64s | None:
        """Where these series go in a row to come; None when that is every column in order."""
        if stripe.open is not None and stripe.open.is_full:
            self.close_rows(stripe)
            self._move_in(refs, stripe.number)  # those that lost their home now arrive here
        rows = stripe.open or stripe.begin_rows(len(refs))
        columns = self._columns_in(stripe, rows, refs)
        whole = len(refs) == rows.width
        return None if whole and np.array_equal(columns, np.arange(len(refs))) else columns

    def _columns_in(self, stripe: Stripe, rows: OpenRows, refs: Int64s) -> Int64s:
        columns = self._column_of[refs].astype(np.int64)
        absent = columns < 0
        if absent.any():
            columns[absent] = rows.add_columns(refs[absent])
            self._column_of[refs] = columns
        return columns

    def close_rows(self, stripe: Stripe) -> None:
        """Seal the open rows; series that did not come with the rest lose their home."""
        if stripe.open is not None:
            self._column_of[stripe.open.refs] = -1
            self._stripe_of[stripe.close_rows()] = NO_STRIPE

    # -- late samples --

    def _append_late(
        self,
        stripe: Stripe | None,
        at_ms: int,
        refs: Int64s,
        values: Float64s,
        refused: Counter[str],
    ) -> Bools:
        """Put samples of the past where there is room for them; a mask of those that are in."""
        rows = None if stripe is None else stripe.open
        row = -1 if rows is None or at_ms < self._floor_ms else rows.row_at(at_ms)
        free: Bools = np.zeros(len(refs), np.bool_)
        if stripe is not None and rows is not None and row >= 0:
            free = self._is_free(refs, at_ms)
            columns = self._columns_in(stripe, rows, refs)
            cells = rows.values[row]
            free &= cells[columns].view(np.int64) == MISSING_BITS
            cells[columns[free]] = values[free]
        taken = free.copy()
        for i in np.flatnonzero(~free & ~is_missing(values)).tolist():
            reason = self._take_late(int(refs[i]), at_ms, values[i : i + 1])
            taken[i] = reason is None
            if reason is not None:
                refused[reason] += 1
        return taken

    def _is_free(self, refs: Int64s, at_ms: int) -> Bools:
        """Which series surely have no sample at this time yet."""
        return np.asarray(self.totals.newest_ms[refs] < at_ms)

    def _take_late(self, ref: int, at_ms: int, value: Float64s) -> str | None:
        """Keep one late sample; or why it is refused."""
        present = self.value_at(ref, at_ms)
        if present is not None:
            same = present.view(np.int64)[0] == value.view(np.int64)[0]
            return None if same else "duplicate"
        newest = int(self.totals.newest_ms[ref])
        if at_ms < newest and not self._window_ms:
            return "out_of_order"
        if at_ms < max(newest, self.from_ms) - self._window_ms:
            return "too_old"
        self.overlay.add(ref, at_ms, float(value[0]))
        self._mark_active(np.array([ref]))
        return None

    def value_at(self, ref: int, at_ms: int) -> Float64s | None:
        """The sample of a series at exactly this time (float64[1]); None: there is none."""
        if at_ms > self.totals.newest_ms[ref]:
            return None
        one = np.array([ref], np.int64)
        late = self.overlay.value_at(ref, at_ms)
        if late is not None:
            return np.array([late])
        for part in (part for stripe in self.stripes_of(one) for part in stripe.parts()):
            column = np.searchsorted(part.refs, one)
            row = int(np.searchsorted(part.times, at_ms))
            known = column[0] < len(part.refs) and part.refs[column[0]] == ref
            if known and row < len(part.times) and part.times[row] == at_ms:
                value = np.empty((1, 1))
                part.fill(column, row, row + 1, value)
                if not is_missing(value)[0, 0]:
                    return np.ravel(value)
        return None

    # -- the way out --

    def stripes_of(self, refs: Int64s) -> list[Stripe]:
        """Where the samples of these series are that did not come late, perhaps with others.

        The youngest first: of two samples of one time theirs is true (see `set_back`).
        """
        if len(refs) == self.labels.living:
            numbers = list(self.stripes)
        else:
            numbers = np.unique(self._last_home[refs]).tolist()
            former = self._former_homes.keys() & set(refs.tolist()) if self._former_homes else ()
            numbers = [*{*numbers, *(n for ref in former for n in self._former_homes[ref])}]
        return [self.stripes[n] for n in sorted(numbers, reverse=True) if n in self.stripes]

    def first_ms(self) -> int:
        """Time of the oldest row, -1 when there is none."""
        times = (s.parts()[0].times[0] for s in self.stripes.values() if s.parts())
        first = min((int(time) for time in times), default=-1)
        return max(first, self.from_ms) if first >= 0 else -1

    def last_ms(self) -> int:
        """Time of the latest sample, also of a clock that was ahead; -1 when there is none."""
        last_ms = max((stripe.last_ms for stripe in self.stripes.values()), default=-1)
        return max(last_ms, int(self.totals.newest_ms.max(initial=-1)))

    def nbytes(self) -> int:
        """Memory of the values in the stripes."""
        return sum(stripe.nbytes for stripe in self.stripes.values())

    def copy(self) -> HeadCopy:
        """What a checkpoint keeps."""
        chunks = [
            HeadChunk(s.number, s.cleaned, part)
            for s in self.stripes.values()
            for part in s.parts()
        ]
        sources = {name: source.first_ms for name, source in self.sources.items()}
        refs = self.labels.refs()
        late = self.overlay.all_parts()
        return HeadCopy(
            self.from_ms,
            self.cleaned,
            refs,
            list(self.labels),
            sources,
            self.totals.of(refs),
            chunks,
            late,
            list(self.exemplars),
        )

    def begin_cut(self, cut_ms: int) -> HeadCopy:
        """A copy whose rows before `cut_ms` go to blocks: what comes of that time is late now."""
        self._floor_ms = max(self._floor_ms, cut_ms)
        return self.copy()

    def set_back(self, one: SetBack) -> None:
        """The clock was ahead and is set right: go on from then.

        All stripes are set aside: they are read and cut as ever, and their series go on in others.
        What blocks have of the past leaves memory, so that it can begin earlier.
        """
        self._routes.clear()
        for stripe in self.stripes.values():
            self.close_rows(stripe)
            stripe.trim(self.from_ms)
        self._stripe_of[:] = NO_STRIPE
        self.cleaned = one.cleaned
        self.totals.set_back(one.at_ms, one.ahead_ms)
        for source in self.sources.values():
            source.set_back(one.at_ms)
        self.newest_ms = int(self.totals.newest_ms.max(initial=-1))
        self.from_ms = self._floor_ms = min(self.from_ms, one.at_ms)

    # -- what leaves and what comes back --

    def forget(self, before_ms: int) -> None:
        """Drop chunks that hold nothing newer, and stripes that are empty then."""
        for number, stripe in list(self.stripes.items()):
            if stripe.open is not None and stripe.last_ms < before_ms:
                self.close_rows(stripe)
            stripe.forget(before_ms)
            if stripe.open is None and not stripe.sealed:
                del self.stripes[number]
        alive = np.fromiter(self.stripes, np.int32, len(self.stripes))
        self._stripe_of[~np.isin(self._stripe_of, alive)] = NO_STRIPE
        self._former_homes = {
            ref: kept
            for ref, homes in self._former_homes.items()
            if (kept := homes & self.stripes.keys())
        }

    def cut(self, from_ms: int, late: Sequence[LatePart]) -> None:
        """Everything before `from_ms`, and these late samples of that time, are in blocks now."""
        self.begin_at(from_ms)
        for part in late:
            self.overlay.remove(int(part.refs[0]), part.times[part.times < from_ms])
        self.forget(from_ms)
        there = self.in_memory()
        self._is_active[: len(there)] = there
        self.active = int(np.count_nonzero(there))

    def begin_at(self, from_ms: int) -> None:
        """Samples before this time are in blocks."""
        self.from_ms = from_ms
        self._floor_ms = max(self._floor_ms, from_ms)

    def in_memory(self) -> Bools:
        """For every ref, whether stripes or late samples have something of it."""
        there: Bools = np.zeros(len(self.labels), np.bool_)
        parts = [part.refs for stripe in self.stripes.values() for part in stripe.parts()]
        for refs in {id(refs): refs for refs in parts}.values():
            there[refs] = True
        there[self.overlay.refs()] = True
        return there

    def forget_series(self, in_blocks: Bools, before_ms: int) -> int:
        """Let go of series without any sample, and of sources without a row since `before_ms`.

        `in_blocks`, for every ref there was: whether a block has it. Who was born since the last
        call is left alone, its first sample may be on the way. Gives how many went. Raises
        StorageError when their labels can't be put away; then all stay.
        """
        gone = (
            self.labels.alive[: self._forgotten_up_to] & ~self.in_memory()[: self._forgotten_up_to]
        )
        gone &= ~in_blocks[: len(gone)]
        self._forgotten_up_to = len(in_blocks)
        refs = np.flatnonzero(gone)
        if len(refs):
            self._routes.clear()
            self.labels.drop_pairs(self.postings.forget(self.labels.bury(refs)))
            self.active -= int(np.count_nonzero(self._is_active[refs]))
            self._is_active[refs] = False
        for name in [name for name, one in self.sources.items() if one.last_ms < before_ms]:
            del self.sources[name]
            self._routes.pop(name, None)
        return len(refs)

    def restore(self, number: int, chunk: SealedChunk, cleaned: int) -> None:
        """Put a chunk of a checkpoint back; chunks of one stripe come in order of time."""
        stripe = self.stripes.setdefault(number, Stripe(number, cleaned, self.chunk_file))
        stripe.restore(chunk)
        self._remember_home(chunk.refs, number)
        self._next_stripe = max(self._next_stripe, number + 1)
