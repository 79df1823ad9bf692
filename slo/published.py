"""The series that every objective publishes about itself, and how a judgement fills them.

Order is fixed when the objectives are: the labels of a row are made once, its values are arrays put
end to end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s
from slo.budget import sli_ratios
from slo.judgement import Criteria, Judgement, Policy
from slo.objective import Objective
from slo.window import window_text

SOURCE = "tocsin/slo"
OBJECTIVE = "tocsin_slo_objective_ratio"
BUDGET = "tocsin_slo_budget_remaining_ratio"
INFO = "tocsin_slo_info"
GOOD = "tocsin_slo_good_events_total"
BAD = "tocsin_slo_bad_events_total"
EVENTS = "tocsin_slo_events_total"
SLI = "tocsin_slo_sli_ratio"
BURN_RATE = "tocsin_slo_burn_rate"
THRESHOLD = "tocsin_slo_burn_rate_threshold"

FAMILIES: dict[str, Metadata] = {
    OBJECTIVE: Metadata("gauge", "Share of events that must be good."),
    BUDGET: Metadata("gauge", "What is left of the error budget: 1 untouched, below 0 overspent."),
    INFO: Metadata("gauge", "Always 1; the labels of an objective's specification."),
    GOOD: Metadata("counter", "Good events since the ledger began."),
    BAD: Metadata("counter", "Bad events since the ledger began."),
    EVENTS: Metadata("counter", "All events since the ledger began."),
    SLI: Metadata("gauge", "Share of a window's events that were good; 1 without traffic."),
    BURN_RATE: Metadata("gauge", "How many times faster than allowed a window spent the budget."),
    THRESHOLD: Metadata("gauge", "Burn rate over which both windows of a tier must be to alert."),
}


def row_labels(criteria: Criteria) -> list[Labels]:
    """The series of one row; `row_values` has their values in the same order."""
    objectives = criteria.objectives
    labels = [
        _of(name, one) for name in (OBJECTIVE, BUDGET, GOOD, BAD, EVENTS) for one in objectives
    ]
    labels += [_info(one) for one in objectives]
    for policy in criteria.policies:
        labels += _window_labels(criteria, policy)
    return labels


def row_values(judgement: Judgement, bad: Float64s, total: Float64s) -> Float64s:
    """Values of a row; `bad` and `total` are the ledger's running counts (float64[objectives])."""
    criteria = judgement.criteria
    ones = np.ones(len(criteria.objectives))
    parts = [criteria.targets, ones - judgement.spent, total - bad, bad, total, ones]
    for policy in criteria.policies:
        parts += _window_values(judgement, policy)
    return np.concatenate(parts)


def _window_labels(criteria: Criteria, policy: Policy) -> Iterator[Labels]:
    mine = [criteria.objectives[column] for column in policy.columns]
    for name in (SLI, BURN_RATE):
        for window in (*map(window_text, policy.windows_ms), policy.window.text):
            yield from (_of(name, one, window=window) for one in mine)
    for tier in policy.tiers:
        of_tier = {"severity": tier.severity, "window": window_text(tier.long_ms)}
        yield from (_of(THRESHOLD, one, **of_tier) for one in mine)


def _window_values(judgement: Judgement, policy: Policy) -> list[Float64s]:
    mine = policy.columns
    counts = [judgement.counts[ms] for ms in policy.windows_ms]
    return [
        *(sli_ratios(found.bad[mine], found.total[mine]) for found in counts),
        sli_ratios(judgement.bad[mine], judgement.total[mine]),
        *(judgement.rates[ms][mine] for ms in policy.windows_ms),
        judgement.spent[mine],
        *(np.full(len(mine), tier.factor) for tier in policy.tiers),
    ]


def _of(name: str, objective: Objective, **more: str) -> Labels:
    own = {"slo": objective.name, "service": objective.service, METRIC_NAME: name}
    return Labels({**dict(objective.group), **own, **more})


def _info(objective: Objective) -> Labels:
    own = {
        "slo": objective.name,
        "service": objective.service,
        "window": objective.window.text,
        "owner": objective.owner,
        "indicator": objective.indicator.kind,
        METRIC_NAME: INFO,
    }
    return Labels({**objective.labels, **dict(objective.group), **own})
