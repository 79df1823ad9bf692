"""Silences: matchers, a range of time, an author and a comment; which alerts they hide. Pure.

Semantics of Alertmanager's silence package: a change of matchers or of a start that has passed
ends the old silence and makes another one; ending a pending silence moves it into the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all

SilenceState = Literal["pending", "active", "expired"]
KEPT_MS = 120 * 3_600_000
"""Ended silences can be seen this long: Alertmanager's default for `data.retention`."""
MAX_MATCHERS = 100
MAX_COMMENT_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Silence:
    """Hides alerts whose labels satisfy all `matchers` from `starts_at_ms` until `ends_at_ms`."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    created_by: str
    comment: str
    updated_at_ms: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)

    def state(self, now_ms: int) -> SilenceState:
        """Whether it has yet to begin, holds, or is over."""
        if now_ms < self.starts_at_ms:
            return "pending"
        return "active" if now_ms < self.ends_at_ms else "expired"

    def hides(self, labels: Labels) -> bool:
        """Whether the matchers fit an alert."""
        return matches_all(self.matchers, labels)


def checked(silence: Silence) -> Silence:
    """The silence itself; raises InputError for one that makes no sense."""
    if not silence.matchers:
        raise InputError("silence invalid: at least one matcher required")
    if len(silence.matchers) > MAX_MATCHERS:
        raise InputError(f"silence invalid: over {MAX_MATCHERS} matchers")
    if len(silence.comment) > MAX_COMMENT_CHARACTERS:
        raise InputError(f"silence invalid: comment over {MAX_COMMENT_CHARACTERS} characters")
    if all(matcher.matches_empty() for matcher in silence.matchers):
        raise InputError("silence invalid: at least one matcher must not match the empty string")
    if silence.ends_at_ms <= silence.starts_at_ms:
        raise InputError("silence invalid: end time must be after the start time")
    return silence


def expired(silence: Silence, now_ms: int) -> Silence:
    """The silence ended now; one that was pending never held."""
    starts_at_ms = min(silence.starts_at_ms, now_ms)
    return replace(silence, starts_at_ms=starts_at_ms, ends_at_ms=now_ms, updated_at_ms=now_ms)


def can_change_in_place(old: Silence, new: Silence, now_ms: int) -> bool:
    """Whether an edit keeps the id: same matchers, and only times that have not passed change."""
    if set(old.matchers) != set(new.matchers):
        return False
    state = old.state(now_ms)
    if state == "active":
        return old.starts_at_ms == new.starts_at_ms and new.ends_at_ms >= now_ms
    return state == "pending" and new.starts_at_ms >= now_ms


def hiding(silences: Iterable[Silence], labels: Labels, now_ms: int) -> list[str]:
    """Ids of the silences that hide an alert now, sorted."""
    return sorted(
        silence.id
        for silence in silences
        if silence.starts_at_ms <= now_ms < silence.ends_at_ms and silence.hides(labels)
    )
