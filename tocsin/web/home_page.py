"""What is wrong now, how much budget is left, how the machine is, what looks odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.channel_health import ChannelHealth
from alerts.views import AlertView
from anomaly.states import SeriesState
from collector.ingest.scrape.loop import TargetStatus
from slo.verdict import Verdict
from tocsin.web import texts
from tocsin.web.alerts_page import alert_row, worst_first
from tocsin.web.slo_rows import slo_rows, urgency
from tocsin.web.tiles import Tile

ANOMALIES_SHOWN = 8
NOTHING_WRONG = "Nothing is wrong"
SLOS_SHOWN = 25
"""Objectives on the first page, those with the least budget; the others are a link away."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong now."""

    title: str
    detail: str
    severity: str
    tone: str
    since_ms: int
    href: str


@dataclass(frozen=True, slots=True)
class AnomalyRow:
    """One watched series."""

    series: str
    score: str
    tone: str
    explanation: str


def home_view(
    alerts: Sequence[AlertView],
    targets: Sequence[TargetStatus],
    channels: Sequence[ChannelHealth],
    verdicts: Sequence[Verdict],
    anomalies: Sequence[SeriesState],
    tiles: Sequence[Tile],
) -> Mapping[str, object]:
    """The values of `home.html`."""
    problems = [
        *_of_alerts(alerts),
        *_of_channels(channels),
        *_of_targets(targets),
    ]
    up = sum(target.health == "up" for target in targets)
    spent = sum(verdict.state == "exhausted" for verdict in verdicts)
    objectives = _counted(len(verdicts), "objective")
    is_bad = any(problem.tone == "bad" for problem in problems)
    return {
        "problems": problems,
        "tone": "bad" if is_bad else "warn" if problems or spent else "good",
        "headline": _headline(problems, targets, spent),
        "explanation": f"{up} of {len(targets)} targets up, {objectives} watched",
        "tiles": tiles,
        "slos": slo_rows(sorted(verdicts, key=urgency)[:SLOS_SHOWN]),
        "slo_count": len(verdicts),
        "slo_summary": _summary(verdicts),
        "anomalies": [_anomaly_row(state) for state in anomalies[:ANOMALIES_SHOWN]],
        "anomaly_summary": _anomaly_summary(anomalies),
    }


def _headline(problems: Sequence[Problem], targets: Sequence[TargetStatus], spent: int) -> str:
    if problems:
        needs = "needs" if len(problems) == 1 else "need"
        return f"{_counted(len(problems), 'thing')} {needs} attention"
    if not targets or all(target.health == "unknown" for target in targets):
        return "Starting: the first scrapes are on their way"
    return f"Nothing is wrong now; {_counted(spent, 'budget')} spent" if spent else NOTHING_WRONG


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _of_alerts(views: Sequence[AlertView]) -> list[Problem]:
    rows = [alert_row(view) for view in worst_first(views) if view.state == "active"]
    return [
        Problem(
            row.summary or row.name, row.labels, row.severity, row.tone, row.since_ms,
            row.href or "/alerts",
        )
        for row in rows
    ]  # fmt: skip


def _of_channels(channels: Sequence[ChannelHealth]) -> list[Problem]:
    return [
        Problem(
            f"The channel {one.receiver} / {one.channel} fails",
            one.last_error,
            "delivery",
            "bad",
            one.last_failure_ms,
            "/alerts",
        )
        for one in channels
        if not one.healthy
    ]


def _of_targets(targets: Sequence[TargetStatus]) -> list[Problem]:
    return [
        Problem(
            f"{one.target.url} is down",
            one.last_error,
            "target",
            "warn",
            one.last_scrape_ms,
            "/targets",
        )
        for one in targets
        if one.health == "down"
    ]


def _summary(verdicts: Sequence[Verdict]) -> str:
    counts: dict[str, int] = {}
    for verdict in verdicts:
        counts[verdict.state] = counts.get(verdict.state, 0) + 1
    return ", ".join(f"{count} {state.replace('-', ' ')}" for state, count in counts.items())


def _anomaly_row(state: SeriesState) -> AnomalyRow:
    tone = "bad" if state.is_anomalous else ""
    score = texts.NOTHING if state.score is None else f"{state.score:.2f}"
    return AnomalyRow(f"{state.watch}: {state.labels}", score, tone, state.explanation)


def _anomaly_summary(states: Sequence[SeriesState]) -> str:
    learning = sum(state.state == "learning" for state in states)
    odd = sum(state.is_anomalous for state in states)
    return f"{len(states)} series watched, {odd} odd now, {learning} learning"
