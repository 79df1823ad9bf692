"""When a budget runs out, from how it burns now and how its weeks go: an interval, not a date.

Expected are the events of the same hours of former weeks (their medians: one incident is no habit),
at the traffic of the last day. On top comes what errors have lately had beyond that habit. How much
that is, is asked of the last hours and the last day, each with the exact Poisson bounds of its
count, widened where hours differ by more than chance. The slow end of the interval goes on with the
least that any of these windows leaves likely (so a burn that is over ends it), the fast end with
the most. What leaves a rolling window meanwhile is known, hour by hour. Nothing here holds state.

Sources: Google, The Site Reliability Workbook, chapter 5 (burn rate); Garwood 1936 (Poisson
bounds); Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 5.2 (seasonal naive).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Float64s, Int64s
from slo.calendar_window import CalendarWindow
from slo.window import DAY_MS, Window

HOUR_MS = 3_600_000
WEEK_HOURS = 168
MAX_WEEKS = 4
"""So far back habits are looked for: an hour of the week then has four witnesses."""
HABIT_WEEKS = 2
"""Without as many weeks, errors have no habits."""
LOOK_HOURS = (2, 6, 24)
HABITUAL_LOOK_HOURS = (2, 6)
"""A whole day must say so too where it is not known what nights are like, or traffic is little."""
FEWEST_EXPECTED = 3.0
"""A window in which the objective allows fewer bad events says nothing about their rate."""
TAIL = 0.1
"""On each side of the interval, which so holds 80 %."""

Cumulative = Callable[[Int64s], tuple[Float64s, Float64s]]


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the budget is gone: not before `early_ms` and not after `late_ms`, with 80 %.

    Each is None when that path does not get there in the time that was looked ahead.
    """

    at_ms: int
    early_ms: int | None
    likely_ms: int | None
    late_ms: int | None


@dataclass(frozen=True, slots=True)
class _Habit:
    """Bad and total events of each coming hour, and of the hours before now (newest last)."""

    bad: Float64s
    total: Float64s
    past_bad: Float64s
    looks: tuple[int, ...]


def forecast(
    window: Window | CalendarWindow,
    allowed_ratio: float,
    cumulative: Cumulative,
    since_ms: int,
    now_ms: int,
    ahead_ms: int,
) -> Forecast | None:
    """`cumulative` gives what was counted by times; `since_ms` is when that begins.

    None with less than a day of history, or too little traffic to say anything.
    """
    if since_ms < 0 or now_ms - since_ms < DAY_MS:
        return None
    hours = int(min(ahead_ms, _time_left(window, now_ms))) // HOUR_MS
    habit = _habit(cumulative, since_ms, now_ms, hours)
    extra = _extra(cumulative, habit, allowed_ratio, now_ms)
    if extra is None or hours < 1:
        return None
    slack = _Slack(window, allowed_ratio, cumulative, now_ms, habit)
    late, likely, early = (slack.gone_ms(one) for one in extra)
    return Forecast(now_ms, early, likely, late)


def _time_left(window: Window | CalendarWindow, now_ms: int) -> int:
    """A calendar period's budget begins anew at its end."""
    if isinstance(window, CalendarWindow):
        return window.end_ms(now_ms) - now_ms
    return window.duration_ms


def _hourly(cumulative: Cumulative, now_ms: int, hours: int) -> tuple[Float64s, Float64s]:
    """Bad and total events of the `hours` before now, oldest first."""
    edges = now_ms - np.arange(hours, -1, -1, dtype=np.int64) * HOUR_MS
    bad, total = cumulative(edges)
    return np.diff(bad), np.diff(total)


def _habit(cumulative: Cumulative, since_ms: int, now_ms: int, hours: int) -> _Habit:
    known = (now_ms - since_ms) // HOUR_MS
    weeks = int(min(MAX_WEEKS, known // WEEK_HOURS))
    if not weeks:
        bad, total = _hourly(cumulative, now_ms, 24)
        nothing = np.zeros(max(hours, 24))
        traffic = np.resize(total, hours)
        return _Habit(nothing[:hours], traffic, nothing[:24], LOOK_HOURS)
    bad, total = (
        one.reshape(weeks, WEEK_HOURS) for one in _hourly(cumulative, now_ms, weeks * WEEK_HOURS)
    )
    usual = np.median(total, axis=0)
    lately, then = float(total[-1, -24:].sum()), float(usual[-24:].sum())
    level = min(10.0, max(0.1, lately / then)) if then else 1.0
    habits = np.median(bad, axis=0) if weeks >= HABIT_WEEKS else np.zeros(WEEK_HOURS)
    scaled = habits * level
    looks = HABITUAL_LOOK_HOURS if weeks >= HABIT_WEEKS else LOOK_HOURS
    traffic = np.resize(usual * level, hours)
    return _Habit(np.resize(scaled, hours), traffic, scaled[-24:], looks)


def _extra(
    cumulative: Cumulative, habit: _Habit, allowed_ratio: float, now_ms: int
) -> tuple[float, float, float] | None:
    """Bad events by event beyond the habit: the least that is likely, the best guess, the most."""
    from scipy.special import gammaincinv  # half a second to import, and most ticks ask nothing

    bad_h, total_h = _hourly(cumulative, now_ms, 24)
    enough = [
        hours for hours in LOOK_HOURS if total_h[-hours:].sum() * allowed_ratio >= FEWEST_EXPECTED
    ]
    found = []
    for hours in [one for one in enough if one in habit.looks] or enough:
        bad, total = float(bad_h[-hours:].sum()), float(total_h[-hours:].sum())
        usual = float(habit.past_bad[-hours:].sum())
        spread = _spread(bad_h[-hours:], total_h[-hours:])
        low = spread * float(gammaincinv(bad / spread, TAIL)) if bad else 0.0
        high = spread * float(gammaincinv(bad / spread + 1.0, 1.0 - TAIL))
        found.append([(one - usual) / total for one in (low, bad, high)])
    if not found:
        return None
    low, likely, high = np.array(found).T
    best = min(max(float(likely[-1]), float(low.min())), float(high.max()))
    return float(low.min()), best, float(high.max())


def _spread(bad: Float64s, total: Float64s) -> float:
    """How much more hours differ than chance makes them: variance by mean, 1 at least."""
    expected = total * (bad.sum() / max(total.sum(), 1.0))
    some = expected > 0
    if some.sum() < 2:
        return 1.0
    squares = (bad[some] - expected[some]) ** 2 / np.maximum(expected[some], 1.0)
    return max(1.0, float(squares.sum() / (some.sum() - 1)))


class _Slack:
    """What is left of a budget, in bad events, at the end of each coming hour."""

    def __init__(
        self,
        window: Window | CalendarWindow,
        allowed_ratio: float,
        cumulative: Cumulative,
        now_ms: int,
        habit: _Habit,
    ) -> None:
        self._now_ms, self._habit = now_ms, habit
        ends = now_ms + np.arange(len(habit.total) + 1, dtype=np.int64) * HOUR_MS
        coming = np.concatenate([[0.0], np.cumsum(habit.total)])
        start = np.array([now_ms], np.int64)
        bad_now, total_now = (float(one[0]) for one in cumulative(start))
        if isinstance(window, CalendarWindow):
            begins = np.full(len(ends), window.start_ms(now_ms), np.int64)
            share = (window.end_ms(now_ms) - now_ms) / (len(habit.total) * HOUR_MS)
            coming = np.full(len(ends), coming[-1] * share)  # of the whole period
        else:
            begins = ends - window.duration_ms
        bad_before, total_before = cumulative(begins)
        self._known = allowed_ratio * (total_now - total_before + coming) - (bad_now - bad_before)

    def gone_ms(self, extra: float) -> int | None:
        """When nothing is left, if each event has so much more bad than usual; None if never."""
        bad = np.maximum(self._habit.bad + self._habit.total * extra, 0.0)
        left = self._known - np.concatenate([[0.0], np.cumsum(bad)])
        gone = np.flatnonzero(left <= 0)
        if not len(gone):
            return None
        hour = int(gone[0])
        if hour == 0:
            return self._now_ms
        within = float(left[hour - 1] / (left[hour - 1] - left[hour]))
        return self._now_ms + round((hour - 1 + within) * HOUR_MS)
