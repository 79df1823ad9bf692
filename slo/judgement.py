"""All objectives judged at once: window counts in, burn rates, firing tiers and states out.

Arithmetic over arrays, one row of numbers an objective; `Judgement.verdict` makes the object for
one of them when somebody asks. Holds no state: which tiers burnt before is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s, Int64s
from slo.attribution import Share
from slo.budget import Budget, PeriodEstimate, burn_rates
from slo.burn_rate import Tier, tiers_for, warnings_of, windows_of
from slo.burning import Burning, Windows, next_burning
from slo.calendar_window import CalendarWindow
from slo.forecast import Forecast
from slo.ledger import Counts
from slo.objective import SEVERITIES, Objective, Severity
from slo.verdict import State, TierVerdict, Verdict
from slo.window import Window, window_text


@dataclass(frozen=True, slots=True)
class Policy:
    """The tiers and the budget's window that some objectives (`columns` int64[k]) share.

    `windows_ms` are those of the tiers, the budget's own left out.
    """

    window: Window | CalendarWindow
    tiers: tuple[Tier, ...]
    columns: Int64s
    windows_ms: tuple[int, ...]


class Criteria:
    """What judging needs to know of objectives: targets, tiers and windows as arrays."""

    def __init__(self, objectives: Sequence[Objective], override: Sequence[Tier] = ()) -> None:
        """`override` replaces the workbook's tiers for every objective."""
        self.objectives = tuple(objectives)
        self.ids = tuple(one.id for one in objectives)
        with_policy = [column for column, one in enumerate(objectives) if one.policy]
        self.with_policy = np.array(with_policy, np.int64)
        firsts = [
            float(max(step.left_ratio for step in objectives[column].policy))
            for column in with_policy
        ]
        self.policy_begins = np.array(firsts)
        self.column_of = {id_: column for column, id_ in enumerate(self.ids)}
        allowed = [one.allowed for one in objectives]
        self.targets = np.array([one.ratio for one in objectives])
        self.numerators = np.array([float(one.numerator) for one in allowed])
        self.denominators = np.array([float(one.denominator) for one in allowed])
        self.allowed = self.numerators / self.denominators
        self.policies = _policies(self.objectives, tuple(override))
        self.tiers = _tiers(self.policies, len(self.objectives))
        self.shorter_ms = {
            tier: tuple(ms for ms in windows_of(policy.tiers) if ms <= tier.short_ms)
            for policy in self.policies
            for tier in policy.tiers
        }
        self.policy_of = {
            int(column): policy for policy in self.policies for column in policy.columns
        }
        self.windows_ms = tuple(
            sorted({ms for policy in self.policies for ms in windows_of(policy.tiers)})
        )
        self.disabled = {
            severity: np.array([one.alerting.of(severity).disabled for one in objectives], np.bool_)
            for severity in SEVERITIES
        }

    def judge(
        self,
        now_ms: int,
        counts: Callable[[int], Counts],
        has_data: Bools,
        before: Burning,
        counts_silence: Bools | None = None,
    ) -> Judgement:
        """Judge all; `before` is what burnt of the same objectives, for hysteresis.

        Without data nothing begins to burn and nothing ends, but where silence counts.
        """
        by_window = {ms: counts(ms) for ms in self.windows_ms}
        rates = {
            ms: burn_rates(found.bad, found.total, self.numerators, self.denominators)
            for ms, found in by_window.items()
        }
        windows = Windows(self.allowed, self.shorter_ms, by_window, rates)
        pages = ~self.disabled["page"]
        goes_on = has_data if counts_silence is None else has_data | counts_silence
        burning = next_burning(now_ms, self.tiers, windows, goes_on, pages, before)
        chances = {
            tier: windows.chance(tier, np.flatnonzero(mask))
            for tier, mask in burning.by_tier.items()
        }
        bad, total = self._budget_counts(now_ms, counts)
        trailing = self._trailing(counts)
        return Judgement(
            criteria=self,
            at_ms=now_ms,
            has_data=has_data,
            bad=bad,
            total=total,
            trailing=trailing,
            spent=burn_rates(bad, total, self.numerators, self.denominators),
            rates=rates,
            counts=by_window,
            windows=windows,
            burning=burning,
            chances=chances,
            firing=self._firing(burning),
        )

    def _budget_counts(
        self, now_ms: int, counts: Callable[[int], Counts]
    ) -> tuple[Float64s, Float64s]:
        bad, total = np.zeros(len(self.objectives)), np.zeros(len(self.objectives))
        for policy in self.policies:
            mine, found = policy.columns, counts(now_ms - policy.window.start_ms(now_ms))
            bad[mine], total[mine] = found.bad[mine], found.total[mine]
        return bad, total

    def _trailing(self, counts: Callable[[int], Counts]) -> Float64s:
        trailing = np.zeros(len(self.objectives))
        for policy in self.policies:
            if isinstance(policy.window, CalendarWindow):
                mine = policy.columns
                trailing[mine] = counts(policy.window.duration_ms).total[mine]
        return trailing

    def _firing(self, burning: Burning) -> dict[Severity, Bools]:
        """Per severity: a tier of it burns, and the objective's spec does not disable it."""
        return {
            severity: burning.any_of(severity) & ~self.disabled[severity] for severity in SEVERITIES
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """All objectives at `at_ms`: arrays along the criteria's objectives.

    `bad`, `total`, `spent` (ratio) are of each one's budget window; `trailing` are the total events
    of the time that a calendar period lasts (0 for rolling windows); `rates` and `counts` by window
    in ms; `chances` by tier are the odds of those that burn, in order; `firing` by severity.
    """

    criteria: Criteria
    at_ms: int
    has_data: Bools
    bad: Float64s
    total: Float64s
    trailing: Float64s
    spent: Float64s
    rates: Mapping[int, Float64s]
    counts: Mapping[int, Counts]
    windows: Windows
    burning: Burning
    chances: Mapping[Tier, Float64s]
    firing: Mapping[Severity, Bools]

    def verdict(
        self,
        column: int,
        *,
        known_since_ms: int,
        has_bad_series: bool,
        firing_since_ms: Mapping[Severity, int],
        shares: tuple[Share, ...] = (),
        forecast: Forecast | None = None,
    ) -> Verdict:
        """The verdict on one objective, with what the arrays of a judgement do not hold."""
        objective = self.criteria.objectives[column]
        policy = self.criteria.policy_of[column]
        budget = Budget(objective.target, float(self.bad[column]), float(self.total[column]))
        tiers = tuple(self._tier(tier, column) for tier in policy.tiers)
        period = self._period(column, budget, known_since_ms)
        return Verdict(
            objective=objective,
            at_ms=self.at_ms,
            budget=budget,
            burn_rates={
                **{window_text(ms): float(self.rates[ms][column]) for ms in policy.windows_ms},
                policy.window.text: float(self.spent[column]),
            },
            tiers=tiers,
            period=period,
            state=self._state(column, budget, period, tiers),
            coverage_ratio=self._coverage(objective.window, known_since_ms),
            firing_since_ms=firing_since_ms,
            shares=shares,
            forecast=forecast,
            warnings=(
                *warnings_of(objective.allowed, policy.tiers),
                *objective.notes,
                *_absence(bool(self.has_data[column]), has_bad_series),
            ),
        )

    def _tier(self, tier: Tier, column: int) -> TierVerdict:
        burns = bool(self.burning.by_tier[tier][column])
        return TierVerdict(
            tier,
            float(self.rates[tier.long_ms][column]),
            float(self.rates[tier.short_ms][column]),
            burns,
            self._chance(tier, column) if burns else 1.0,
        )

    def _chance(self, tier: Tier, column: int) -> float:
        place = np.count_nonzero(self.burning.by_tier[tier][:column])
        return float(self.chances[tier][place])

    def _period(self, column: int, budget: Budget, known_since_ms: int) -> PeriodEstimate | None:
        window = self.criteria.objectives[column].window
        if not isinstance(window, CalendarWindow):
            return None
        ends_at_ms = window.end_ms(self.at_ms)
        known_ms = min(window.duration_ms, max(1, self.at_ms - known_since_ms))
        coming = float(self.trailing[column]) * (ends_at_ms - self.at_ms) / known_ms
        return PeriodEstimate(budget, budget.total + coming, ends_at_ms)

    def _state(
        self,
        column: int,
        budget: Budget,
        period: PeriodEstimate | None,
        tiers: Sequence[TierVerdict],
    ) -> State:
        if not self.has_data[column]:
            return "no-data"
        if any(one.is_burning for one in tiers):
            return "burning"
        if (period or budget).left_ratio <= 0:
            return "exhausted"
        return "ok" if budget.total else "no-traffic"

    def _coverage(self, window: Window | CalendarWindow, known_since_ms: int) -> float:
        if known_since_ms < 0:
            return 0.0
        window_ms = max(1, self.at_ms - window.start_ms(self.at_ms))
        return min(1.0, max(0.0, (self.at_ms - known_since_ms) / window_ms))


def _policies(objectives: Sequence[Objective], override: tuple[Tier, ...]) -> tuple[Policy, ...]:
    columns: dict[Window | CalendarWindow, list[int]] = {}
    for column, objective in enumerate(objectives):
        columns.setdefault(objective.window, []).append(column)
    return tuple(_policy(window, override, found) for window, found in columns.items())


def _policy(
    window: Window | CalendarWindow, override: tuple[Tier, ...], columns: Sequence[int]
) -> Policy:
    tiers = override or tiers_for(window.duration_ms)
    own = window.duration_ms if isinstance(window, Window) else 0
    shown = tuple(ms for ms in windows_of(tiers) if ms != own)
    return Policy(window, tiers, np.array(columns, np.int64), shown)


def _tiers(policies: Sequence[Policy], count: int) -> tuple[tuple[Tier, Bools], ...]:
    """Every tier once, with a mask of the objectives that have it."""
    masks: dict[Tier, Bools] = {}
    for policy in policies:
        for tier in policy.tiers:
            masks.setdefault(tier, np.zeros(count, np.bool_))[policy.columns] = True
    return tuple(masks.items())


def _absence(has_data: bool, has_bad_series: bool) -> tuple[str, ...]:
    if not has_data:
        return ("no series of its total events had a sample in the last 5 minutes",)
    if not has_bad_series:
        return ("no series of its bad events was seen yet: they are taken to be zero",)
    return ()
