"""Objectives -> Prometheus recording and alerting rules, for those who keep Prometheus.

Ratios are sums over sums, weighted by events, over every window; the names and `sloth_*` labels of
the recorded series are Sloth's, so dashboards made for it work. What Prometheus can't do stays
undone: `increase` extrapolates and loses a series' first sample, which tocsin's ledger does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from collector.model.labels import METRIC_NAME, quote
from collector.model.matchers import Matcher
from slo.burn_rate import Tier, tiers_for, windows_of
from slo.composite import CompositeIndicator
from slo.indicators.latency import at_bound
from slo.objective import (
    SEVERITIES,
    CounterTerm,
    Indicator,
    Objective,
    SampledIndicator,
    Severity,
)
from slo.sloth_series import (
    BUDGET,
    CURRENT_BURN,
    CURRENT_MS,
    DAYS,
    ERRORS,
    INFO,
    OBJECTIVE,
    PERIOD_BURN,
    REMAINING,
    identity,
    info_labels,
)
from slo.verdict import alert_labels
from slo.window import DAY_MS, window_text

Rule = dict[str, object]


def rules_yaml(objectives: Sequence[Objective], override: Sequence[Tier] = ()) -> str:
    """A rule file as `promtool check rules` takes it; `override` replaces the workbook's tiers.

    Composites that look at slices are left out: their rules would have to know each other's.
    """
    groups = [
        _group(one, tuple(override) or tiers_for(one.window.duration_ms))
        for one in objectives
        if not isinstance(one.indicator, CompositeIndicator)
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000, allow_unicode=True)


def _group(objective: Objective, tiers: Sequence[Tier]) -> dict[str, object]:
    windows = sorted({*windows_of(tiers), objective.window.duration_ms})
    rules = [_recorded_ratio(objective, ms) for ms in windows]
    rules += _constants(objective)
    rules += [
        _burn_rate(objective, CURRENT_BURN, min(windows_of(tiers), key=_from_current)),
        _burn_rate(objective, PERIOD_BURN, objective.window.duration_ms),
        _remaining(objective),
    ]
    rules += [
        _alert(objective, tiers, severity)
        for severity in SEVERITIES
        if _alerts(objective, tiers, severity)
    ]
    return {"name": f"tocsin-slo-{objective.service}-{objective.title}", "rules": rules}


def _recorded_ratio(objective: Objective, window_ms: int) -> Rule:
    """Bad by total; without traffic 0 by 1, for a quiet time spends no budget."""
    window = window_text(window_ms)
    bad, total = _events(objective, window)
    rule = _recorded(
        objective,
        f"{ERRORS}{window}",
        f"({bad}) / (({total}) > 0)" + ("" if objective.group_by else " or vector(0)"),
    )
    rule["labels"] = {**identity(objective), "sloth_window": window}
    return rule


def _events(objective: Objective, window: str) -> tuple[str, str]:
    """Bad and total events of a window in PromQL; slices of time are subqueries."""
    slices = objective.budgeting
    if slices is None:
        return _occurrences(objective.indicator, window, objective.group_by)
    text = window_text(slices.slice_ms)
    bad, total = _occurrences(objective.indicator, text, objective.group_by)
    share = f"({bad}) / (({total}) > 0)"
    if slices.target is not None:
        share = f"{share} > bool {float(1 - slices.target):.12g}"
    inside = f"[{window}:{text}]"
    return f"sum_over_time(({share}){inside})", f"count_over_time((({total}) > 0){inside})"


_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def _occurrences(
    indicator: Indicator | SampledIndicator | CompositeIndicator,
    window: str,
    group_by: Sequence[str],
) -> tuple[str, str]:
    assert not isinstance(indicator, CompositeIndicator)  # noqa: S101 # left out above
    if isinstance(indicator, Indicator):
        by = f" by ({', '.join(group_by)})" if group_by else ""
        return _sum(indicator.bad, window, by), _sum(indicator.total, window, by)
    inside = f"[{window}:{window_text(indicator.every_ms)}]"
    total = f"sum(count_over_time(({indicator.query}){inside}))"
    share = f"({indicator.query})"
    if indicator.operator in _SIGNS:
        share = f"{share} {_SIGNS[indicator.operator]} bool {indicator.threshold:.12g}"
    summed = f"sum(sum_over_time(({share}){inside}))"
    return (summed if indicator.operator == "failure" else f"{total} - {summed}"), total


def _constants(objective: Objective) -> list[Rule]:
    days = objective.window.duration_ms / DAY_MS
    info = _recorded(objective, INFO, "vector(1)")
    info["labels"] = {**identity(objective), **info_labels(objective)}
    return [
        _recorded(objective, OBJECTIVE, f"vector({objective.ratio:.12g})"),
        _recorded(objective, BUDGET, f"vector({float(objective.allowed):.12g})"),
        _recorded(objective, DAYS, f"vector({days:.12g})"),
        info,
    ]


def _from_current(window_ms: int) -> int:
    return abs(window_ms - CURRENT_MS)


def _burn_rate(objective: Objective, name: str, window_ms: int) -> Rule:
    error = f"{ERRORS}{window_text(window_ms)}{_selector(objective)}"
    allowed = f"{float(objective.allowed):.12g}"
    return _recorded(objective, name, f"max without (sloth_window) ({error}) / {allowed}")


def _remaining(objective: Objective) -> Rule:
    text = window_text(objective.window.duration_ms)
    error = f"{ERRORS}{text}{_selector(objective)}"
    return _recorded(
        objective,
        REMAINING,
        f"1 - max without (sloth_window) ({error}) / {float(objective.allowed):.12g}",
    )


def _recorded(objective: Objective, name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression, "labels": identity(objective)}


def _alerts(objective: Objective, tiers: Sequence[Tier], severity: Severity) -> list[Tier]:
    if objective.alerting.of(severity).disabled:
        return []
    return [
        tier for tier in tiers if tier.severity == severity and not tier.is_dead(objective.allowed)
    ]


def _alert(objective: Objective, tiers: Sequence[Tier], severity: Severity) -> Rule:
    conditions = [_burns(objective, tier) for tier in _alerts(objective, tiers, severity)]
    labels = dict(alert_labels(objective, severity))
    name = labels.pop("alertname")
    annotations = {
        "summary": f"{objective.service} {objective.title} burns its error budget too fast",
        **objective.annotations,
        **objective.alerting.annotations,
        **objective.alerting.of(severity).annotations,
    }
    return {
        "alert": name,
        "expr": " or ".join(conditions),
        "labels": labels,
        "annotations": annotations,
    }


def _burns(objective: Objective, tier: Tier) -> str:
    limit = f"{tier.factor * float(objective.allowed):.12g}"
    sides = (
        f"max without (sloth_window) ({ERRORS}{window_text(ms)}{_selector(objective)} > {limit})"
        for ms in (tier.short_ms, tier.long_ms)
    )
    return f"({' and '.join(sides)})"


def _selector(objective: Objective) -> str:
    inner = ", ".join(f"{name}={quote(value)}" for name, value in identity(objective).items())
    return f"{{{inner}}}"


def _sum(terms: Sequence[CounterTerm], window: str, by: str) -> str:
    """What the counters counted; a group that has none of one counter is not known there."""
    text = ""
    for term in terms:
        sign = "-" if term.coefficient < 0 else "+"
        factor = "" if abs(term.coefficient) == 1 else f"{abs(term.coefficient):.17g} * "
        summed = f"sum{by}(increase({_written(at_bound(term).matchers)}[{window}]))"
        part = f"{factor}{summed}" if by else f"{factor}({summed} or vector(0))"
        text += f" {sign} {part}" if text else part if sign == "+" else f"0 - {part}"
    return text


def _written(matchers: Sequence[Matcher]) -> str:
    name = next((one.value for one in matchers if one.name == METRIC_NAME and one.kind == "="), "")
    inner = ", ".join(str(one) for one in matchers if not (one.name == METRIC_NAME and name))
    return f"{name}{{{inner}}}" if inner else name
