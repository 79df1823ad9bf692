"""What a person must read, before any channel's format: title, sentence, facts, links.

Pure. An SLO's alert brings `evidence` (burn rate, budget left, ...); any other alert is told by its
annotations and labels. Where a group has several alerts, the worst one leads and the rest is named.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.notification import IncidentBrief, Notification, Reason
from collector.model.alert import Alert
from collector.model.durations import format_duration

SEVERITIES: dict[str, tuple[str, ...]] = {
    "critical": ("critical", "page", "emergency", "fatal", "p1", "sev1"),
    "error": ("error", "major", "high", "p2", "sev2"),
    "warning": ("warning", "warn", "ticket", "minor", "p3", "sev3"),
    "info": ("info", "informational", "none", "low", "notice", "p4", "p5"),
}
"""The four that PagerDuty has, worst first, and what teams write in the label `severity`."""
MAX_LISTED = 10
"""Alerts of a group that are named one by one; the rest is counted."""
MAX_SERVICES = 5
"""Services that a digest names."""
ONLY_WHILE_FIRING = {"Burn rate", "Exhausted in", "SLI"}
"""Facts about a danger that is over would mislead."""
TEMPLATE_ERROR = "Template error"
"""The fact that names the user's templates that failed."""
JUDGED_WINDOWS = ("long_window", "short_window")
SHOWN_ELSEWHERE = {"alertname", "severity", "slo", "service", "__name__"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a table: what it is, and its value as text."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """A place to go to."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """The content of a message; every text is plain, no markup of any channel in it.

    `severity` is one of SEVERITIES; `facts` are ordered by weight; `others` name the alerts that do
    not lead, at most MAX_LISTED of them.
    """

    firing: bool
    severity: str
    title: str
    sentence: str
    facts: tuple[Fact, ...]
    others: tuple[str, ...]
    links: tuple[Link, ...]
    since_ms: int
    details: Mapping[str, object]


def compose(notification: Notification) -> Message:
    """The message of a notification that has at least one alert."""
    if notification.reason is Reason.DIGEST:
        return _digest(notification)
    alerts = notification.firing or notification.alerts
    lead = lead_of(notification)
    firing = bool(notification.firing)
    facts = _slo_facts(lead) if is_slo(lead) else _label_facts(notification, lead)
    facts = [*_incident_facts(notification.incident), *facts]
    if notification.note:
        facts = [Fact("Note", notification.note), *facts]
    if not firing:
        facts = [fact for fact in facts if fact.name not in ONLY_WHILE_FIRING]
    return Message(
        firing=firing,
        severity=severity_of(lead),
        title=_title(notification, lead),
        sentence=_sentence(notification, lead),
        facts=tuple(facts),
        others=_others(alerts, lead),
        links=tuple(_links(notification, lead)),
        since_ms=min(alert.starts_at_ms for alert in alerts),
        details=_details(notification, lead),
    )


def lead_of(notification: Notification) -> Alert:
    """The alert that the message is about: the worst of those that fire, else of all."""
    return min(notification.firing or notification.alerts, key=_weight)


def with_problems(message: Message, problems: Sequence[str]) -> Message:
    """The message that also says which of the user's templates failed."""
    if not problems:
        return message
    fact = Fact(TEMPLATE_ERROR, "; ".join(problems))
    return replace(message, facts=(fact, *message.facts))


def is_slo(alert: Alert) -> bool:
    """Whether an SLO's verdict stands behind the alert."""
    return "burn_rate" in alert.evidence or "budget_left_ratio" in alert.evidence


def severity_of(alert: Alert) -> str:
    """One of SEVERITIES by the label `severity`; `error` where it says nothing known."""
    said = alert.labels.get("severity", "").lower()
    return next((name for name, words in SEVERITIES.items() if said in words), "error")


def subject_of(alert: Alert) -> str:
    """What the alert is about, in as few words as there are."""
    slo = _text(alert, "slo") or alert.labels.get("slo", "")
    service = _text(alert, "service") or alert.labels.get("service", "")
    if slo:
        return slo if not service or slo.startswith(service) else f"{service} {slo}"
    return alert.name or "alert"


def percent(ratio: float) -> str:
    """A ratio as a percentage with as many digits as matter near 100: 0.99931 is `99.931 %`."""
    return f"{100 * ratio:.5g} %"


def ratio_text(value: float) -> str:
    """A burn rate: `14.4x`."""
    return f"{value:.3g}x"


def lasted(notification: Notification) -> str:
    """How long it has been, or was, firing."""
    start = min(alert.starts_at_ms for alert in notification.alerts)
    ends = [alert.ends_at_ms for alert in notification.alerts if alert.ends_at_ms is not None]
    end = notification.at_ms if notification.firing or not ends else max(ends)
    return short_duration(max(end - start, 0) / 1000)


def short_duration(seconds: float) -> str:
    """Two units at most: `1h52m`, `3d4h`, `12s`."""
    whole = int(seconds)
    for unit in (86_400, 3_600, 60):
        if whole >= unit:
            smaller = {86_400: 3_600, 3_600: 60, 60: 1}[unit]
            return format_duration((whole - whole % smaller) * 1000)
    return f"{whole}s"


def _weight(alert: Alert) -> tuple[int, float, int]:
    burn = _number(alert, "burn_rate") or 0.0
    return list(SEVERITIES).index(severity_of(alert)), -burn, alert.starts_at_ms


def _title(notification: Notification, lead: Alert) -> str:
    subject, more = subject_of(lead), len(notification.firing or notification.alerts) - 1
    others = f" (and {more} more)" if more else ""
    if not notification.firing:
        return f"{subject} resolved after {lasted(notification)}{others}"
    burn = _number(lead, "burn_rate")
    if burn is not None:
        return f"{subject} burning {ratio_text(burn)}{others}"
    summary = lead.annotations.get("summary") or lead.annotations.get("title")
    if summary and not more:
        return f"{subject}: {summary}" if subject not in summary else summary
    return f"{subject} firing{others}"


def _sentence(notification: Notification, lead: Alert) -> str:
    if not notification.firing and is_slo(lead):
        left = _number(lead, "budget_left_ratio")
        return (
            f"It is over. {percent(left)} of the error budget is left." if left is not None else ""
        )
    written = lead.annotations.get("description") or lead.annotations.get("message")
    if written:
        return written
    if is_slo(lead):
        return _cause(lead)
    return lead.annotations.get("summary", "")


def _cause(alert: Alert) -> str:
    bad, total = _number(alert, "bad"), _number(alert, "total")
    objective, window = _number(alert, "objective"), _text(alert, "window")
    parts = []
    if bad is not None and total:
        parts.append(f"{bad:,.0f} of {total:,.0f} events were bad")
    if objective is not None:
        parts.append(
            f"the objective is {percent(objective)}" + (f" over {window}" if window else "")
        )
    left = _number(alert, "exhausted_in_seconds")
    if left is not None:
        parts.append(
            f"at this rate the {gone_text(left)}" if left > 0 else f"the {gone_text(left)}"
        )
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""


def _digest(notification: Notification) -> Message:
    """The message of a digest: counts, the worst, where the rest is."""
    firing, lead = notification.firing, lead_of(notification)
    counts = [f"{len(firing):,} firing"] if firing else []
    if notification.resolved:
        counts.append(f"{len(notification.resolved):,} resolved")
    alerts = sorted(firing or notification.alerts, key=_weight)
    severities = Counter(severity_of(alert) for alert in alerts)
    services = Counter(
        _text(alert, "service") or alert.labels.get("service", "") for alert in alerts
    )
    services.pop("", None)
    facts = [Fact(name.capitalize(), f"{severities[name]:,}") for name in severities_in(severities)]
    if services:
        most = ", ".join(f"{name} {count:,}" for name, count in services.most_common(MAX_SERVICES))
        facts.append(Fact("Services", most))
    return Message(
        firing=bool(firing),
        severity=severity_of(lead),
        title=f"Storm: {', '.join(counts)}, {notification.note}",
        sentence=f"Too many messages at once, so they are told together. Worst: {_name_of(lead)}.",
        facts=tuple(facts),
        others=_others(tuple(alerts), lead),
        links=tuple(link for link in _links(notification, lead) if link.text == "Alerts"),
        since_ms=min(alert.starts_at_ms for alert in alerts),
        details={"firing": len(firing), "resolved": len(notification.resolved)},
    )


def severities_in(counted: Mapping[str, int]) -> list[str]:
    """The severities that were counted, worst first."""
    return [name for name in SEVERITIES if name in counted]


def _incident_facts(incident: IncidentBrief | None) -> list[Fact]:
    if incident is None:
        return []
    owner = f" by {incident.owner}" if incident.owner and incident.status == "acknowledged" else ""
    return [Fact("Incident", f"#{incident.number} {incident.status}{owner}")]


def _slo_facts(alert: Alert) -> list[Fact]:
    sli, objective = _number(alert, "sli"), _number(alert, "objective")
    left, gone = _number(alert, "budget_left_ratio"), _number(alert, "exhausted_in_seconds")
    goal = f" (objective {percent(objective)})" if objective is not None else ""
    pairs = [
        ("Service", _text(alert, "service") or alert.labels.get("service", "")),
        ("SLO", _text(alert, "slo") or alert.labels.get("slo", "")),
        ("Severity", alert.labels.get("severity", severity_of(alert))),
        ("SLI", percent(sli) + goal if sli is not None else ""),
        ("Budget left", _left(left) if left is not None else ""),
        ("Burn rate", _burn(alert)),
        ("Exhausted in", short_duration(gone) if gone else ""),
    ]
    return [Fact(name, value) for name, value in pairs if value]


def gone_text(seconds: float) -> str:
    """When the budget ends: `budget gone in 1h52m`, or that it has."""
    return f"budget gone in {short_duration(seconds)}" if seconds > 0 else "budget spent"


def _left(ratio: float) -> str:
    """What is left of the budget; an overspent one says how often it was spent."""
    return percent(ratio) if ratio > 0 else f"spent {ratio_text(1 - ratio)}"


def _burn(alert: Alert) -> str:
    """The burn rate, with those of the two windows that made the judge speak, if it names them."""
    burn = _number(alert, "burn_rate")
    main = ratio_text(burn) if burn is not None else ""
    judged = [window for name in JUDGED_WINDOWS if (window := _text(alert, name))]
    rates = _burn_rates(alert)
    shown = {window: rates[window] for window in judged if window in rates} or rates
    windows = ", ".join(f"{ratio_text(rate)} on {on}" for on, rate in shown.items())
    return f"{main} ({windows})" if main and windows else main or windows


def _burn_rates(alert: Alert) -> dict[str, float]:
    """Burn rate by window."""
    rates = alert.evidence.get("burn_rates")
    if not isinstance(rates, Mapping):
        return {}
    return {
        window: float(rate)
        for window, rate in rates.items()
        if isinstance(rate, int | float) and math.isfinite(rate)
    }


def _label_facts(notification: Notification, lead: Alert) -> list[Fact]:
    labels = notification.common_labels if len(notification.alerts) > 1 else lead.labels
    facts = [Fact("Severity", lead.labels.get("severity", severity_of(lead)))]
    if service := lead.labels.get("service", ""):
        facts.append(Fact("Service", service))
    facts += [Fact(name, value) for name, value in labels.pairs if name not in SHOWN_ELSEWHERE]
    features = lead.evidence.get("features")
    if isinstance(features, Mapping):
        facts += [Fact(str(name), f"{value}") for name, value in features.items()]
    return facts


def _others(alerts: tuple[Alert, ...], lead: Alert) -> tuple[str, ...]:
    rest = [alert for alert in alerts if alert is not lead]
    named = [_name_of(alert) for alert in rest[:MAX_LISTED]]
    if len(rest) > MAX_LISTED:
        named.append(f"… and {len(rest) - MAX_LISTED:,} more")
    return tuple(named)


def _name_of(alert: Alert) -> str:
    labels = ", ".join(
        f"{name}={value}" for name, value in alert.labels.pairs if name not in SHOWN_ELSEWHERE
    )
    return f"{subject_of(alert)} ({labels})" if labels else subject_of(alert)


def _links(notification: Notification, lead: Alert) -> list[Link]:
    annotations, labels = lead.annotations, lead.labels
    runbook = _text(lead, "runbook_url") or annotations.get("runbook_url") or labels.get("runbook")
    board = _text(lead, "dashboard_url") or annotations.get("dashboard_url")
    source = lead.generator_url
    alerts_page = (
        f"{notification.external_url.rstrip('/')}/alerts" if notification.external_url else ""
    )
    incident = notification.incident
    wanted = [
        ("Runbook", runbook or ""),
        ("Incident", incident.url if incident else ""),
        ("Dashboard", board or ""),
        ("Source", source if source != board else ""),
        ("Alerts", alerts_page),
    ]
    return [Link(text, url) for text, url in wanted if url.startswith(("http://", "https://"))]


def _details(notification: Notification, lead: Alert) -> dict[str, object]:
    """Evidence as values, for receivers that keep structure."""
    numbers = (
        "objective",
        "sli",
        "burn_rate",
        "budget_left_ratio",
        "exhausted_in_seconds",
        "good",
        "bad",
        "total",
    )
    details: dict[str, object] = {
        name: round(value, 6) for name in numbers if (value := _number(lead, name)) is not None
    }
    for name in ("slo", "service", "window", "query", "dashboard_url", "runbook_url"):
        text = _text(lead, name) or lead.annotations.get(name, "") or lead.labels.get(name, "")
        if text:
            details[name] = text
    if rates := _burn_rates(lead):
        details["burn_rates"] = rates
    details["firing"] = len(notification.firing)
    details["resolved"] = len(notification.resolved)
    return details


def _number(alert: Alert, key: str) -> float | None:
    value = alert.evidence.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _text(alert: Alert, key: str) -> str:
    value = alert.evidence.get(key)
    return value if isinstance(value, str) else ""
