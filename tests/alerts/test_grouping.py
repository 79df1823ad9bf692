"""Grouping against an oracle that replays the history from the start at every moment.

Random alerts fire and end over random times; the service, stepped each second, must send the same
notifications at the same seconds as a slow reading of Alertmanager's rules.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.deliver import Sender
from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock

WAIT, INTERVAL, REPEAT, END = 3, 5, 17, 60
START_MS = 1_700_000_000_000
CONFIG = {
    "route": {
        "receiver": "r", "group_by": ["g"], "group_wait": f"{WAIT}s",
        "group_interval": f"{INTERVAL}s", "repeat_interval": f"{REPEAT}s",
    },
    "receivers": [{"name": "r", "webhook_configs": [{"url": "http://127.0.0.1:1/"}]}],
}  # fmt: skip
Sent = tuple[int, str, str, tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Life:
    """Alert `name` of group `group` fires from second `start` up to second `end`."""

    group: str
    name: str
    start: int
    end: int


lives = st.lists(
    st.builds(
        lambda group, name, start, length: Life(group, name, start, start + length),
        st.sampled_from("AB"), st.sampled_from("xyz"), st.integers(0, 40), st.integers(1, 25),
    ),
    max_size=8,
)  # fmt: skip


def fires(history: list[Life], group: str, name: str, second: int) -> bool:
    return any(
        (life.group, life.name) == (group, name) and life.start <= second < life.end
        for life in history
    )


def oracle(history: list[Life], group: str) -> list[Sent]:
    """One group's notifications, second by second."""
    sent: list[Sent] = []
    members: set[str] = set()
    next_flush: int | None = None
    told: tuple[set[str], set[str], int] | None = None
    for second in range(END):
        members |= {name for name in "xyz" if fires(history, group, name, second)}
        if members and next_flush is None:
            next_flush = second + WAIT
        if next_flush != second:
            continue
        firing = {name for name in members if fires(history, group, name, second)}
        resolved = members - firing
        reason = reason_of(told, firing, resolved, second)
        if reason:
            sent.append((second, group, reason, tuple(sorted(firing)), tuple(sorted(resolved))))
            told = (firing, resolved, second)
        members = set(firing)
        next_flush = second + INTERVAL if members else None
    return sent


def reason_of(
    told: tuple[set[str], set[str], int] | None, firing: set[str], resolved: set[str], second: int
) -> str:
    if told is None:
        return "first notification" if firing else ""
    if firing - told[0]:
        return "new alerts in group" if told[0] else "first notification"
    if not firing:
        return "all alerts resolved" if told[0] else ""
    if resolved - told[1]:
        return "new resolved alerts"
    return "repeat interval elapsed" if second - told[2] > REPEAT else ""


def replay(history: list[Life], restart_at: int | None) -> list[Sent]:
    """What the real service decides; it may be killed and started anew in the middle."""
    clock = ManualClock(START_MS)
    sent: list[Sent] = []

    def take(sender: Sender) -> None:
        from alerts.notification import decode

        for row in sender._queue:
            told = decode(row.notification, {})
            names = [
                tuple(sorted(one.labels["n"] for one in alerts))
                for alerts in (told.firing, told.resolved)
            ]
            second = (told.at_ms - START_MS) // 1000
            sent.append((second, told.group_labels["g"], str(told.reason), names[0], names[1]))
        sender.load([])

    with tempfile.TemporaryDirectory() as directory:
        service = _service(directory, clock)
        for second in range(END):
            if second == restart_at:
                service.close()
                service = _service(directory, clock)
                for sender in service._senders.values():
                    sender.load([])
            service.emit(_emissions(history, second, clock.now_ms()))
            service.step()
            for sender in service._senders.values():
                take(sender)
            clock.advance(1000)
        service.close()
    return sent


def _service(directory: str, clock: ManualClock) -> AlertService:
    config = AlertsConfig.model_validate(CONFIG)
    return AlertService(config, Path(directory) / "a.db", clock, CollectorRegistry())


def _emissions(history: list[Life], second: int, now_ms: int) -> list[Alert]:
    alerts = []
    for group in "AB":
        for name in "xyz":
            labels = Labels({"alertname": "T", "g": group, "n": name})
            if fires(history, group, name, second):
                alerts.append(Alert(labels, starts_at_ms=now_ms))
            elif second and fires(history, group, name, second - 1):
                alerts.append(Alert(labels, ends_at_ms=now_ms))
    return alerts


@settings(max_examples=25, deadline=None)
@given(lives)
def test_the_service_sends_what_the_oracle_says(history: list[Life]) -> None:
    expected = sorted(oracle(history, "A") + oracle(history, "B"))
    assert sorted(replay(history, None)) == expected


@settings(max_examples=15, deadline=None)
@given(lives, st.integers(1, END - 1))
def test_a_restart_at_any_second_changes_nothing(history: list[Life], second: int) -> None:
    expected = sorted(oracle(history, "A") + oracle(history, "B"))
    assert sorted(replay(history, second)) == expected
