"""What is told of silences: who made, changed or ended which one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from alerts.events import Event, EventKind
from alerts.matchers import write_matchers
from alerts.silence import Silence

SOMEBODY = "somebody"
"""Alertmanager's API does not ask who ends a silence."""


def made(silence: Silence, now_ms: int) -> Event:
    """Somebody made it."""
    return _event("made", silence, silence.created_by, now_ms)


def changed(old: Silence, new: Silence, now_ms: int) -> Event:
    """Somebody made another one of it, or moved its times."""
    return _event(
        "changed", new, new.created_by, now_ms, {"was": old.id} if old.id != new.id else {}
    )


def ended(silence: Silence, actor: str, now_ms: int) -> Event:
    """Somebody ended it before its time."""
    return _event("expired", silence, actor, now_ms)


def _event(
    change: str, silence: Silence, actor: str, now_ms: int, more: Mapping[str, object] | None = None
) -> Event:
    by, matchers = actor.strip() or SOMEBODY, write_matchers(silence.matchers)
    until = f"{datetime.fromtimestamp(silence.ends_at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
    rest = "" if change == "expired" else f" until {until} UTC"
    comment = f": {silence.comment}" if silence.comment else ""
    data = {
        "change": change,
        "silence": silence.id,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "starts_at_ms": silence.starts_at_ms,
        "ends_at_ms": silence.ends_at_ms,
        "comment": silence.comment,
        **(more or {}),
    }
    text = f"{by} {change} the silence {matchers}{rest}{comment}"
    kind = EventKind.SILENCE_CHANGED
    return Event(now_ms, kind, actor=_storable(by), text=_storable(text), data=data)


def _storable(text: str) -> str:
    """Without what no database keeps as text."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
