"""The series that every objective publishes about itself, and how a judgement fills them."""

from __future__ import annotations

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s
from slo.budget import sli_ratios
from slo.judgement import Judgement, Policy
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


def series_of(objective: Objective, policy: Policy) -> list[Labels]:
    """The series of one objective, in the order in which `rows` has their values."""
    labels = [_of(name, objective) for name in (OBJECTIVE, BUDGET, GOOD, BAD, EVENTS)]
    labels.append(_info(objective))
    for name in (SLI, BURN_RATE):
        windows = (*map(window_text, policy.windows_ms), policy.window.text)
        labels += [_of(name, objective, window=window) for window in windows]
    for tier in policy.tiers:
        of_tier = {"severity": tier.severity, "window": window_text(tier.long_ms)}
        labels.append(_of(THRESHOLD, objective, **of_tier))
    return labels


def series_count(policy: Policy) -> int:
    """How many series each objective of a policy has."""
    return 6 + 2 * (len(policy.windows_ms) + 1) + len(policy.tiers)


def rows(judgement: Judgement, policy: Policy, bad: Float64s, total: Float64s) -> list[Float64s]:
    """Values of each series of a policy's objectives: float64[columns of the policy] each.

    `bad` and `total` are the ledger's running counts (float64[objectives]).
    """
    mine = policy.columns
    ones = np.ones(len(mine))
    counts = [judgement.counts[ms] for ms in policy.windows_ms]
    return [
        judgement.criteria.targets[mine],
        ones - judgement.spent[mine],
        total[mine] - bad[mine],
        bad[mine],
        total[mine],
        ones,
        *(sli_ratios(found.bad[mine], found.total[mine]) for found in counts),
        sli_ratios(judgement.bad[mine], judgement.total[mine]),
        *(judgement.rates[ms][mine] for ms in policy.windows_ms),
        judgement.spent[mine],
        *(ones * tier.factor for tier in policy.tiers),
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
