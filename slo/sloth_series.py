"""The series of objectives under Sloth's names, so that dashboards made for its rules work.

Written for objectives of Sloth's own specifications, and for all others when that is wished for.
Figures are the ledger's: event by event, and never NaN. A window's name ends in its text, as
Sloth's do: `slo:sli_error:ratio_rate5m`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata
from collector.model.samples import STALE, Float64s, Int64s
from collector.store.interface import Appender
from slo.judgement import Criteria, Judgement, Policy
from slo.objective import Objective
from slo.window import DAY_MS, window_text

SOURCE = "tocsin/slo/sloth"
OWN_LABEL = "sloth_severity"
"""What Sloth's specifications put on alerts."""
ERRORS = "slo:sli_error:ratio_rate"
OBJECTIVE = "slo:objective:ratio"
BUDGET = "slo:error_budget:ratio"
DAYS = "slo:time_period:days"
CURRENT_BURN = "slo:current_burn_rate:ratio"
PERIOD_BURN = "slo:period_burn_rate:ratio"
REMAINING = "slo:period_error_budget_remaining:ratio"
INFO = "sloth_slo_info"
FAMILIES: dict[str, Metadata] = {
    f"{ERRORS}5m": Metadata("gauge", "Bad events by all events of a window; one name a window."),
    OBJECTIVE: Metadata("gauge", "Share of events that must be good."),
    BUDGET: Metadata("gauge", "Share of events that may be bad."),
    DAYS: Metadata("gauge", "Days of the budget's window."),
    CURRENT_BURN: Metadata("gauge", "Burn rate over 5 minutes."),
    PERIOD_BURN: Metadata("gauge", "Burn rate over the budget's window."),
    REMAINING: Metadata("gauge", "What is left of the error budget: 1 untouched."),
    INFO: Metadata("gauge", "Always 1; the objective's figures in labels."),
}
CURRENT_MS = 5 * 60_000
"""The window of Sloth's current burn rate, where a policy has it; else its shortest."""


def identity(objective: Objective) -> dict[str, str]:
    """The labels by which Sloth tells objectives apart, and a group's values."""
    return {
        **dict(objective.group),
        "sloth_id": f"{objective.service}-{objective.title}",
        "sloth_service": objective.service,
        "sloth_slo": objective.name,
    }


def info_labels(objective: Objective) -> dict[str, str]:
    """What `sloth_slo_info` says beside the identity."""
    return {
        "sloth_mode": "tocsin",
        "sloth_spec": "prometheus/v1",
        "sloth_version": "tocsin",
        "sloth_objective": f"{float(objective.target * 100):.12g}",
    }


class SlothSeries:
    """Not thread-safe: the engine holds a lock. `refused` takes a reason and a count of samples."""

    def __init__(self, appender: Appender, refused: Callable[[str, int], None]) -> None:
        self._appender = appender
        self._refused = refused
        self._chosen: list[tuple[Policy, Int64s]] = []
        self._labels: list[Labels] = []
        self._refs: Int64s | None = None
        self._former: list[Labels] = []
        for family, metadata in FAMILIES.items():
            appender.set_metadata(family, metadata)

    def aim(self, criteria: Criteria, of_all: bool) -> None:
        """Publish these from the next row on: those of Sloth's specifications, or all."""
        wanted = np.array([of_all or _is_sloths(one) for one in criteria.objectives], np.bool_)
        self._former = self._labels if self._refs is not None else self._former
        self._chosen = [
            (policy, policy.columns[wanted[policy.columns]])
            for policy in criteria.policies
            if wanted[policy.columns].any()
        ]
        self._labels = [
            labels
            for policy, columns in self._chosen
            for labels in _labels_of(policy, [criteria.objectives[one] for one in columns])
        ]
        self._refs = None

    def publish(self, judgement: Judgement) -> None:
        """Write a row. Raises StorageError or LimitError."""
        if self._refs is None:
            now = set(self._labels)
            ended = [one for one in self._former if one not in now]
            self._append(judgement, self._appender.refs(SOURCE, ended), np.full(len(ended), STALE))
            self._refs, self._former = self._appender.refs(SOURCE, self._labels), []
        parts = [_values_of(judgement, policy, columns) for policy, columns in self._chosen]
        self._append(judgement, self._refs, np.concatenate([np.zeros(0), *parts]))

    def _append(self, judgement: Judgement, refs: Int64s, values: Float64s) -> None:
        if not len(refs):
            return
        refused = self._appender.append_row(SOURCE, judgement.at_ms, refs, values)
        for reason, count in refused.by_reason.items():
            self._refused(reason, count)


def _is_sloths(objective: Objective) -> bool:
    return OWN_LABEL in objective.alerting.page.labels


def _labels_of(policy: Policy, objectives: Sequence[Objective]) -> list[Labels]:
    windows = [*map(window_text, policy.windows_ms), window_text(policy.window.duration_ms)]
    errors = [
        _of(f"{ERRORS}{window}", one, sloth_window=window)
        for window in windows
        for one in objectives
    ]
    names = (OBJECTIVE, BUDGET, DAYS, CURRENT_BURN, PERIOD_BURN, REMAINING)
    plain = [_of(name, one) for name in names for one in objectives]
    return [*errors, *plain, *(_of(INFO, one, **info_labels(one)) for one in objectives)]


def _values_of(judgement: Judgement, policy: Policy, mine: Int64s) -> Float64s:
    counts = [judgement.counts[ms] for ms in policy.windows_ms]
    ones = np.ones(len(mine))
    targets = judgement.criteria.targets[mine]
    current_ms = CURRENT_MS if CURRENT_MS in policy.windows_ms else min(policy.windows_ms)
    return np.concatenate(
        [
            *(_error_ratios(found.bad[mine], found.total[mine]) for found in counts),
            _error_ratios(judgement.bad[mine], judgement.total[mine]),
            targets,
            judgement.criteria.allowed[mine],
            ones * (policy.window.duration_ms / DAY_MS),
            judgement.rates[current_ms][mine],
            judgement.spent[mine],
            ones - judgement.spent[mine],
            ones,
        ]
    )


def _error_ratios(bad: Float64s, total: Float64s) -> Float64s:
    return np.divide(bad, total, out=np.zeros(len(bad)), where=total > 0)


def _of(name: str, objective: Objective, **more: str) -> Labels:
    return Labels({**objective.labels, **identity(objective), **more, METRIC_NAME: name})
