"""`SilencePolicy`: how long, how broad, by whom a silence may be. Pure.

Asked when somebody makes or changes a silence; those that are there already stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alerts.silence import Silence
from collector.model.durations import format_duration
from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.model.matchers import Matcher

FIELD = "alerts.silences.policy"


@dataclass(frozen=True, slots=True)
class SilencePolicy:
    """Each rule with the value that asks for nothing as its default.

    `forbidden_matchers`: a silence may have none of them, nor one that means the same value.
    `required_labels`: each must be in a matcher that only fits alerts which have the label.
    """

    max_duration_ms: int = 0
    min_comment: int = 0
    max_alerts: int | None = None
    forbidden_matchers: tuple[Matcher, ...] = ()
    required_labels: tuple[str, ...] = ()
    authors: Matcher | None = None

    def check(self, silence: Silence, firing: Iterable[Labels]) -> None:
        """Raises InputError that names the rules which it breaks, and what would do.

        `firing` are the labels of the alerts that fire now; read only if `max_alerts` is set.
        """
        broken = [*self._about_people(silence), *self._about_matchers(silence)]
        if self.max_alerts is not None:
            hidden = sum(map(silence.hides, firing))
            if hidden > self.max_alerts:
                broken.append(
                    f"max_alerts: it would hide {hidden:,} firing alerts, over the limit of "
                    f"{self.max_alerts:,}; match fewer"
                )
        if broken:
            raise InputError(f"silence refused by {FIELD}: {'; '.join(broken)}")

    def _about_people(self, silence: Silence) -> Iterator[str]:
        length_ms = silence.ends_at_ms - silence.starts_at_ms
        if self.max_duration_ms and length_ms > self.max_duration_ms:
            most = format_duration(self.max_duration_ms)
            found = format_duration(-(-length_ms // 1000) * 1000)
            yield f"max_duration: it lasts {found}, over {most}; let it end earlier"
        written = len(silence.comment.strip())
        if written < self.min_comment:
            yield (
                f"min_comment: the comment has {written} characters; "
                f"say why in {self.min_comment} at least"
            )
        if self.authors is not None and not self.authors.matches(silence.created_by):
            yield (
                f"authors: {silence.created_by!r} may make none; "
                f"give an author that fits {self.authors.value}"
            )

    def _about_matchers(self, silence: Silence) -> Iterator[str]:
        for matcher in silence.matchers:
            forbidden = next((f for f in self.forbidden_matchers if _is(matcher, f)), None)
            if forbidden is not None:
                yield f"forbidden_matchers: {matcher} is one of {forbidden}; leave it out"
        for name in self.required_labels:
            if not any(m.name == name and _asks_for(m) for m in silence.matchers):
                yield f"required_labels: no matcher asks for {name}; add {name}=…"


def _is(own: Matcher, forbidden: Matcher) -> bool:
    """Whether a matcher of a silence is a forbidden one, or asks for a value that it forbids."""
    if own.name != forbidden.name:
        return False
    if own == forbidden:
        return True
    if own.kind == "=":
        return forbidden.kind in ("=", "=~") and forbidden.matches(own.value)
    return own.kind == "=~" and forbidden.kind == "=" and own.matches(forbidden.value)


def _asks_for(matcher: Matcher) -> bool:
    return matcher.kind in ("=", "=~") and not matcher.matches_empty()
