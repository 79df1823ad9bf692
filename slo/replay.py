"""`replay`: what the burn-rate policy would have sent over a stretch of the past, and the budget.

It decides as the running engine does: the same tiers, windows that begin at the rows that a ledger
would have kept, the same `Windows`, `may_begin` and `may_go_on` of `slo.burning`, asked of all
ticks at once. Only what a tier remembers from tick to tick is walked, from change to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s, Int64s
from slo.budget import burn_rates
from slo.burn_rate import Tier
from slo.burning import NEVER_MS, Windows, is_free, may_begin, may_go_on
from slo.calendar_window import CalendarWindow
from slo.judgement import Criteria
from slo.ledger import Counts
from slo.objective import SEVERITIES, Objective, Severity
from slo.past_events import PastEvents
from slo.row_places import RowPlaces, period_starts
from slo.slices import resolutions
from slo.window import DAY_MS


@dataclass(frozen=True, slots=True)
class Sent:
    """One page or ticket: from the tick that began it to the tick that ended it (None: it lasts).

    `tier` is the one with the highest factor that burnt meanwhile, `burn_rate` the highest rate of
    its long window; `bad` events fell into the alert's time, which are `spent_ratio` of the budget
    of the window that ends with it.
    """

    severity: Severity
    tier: Tier
    begins_ms: int
    ends_ms: int | None
    burn_rate: float
    bad: float
    spent_ratio: float


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day: its events, their share of the budget, and what was left of it at its end."""

    start_ms: int
    bad: float
    total: float
    spent_ratio: float
    left_ratio: float


@dataclass(frozen=True, slots=True)
class Replay:
    """One objective between two times: all that it would have sent, by severity and time.

    `burning` has a mask over `ticks_ms` for each tier; `bad` and `total` are of the whole stretch;
    `since_ms` is when its events begin, -1 without any.
    """

    objective: Objective
    start_ms: int
    end_ms: int
    since_ms: int
    bad: float
    total: float
    left_ratio: float
    sent: tuple[Sent, ...]
    days: tuple[Day, ...]
    ticks_ms: Int64s
    burning: Mapping[Tier, Bools]

    def of(self, severity: Severity) -> list[Sent]:
        """The alerts of one severity."""
        return [one for one in self.sent if one.severity == severity]


def lead_in_ms(criteria: Criteria) -> int:
    """How long before a stretch its events matter to it."""
    windows = [one.window.duration_ms for one in criteria.objectives]
    return max([*windows, *criteria.windows_ms]) + 2 * DAY_MS


def ticks_between(start_ms: int, end_ms: int, tick_ms: int) -> Int64s:
    """The times at which a running tocsin would have judged: multiples of its tick (int64[t])."""
    return np.arange(-(-start_ms // tick_ms) * tick_ms, end_ms + 1, tick_ms, dtype=np.int64)


def replay(
    criteria: Criteria, column: int, events: PastEvents, start_ms: int, tick_ms: int
) -> Replay:
    """Judge one of the criteria's objectives at every tick of `events`, tell of those from a time.

    `events` begin a window before `start_ms`, as far as there are any.
    """
    policy = criteria.policy_of[column]
    seen = _Seen(criteria, column, events, tick_ms)
    windows = seen.windows(criteria.windows_ms)
    burning = _burning(policy.tiers, windows, events, not criteria.disabled["page"][column])
    told = int(np.searchsorted(events.ticks_ms, start_ms))
    before = int(np.searchsorted(events.ticks_ms, start_ms, side="right")) - 1
    sent = [
        one
        for severity in SEVERITIES
        if not criteria.disabled[severity][column]
        for one in seen.sent(severity, burning, windows, told)
    ]
    return Replay(
        objective=criteria.objectives[column],
        start_ms=start_ms,
        end_ms=int(events.ticks_ms[-1]),
        since_ms=events.since_ms,
        bad=seen.between(events.bad, before, -1),
        total=seen.between(events.total, before, -1),
        left_ratio=float(1.0 - seen.spent[-1]),
        sent=tuple(sent),
        days=tuple(seen.days(start_ms)),
        ticks_ms=events.ticks_ms[told:],
        burning={tier: mask[told:] for tier, mask in burning.items()},
    )


class _Seen:
    """What the windows of one objective said at every tick."""

    def __init__(self, criteria: Criteria, column: int, events: PastEvents, tick_ms: int) -> None:
        self._events = events
        self._numerator = criteria.numerators[column]
        self._denominator = criteria.denominators[column]
        self._allowed = criteria.allowed[column]
        self._shorter_ms = criteria.shorter_ms
        window = criteria.objectives[column].window
        calendars = [window] if isinstance(window, CalendarWindow) else []
        longest_ms = max(one.window.duration_ms for one in criteria.objectives)
        self._places = RowPlaces(events.ticks_ms, resolutions(tick_ms, longest_ms), calendars)
        starts_ms = (
            period_starts(window, events.ticks_ms)
            if isinstance(window, CalendarWindow)
            else events.ticks_ms - window.duration_ms
        )
        self._budget = self._counts(starts_ms)
        self.spent = self._rates(self._budget)

    def windows(self, windows_ms: Sequence[int]) -> Windows:
        """Counts and burn rates of the tiers' windows, a column a tick."""
        counts = {ms: self._counts(self._events.ticks_ms - ms) for ms in windows_ms}
        allowed = np.full(len(self._events.ticks_ms), self._allowed)
        rates = {ms: self._rates(one) for ms, one in counts.items()}
        return Windows(allowed, self._shorter_ms, counts, rates)

    def between(self, counted: Float64s, before: int, last: int) -> float:
        """Events after one tick and up to another; before the first tick there are none."""
        return float(counted[last] - (counted[before] if before >= 0 else 0.0))

    def sent(
        self, severity: Severity, burning: Mapping[Tier, Bools], windows: Windows, told: int
    ) -> list[Sent]:
        """The alerts of a severity that were there at the tick `told` or later."""
        masks = {tier: mask for tier, mask in burning.items() if tier.severity == severity}
        if not masks:
            return []
        firing = np.logical_or.reduce(list(masks.values()))
        edges = np.diff(np.concatenate([[False], firing, [False]]).astype(np.int8))
        runs = zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True)
        return [
            self._one(severity, masks, windows, int(begin), int(end))
            for begin, end in runs
            if end > told
        ]

    def _one(
        self,
        severity: Severity,
        masks: Mapping[Tier, Bools],
        windows: Windows,
        begin: int,
        end: int,
    ) -> Sent:
        times_ms = self._events.ticks_ms
        burnt = [tier for tier, mask in masks.items() if mask[begin:end].any()]
        tier = max(burnt, key=lambda one: one.factor)
        last = min(end, len(times_ms) - 1)
        bad = self.between(self._events.bad, begin - 1, last)
        return Sent(
            severity=severity,
            tier=tier,
            begins_ms=int(times_ms[begin]),
            ends_ms=int(times_ms[end]) if end < len(times_ms) else None,
            burn_rate=float(windows.rates[tier.long_ms][begin:end].max()),
            bad=bad,
            spent_ratio=self._share(bad, last),
        )

    def days(self, start_ms: int) -> list[Day]:
        """Every UTC day of the stretch."""
        times_ms = self._events.ticks_ms
        first_ms, last_ms = start_ms // DAY_MS * DAY_MS, int(times_ms[-1])
        found = []
        for day_ms in range(first_ms, last_ms, DAY_MS):
            before, last = (
                int(np.searchsorted(times_ms, ms, side="right")) - 1
                for ms in (max(day_ms, start_ms), min(day_ms + DAY_MS, last_ms))
            )
            bad = self.between(self._events.bad, before, last)
            total = self.between(self._events.total, before, last)
            left = float(1.0 - self.spent[last])
            found.append(Day(day_ms, bad, total, self._share(bad, last), left))
        return found

    def _share(self, bad: float, tick: int) -> float:
        """Of the budget of the window that ends at a tick."""
        total = float(self._budget.total[tick])
        return float(bad * self._denominator / (total * self._numerator)) if total else 0.0

    def _counts(self, edges_ms: Int64s) -> Counts:
        """As `Ledger.window_counts`, at every tick."""
        rows = self._places.at(edges_ms)
        events = self._events
        total = np.maximum(events.total - events.row_total[rows], 0.0)
        bad = np.clip(events.bad - events.row_bad[rows], 0.0, total)
        return Counts(int(edges_ms[0]), int(events.ticks_ms[-1]), bad, total)

    def _rates(self, counts: Counts) -> Float64s:
        numerators = np.full(len(counts.total), self._numerator)
        denominators = np.full(len(counts.total), self._denominator)
        return burn_rates(counts.bad, counts.total, numerators, denominators)


def _burning(
    tiers: Sequence[Tier], windows: Windows, events: PastEvents, pages: bool
) -> dict[Tier, Bools]:
    """As `next_burning` tick after tick: masks over the ticks."""
    found: dict[Tier, Bools] = {}
    paged_ms = np.full(len(events.ticks_ms), NEVER_MS, np.int64)
    for tier in sorted(tiers, key=lambda one: one.severity != "page"):
        begins, goes_on = _over(tier, windows)
        if tier.severity != "page":
            begins &= is_free(tier, events.ticks_ms, np.maximum.accumulate(paged_ms))
        found[tier] = latch(begins & events.has_data, ~goes_on & events.has_data)
        if tier.severity == "page" and pages:
            paged_ms[found[tier]] = events.ticks_ms[found[tier]]
    return found


def _over(tier: Tier, windows: Windows) -> tuple[Bools, Bools]:
    """At which ticks a tier would begin, and at which it would go on."""
    over_long, over_short = windows.is_over(tier)
    begins, goes_on = np.zeros_like(over_long), np.zeros_like(over_long)
    asked = np.flatnonzero(over_short & over_long)
    begins[asked] = may_begin(tier, windows, asked)
    asked = np.flatnonzero(over_short)
    goes_on[asked] = may_go_on(tier, windows, asked)
    return begins, goes_on


def latch(begins: Bools, ends: Bools) -> Bools:
    """On from where `begins` to before where `ends`; what ends at a tick does not begin at it."""
    on = np.zeros_like(begins)
    starts, stops = np.flatnonzero(begins), np.flatnonzero(ends)
    tick = 0
    while (next_start := np.searchsorted(starts, tick)) < len(starts):
        start = int(starts[next_start])
        next_stop = np.searchsorted(stops, start + 1)
        stop = int(stops[next_stop]) if next_stop < len(stops) else len(on)
        on[start:stop] = True
        tick = stop + 1
    return on
