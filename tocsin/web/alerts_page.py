"""What fires, what is hushed and why, what was sent where with which answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.channel_health import ChannelHealth
from alerts.dead_letter_book import letters_of
from alerts.delivery_log import Attempt
from alerts.service import AlertService
from alerts.silence import Silence
from alerts.silence_recurring import is_recurring
from alerts.views import AlertView
from collector.model.labels import Labels
from tocsin.web.texts import link
from tocsin.web.why_page import why_link

HISTORY_SHOWN = 50
LETTERS_SHOWN = 50
SILENCES_SHOWN = 50
SEVERITY_TONES = {"page": "bad", "critical": "bad", "ticket": "warn", "warning": "warn"}
SEVERITY_ORDER = ("page", "critical", "error", "ticket", "warning", "info")
SHOWN_ELSEWHERE = ("alertname", "severity")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert as pages show it."""

    name: str
    summary: str
    severity: str
    tone: str
    state: str
    since_ms: int
    labels: str
    href: str
    why: str


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """One silence as the page shows it."""

    id: str
    matchers: str
    state: str
    tone: str
    ends_ms: int
    created_by: str
    comment: str
    can_end: bool


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One integration as the page shows it."""

    name: str
    state: str
    tone: str
    last_sent_ms: int
    waiting: int
    error: str


@dataclass(frozen=True, slots=True)
class SentRow:
    """One attempt to notify as the page shows it."""

    at_ms: int
    channel: str
    what: str
    reason: str
    answer: str
    tone: str
    error: str


def alerts_view(service: AlertService) -> Mapping[str, object]:
    """The values of `alerts.html`."""
    views = service.alerts()
    now_ms = service.now_ms()
    silences = sorted(service.silences.all(), key=lambda s: s.ends_at_ms, reverse=True)
    return {
        "firing": [alert_row(view) for view in worst_first(views) if view.state == "active"],
        "muted": [alert_row(view) for view in worst_first(views) if view.state == "suppressed"],
        "silences": [_silence_row(one, now_ms) for one in silences[:SILENCES_SHOWN]],
        "receivers": service.receivers(),
        "letters": letters_of(service)[:LETTERS_SHOWN],
        "channels": [_channel_row(one) for one in service.channel_health()],
        "history": [_sent_row(one) for one in service.history(HISTORY_SHOWN)],
    }


def worst_first(views: Sequence[AlertView]) -> list[AlertView]:
    """Pages before tickets, and among equals the oldest first."""
    return sorted(views, key=lambda view: (_rank(view), view.stored.alert.starts_at_ms))


def _rank(view: AlertView) -> int:
    severity = view.stored.alert.labels.get("severity", "")
    return SEVERITY_ORDER.index(severity) if severity in SEVERITY_ORDER else len(SEVERITY_ORDER)


def alert_row(view: AlertView) -> AlertRow:
    """An alert with its severity, state and the labels that the row does not show yet."""
    alert = view.stored.alert
    severity = alert.labels.get("severity", "none")
    labels: Labels = alert.labels.without(*SHOWN_ELSEWHERE)
    annotations = alert.annotations
    return AlertRow(
        name=alert.name or "alert",
        summary=annotations.get("summary") or annotations.get("description", ""),
        severity=severity,
        tone=SEVERITY_TONES.get(severity, ""),
        state=_state(view),
        since_ms=alert.starts_at_ms,
        labels=", ".join(f"{name}={value}" for name, value in labels.pairs),
        href=link(alert.generator_url),
        why=why_link(alert.labels),
    )


def _state(view: AlertView) -> str:
    if view.silenced_by:
        return "silenced"
    if view.inhibited_by:
        return "inhibited"
    return "muted" if view.muted_by else "firing"


def _silence_row(silence: Silence, now_ms: int) -> SilenceRow:
    state = silence.state(now_ms)
    return SilenceRow(
        id=silence.id,
        matchers=", ".join(str(matcher) for matcher in silence.matchers),
        state=state,
        tone={"active": "warn", "pending": "", "expired": ""}[state],
        ends_ms=silence.ends_at_ms,
        created_by=silence.created_by,
        comment=silence.comment,
        can_end=state != "expired" and not is_recurring(silence.id),
    )


def _channel_row(health: ChannelHealth) -> ChannelRow:
    state = "works" if health.healthy else "fails"
    if health.healthy and not health.sent:
        state = "not used yet"
    return ChannelRow(
        name=f"{health.receiver} / {health.channel}",
        state=state,
        tone="bad" if not health.healthy else "good" if health.sent else "",
        last_sent_ms=health.last_success_ms,
        waiting=health.queued,
        error="" if health.healthy else health.last_error,
    )


def _sent_row(attempt: Attempt) -> SentRow:
    status = str(attempt.status)
    return SentRow(
        at_ms=attempt.at_ms,
        channel=f"{attempt.receiver} / {attempt.channel}",
        what=attempt.title,
        reason=attempt.reason.replace("_", " "),
        answer=status,
        tone={"sent": "good", "failed": "bad"}.get(status, "warn"),
        error=attempt.error,
    )
