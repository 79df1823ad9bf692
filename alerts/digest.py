"""A receiver's budget of messages, and the digest that takes the place of what exceeds it. Pure.

Within the budget each group has its own message. When more wait than it has left, they are told
together: counts, the worst, the rest behind a link. While the storm goes on, digests come 5, 10,
20, ... 60 s apart. Nothing is left out: a digest holds the alerts of all its groups.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerts.notification import Notification, Reason
from collector.model.alert import Alert

FIRST_SPACING_MS = 5_000
MAX_SPACING_MS = 60_000
MAX_GROUPS = 2_000
"""Groups of one digest; what is beyond is in the next one."""
FOR_PEOPLE = frozenset(
    {"slack", "email", "discord", "msteamsv2", "telegram", "mattermost", "rocketchat", "webex",
     "pushover", "twilio", "apprise"}
)  # fmt: skip
"""Channels that people read. The others keep a state for each group, which a digest would break."""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `messages` in `per_ms`."""

    messages: int
    per_ms: int


DEFAULT_BUDGET = Budget(10, 60_000)
"""More than ten messages a minute nobody reads one by one."""


class StormGate:
    """Says when the next message of an integration may go, and whether it must be a digest.

    `waiting` is how many groups have something to say. Not safe for threads.
    """

    def __init__(self, budget: Budget | None) -> None:
        self._budget = budget
        self._sent: deque[int] = deque()
        self._held_since_ms: int | None = None
        self._last_digest_ms: int | None = None
        self._spacing_ms = FIRST_SPACING_MS

    @property
    def has_budget(self) -> bool:
        """Whether anything is ever held."""
        return self._budget is not None

    def is_storm(self, now_ms: int, waiting: int) -> bool:
        """Whether what waits must be told together: it is more than the budget has left."""
        return waiting > 1 and waiting > self._left(now_ms)

    def opens_ms(self, now_ms: int, waiting: int) -> int:
        """When the next message may go.

        At once within the budget; after a digest not before its spacing is over; one message alone
        that the budget has no room for waits for company, and goes then.
        """
        if self._last_digest_ms is not None:
            calm_ms = self._last_digest_ms + 2 * self._spacing_ms
            if now_ms < self._last_digest_ms + self._spacing_ms:
                return self._last_digest_ms + self._spacing_ms
            if now_ms >= calm_ms:
                self._last_digest_ms, self._spacing_ms = None, FIRST_SPACING_MS
        if waiting <= self._left(now_ms) or waiting > 1:
            return now_ms
        if self._held_since_ms is None:
            self._held_since_ms = now_ms
        return self._held_since_ms + FIRST_SPACING_MS

    def note_sent(self, now_ms: int, *, digest: bool = False) -> None:
        """A message or a digest went."""
        if self._budget is None:
            return
        self._held_since_ms = None
        self._sent.append(now_ms)
        if digest:
            if self._last_digest_ms is not None:
                self._spacing_ms = min(self._spacing_ms * 2, MAX_SPACING_MS)
            self._last_digest_ms = now_ms

    def _left(self, now_ms: int) -> int:
        """Messages that the budget has left; endless without one."""
        if self._budget is None:
            return MAX_GROUPS * MAX_GROUPS
        while self._sent and self._sent[0] <= now_ms - self._budget.per_ms:
            self._sent.popleft()
        return self._budget.messages - len(self._sent)


def digest_of(notifications: Sequence[Notification], at_ms: int) -> Notification:
    """One message for several groups, two or more: all their alerts, the newest word on each."""
    alerts: dict[str, Alert] = {}
    for notification in sorted(notifications, key=lambda one: one.at_ms):
        alerts.update((alert.fingerprint, alert) for alert in notification.alerts)
    groups = {one.group_key for one in notifications}
    names = "\0".join(sorted(one.id for one in notifications))
    first = notifications[0]
    return replace(
        first,
        id=hashlib.sha256(names.encode()).hexdigest()[:32],
        group_key="digest",
        group_labels=first.group_labels.without(*(name for name, _ in first.group_labels.pairs)),
        alerts=tuple(alerts.values()),
        reason=Reason.DIGEST,
        at_ms=at_ms,
        incident=None,
        remembered={},
        note=f"in {len(groups):,} groups",
    )
