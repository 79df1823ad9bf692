"""Which alerts another one hides. Pure.

A rule hides an alert that matches its target side while another one that matches its source side
fires with equal values of the `equal` labels (a missing label equals an empty one). An alert that
matches both sides is not hidden by one that does so too: no alert hides itself or its like.
Source: Alertmanager's inhibit/inhibit.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.config import InhibitRuleConfig
from alerts.matchers import parse_all
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """Matchers of both sides, and the labels whose values must agree."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]

    def key(self, labels: Labels) -> tuple[str, ...]:
        """The values that must agree."""
        return tuple(labels.get(name, "") for name in self.equal)


def build_rules(configs: Iterable[InhibitRuleConfig]) -> tuple[InhibitRule, ...]:
    """The rules of a checked configuration."""
    return tuple(
        InhibitRule(
            source=_side(config.source_match, config.source_match_re, config.source_matchers),
            target=_side(config.target_match, config.target_match_re, config.target_matchers),
            equal=config.equal,
        )
        for config in configs
    )


class Inhibitor:
    """The alerts that fire now, arranged so that asking what hides another one is a look-up."""

    def __init__(self, rules: Sequence[InhibitRule], firing: Iterable[Labels]) -> None:
        self._rules = rules
        self._sources: list[dict[tuple[str, ...], dict[Labels, None]]] = [{} for _ in rules]
        if rules:
            for labels in firing:
                self.note(labels, fires=True)

    def note(self, labels: Labels, *, fires: bool) -> None:
        """Learn that an alert fires from now on, or does not."""
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if matches_all(rule.source, labels):
                same = sources.setdefault(rule.key(labels), {})
                if fires:
                    same[labels] = None
                else:
                    same.pop(labels, None)
                    if not same:
                        del sources[rule.key(labels)]

    def hidden_by(self, labels: Labels) -> Labels | None:
        """The alert that hides this one, or None."""
        return next(self._hiding(labels), None)

    def _hiding(self, labels: Labels) -> Iterator[Labels]:
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if not matches_all(rule.target, labels):
                continue
            both_sides = matches_all(rule.source, labels)
            for source in sources.get(rule.key(labels), ()):
                if not (both_sides and matches_all(rule.target, source)):
                    yield source


def _side(
    match: Mapping[str, str], match_re: Mapping[str, str], matchers: tuple[str, ...]
) -> tuple[Matcher, ...]:
    return (
        *(Matcher("=", name, value) for name, value in match.items()),
        *(Matcher("=~", name, value) for name, value in match_re.items()),
        *parse_all(matchers),
    )
