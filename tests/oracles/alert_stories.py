"""Random stories of alerts for two alert managers at once: a configuration, and what people and
judges do at every tick. Time is counted in beats: all that is done falls on even ones, all that is
decided on odd ones, so that a real Alertmanager on a slow machine and a service on a manual clock
mean the same.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BEAT_MS = 1_000
TIMEOUT_BEATS = 6
TICKS = 11
LAST_BEAT = 2 * TICKS + 3
VALUES: Mapping[str, tuple[str, ...]] = {
    "alertname": ("Down", "Slow", "Full"),
    "job": ("api", "db"),
    "instance": ("1", "2", "3"),
    "severity": ("page", "ticket"),
    "zone": ("a", "b"),
}
PATTERNS = {
    "alertname": "D.*|Slow",
    "job": "a.*",
    "instance": "[12]",
    "severity": "p.+",
    "zone": "a?",
}


@dataclass(frozen=True)
class Fire:
    """Someone posts an alert that begins now, or ends with 0.

    `ends_after_beats` None leaves its end to the resolve timeout.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    ends_after_beats: int | None


@dataclass(frozen=True)
class Hush:
    """Someone silences what matches, under a name that `Unhush` gives back."""

    name: str
    matchers: tuple[Mapping[str, Any], ...]
    beats: int


@dataclass(frozen=True)
class Unhush:
    """Someone ends a silence early."""

    name: str


Act = Fire | Hush | Unhush


@dataclass(frozen=True)
class Stories:
    """One configuration (receivers without channels) and, for each tick, what is done."""

    config: dict[str, Any]
    ticks: tuple[tuple[Act, ...], ...]


def write_stories(seed: int, count: int) -> Stories:
    """`count` stories side by side, each under its own label `story` and its own route."""
    chance = random.Random(seed)
    receivers = [f"r{i}" for i in range(5)]
    routes = [_story_route(chance, f"s{i}", receivers) for i in range(count)]
    config = {
        "global": {"resolve_timeout": _duration(TIMEOUT_BEATS)},
        "route": {"receiver": "r0", "group_by": ["..."], **_timers(chance), "routes": routes},
        "receivers": [{"name": name} for name in receivers],
        "inhibit_rules": [_inhibition(chance, f"s{i}") for i in range(count) if i % 2],
        "time_intervals": [{"name": "always", "time_intervals": [{}]}],
    }
    tellers = [_Teller(random.Random(f"{seed}/{i}"), f"s{i}") for i in range(count)]
    ticks = [tuple(act for one in tellers for act in one.tick(tick)) for tick in range(TICKS)]
    return Stories(config, tuple(ticks))


class _Teller:
    """Makes up one story, tick by tick."""

    def __init__(self, chance: random.Random, story: str) -> None:
        self._chance, self._story = chance, story
        names = sorted(VALUES)
        self._alerts: list[dict[str, str]] = []
        for _ in range(chance.randint(2, 7)):
            some = chance.sample(names, chance.randint(2, len(names)))
            labels = {"story": story} | {name: chance.choice(VALUES[name]) for name in some}
            if labels not in self._alerts:
                self._alerts.append(labels)
        self._ends: dict[int, int] = {}
        self._hushed: list[str] = []

    def tick(self, tick: int) -> list[Act]:
        acts: list[Act] = []
        if self._chance.random() < 0.15:
            acts.append(self._hush(f"{self._story}-{tick}"))
        elif self._hushed and self._chance.random() < 0.2:
            acts.append(Unhush(self._hushed.pop()))
        for i, labels in enumerate(self._alerts):
            if self._chance.random() < 0.45:
                acts.append(self._fire(i, labels, 2 * tick))
        return acts

    def _fire(self, i: int, labels: Mapping[str, str], beat: int) -> Fire:
        annotations = {"summary": f"{labels.get('job', 'it')} is ill"} if i % 2 else {}
        if self._ends.get(i, 0) > beat and self._chance.random() < 0.4:
            self._ends[i] = 0
            return Fire(labels, annotations, 0)
        after = self._chance.choice((None, 4, 8, 3600))
        self._ends[i] = beat + (TIMEOUT_BEATS if after is None else after)
        return Fire(labels, annotations, after)

    def _hush(self, name: str) -> Hush:
        self._hushed.append(name)
        matchers = [_matcher("story", self._story)]
        labels = self._chance.sample(sorted(VALUES), self._chance.randint(0, 2))
        matchers += [_random_matcher(self._chance, label) for label in labels]
        return Hush(name, tuple(matchers), self._chance.choice((4, 8, 3600)))


def _timers(chance: random.Random) -> dict[str, str]:
    return {
        "group_wait": _duration(chance.choice((1, 1, 3))),
        "group_interval": _duration(chance.choice((2, 4))),
        "repeat_interval": _duration(chance.choice((5, 9, 999))),
    }


def _duration(beats: int) -> str:
    return f"{beats * BEAT_MS}ms"


def _story_route(chance: random.Random, story: str, receivers: list[str]) -> dict[str, Any]:
    children = [_route(chance, receivers, 1) for _ in range(chance.randint(0, 3))]
    own = {"receiver": chance.choice(receivers), "group_by": _group_by(chance)}
    return {"matchers": [f'story="{story}"'], **own, **_timers(chance), "routes": children}


def _route(chance: random.Random, receivers: list[str], depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"continue": chance.random() < 0.4}
    label = chance.choice(sorted(VALUES))
    kind = chance.choice(("=", "!=", "=~", "!~"))
    value = PATTERNS[label] if "~" in kind else chance.choice(VALUES[label])
    node["matchers"] = [f'{label}{kind}"{value}"']
    if chance.random() < 0.6:
        node["receiver"] = chance.choice(receivers)
    if chance.random() < 0.5:
        node["group_by"] = _group_by(chance)
    if chance.random() < 0.5:
        node |= _timers(chance)
    if chance.random() < 0.1:
        node[chance.choice(("mute_time_intervals", "active_time_intervals"))] = ["always"]
    if depth:
        node["routes"] = [_route(chance, receivers, 0) for _ in range(chance.randint(0, 2))]
    return node


def _group_by(chance: random.Random) -> list[str]:
    if chance.random() < 0.2:
        return ["..."]
    return chance.sample(sorted(VALUES), chance.randint(0, 3))


def _inhibition(chance: random.Random, story: str) -> dict[str, Any]:
    source, target = (chance.choice(sorted(VALUES)) for _ in range(2))
    return {
        "source_matchers": [f'story="{story}"', f'{source}="{chance.choice(VALUES[source])}"'],
        "target_matchers": [f'story="{story}"', f'{target}="{chance.choice(VALUES[target])}"'],
        "equal": chance.sample(sorted(VALUES), chance.randint(0, 2)),
    }


def _random_matcher(chance: random.Random, label: str) -> dict[str, Any]:
    if chance.random() < 0.5:
        return _matcher(label, chance.choice(VALUES[label]), equal=chance.random() < 0.8)
    return _matcher(label, PATTERNS[label], regex=True, equal=chance.random() < 0.8)


def _matcher(name: str, value: str, *, regex: bool = False, equal: bool = True) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, "isEqual": equal}
