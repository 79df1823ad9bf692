"""The routing tree: labels in, the nodes that take the alert out. Pure, no state.

Semantics of Alertmanager's dispatch/route.go: depth first, left to right; a child that matches
stops its later siblings unless it says `continue`; a node without a matching child takes the alert
itself; what a node does not say it has from its parent. Children whose matchers ask for a label's
exact value are found by that value, so a tree of a thousand routes costs a few look-ups.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.config import ALL_LABELS, RouteConfig
from alerts.group import Timers
from alerts.matchers import parse_all, write_matchers
from collector.model.labels import Labels, quote
from collector.model.matchers import Matcher, matches_all

MAX_KEY_BYTES = 2_000
"""A group's key is indexed, and PostgreSQL indexes no text over 2,704 bytes."""
DEFAULT_TIMERS = Timers(wait_ms=30_000, interval_ms=5 * 60_000, repeat_ms=4 * 3_600_000)


@dataclass(frozen=True, slots=True)
class Route:
    """One node with everything that it inherits; `id` is unique, `key` is Alertmanager's.

    `written` are its own matchers as Alertmanager writes them: the last part of the key.
    """

    id: str
    key: str
    written: str
    receiver: str
    group_by: frozenset[str]
    group_by_all: bool
    timers: Timers
    matchers: tuple[Matcher, ...]
    continues: bool
    mute_time_intervals: tuple[str, ...]
    active_time_intervals: tuple[str, ...]
    children: tuple[Route, ...]
    index: ChildIndex

    def match(self, labels: Labels) -> list[Route]:
        """Nodes that take an alert with these labels; empty when this node does not match."""
        if not matches_all(self.matchers, labels):
            return []
        found: list[Route] = []
        for position in self.index.candidates(labels):
            child = self.children[position]
            matches = child.match(labels)
            found += matches
            if matches and not child.continues:
                break
        return found or [self]

    def group_labels(self, labels: Labels) -> Labels:
        """The labels that an alert's group shares."""
        if self.group_by_all:
            return labels
        return Labels(pair for pair in labels.pairs if pair[0] in self.group_by)

    def group_key(self, labels: Labels) -> str:
        """Alertmanager's group key of a group with these labels, such as `{}:{alertname="X"}`.

        One longer than MAX_KEY_BYTES ends in a hash instead.
        """
        key = f"{self.key}:{write_labels(labels)}"
        if len(key) * 4 <= MAX_KEY_BYTES:
            return key
        written = key.encode("utf-8", "replace")
        if len(written) <= MAX_KEY_BYTES:
            return key
        digest = hashlib.sha256(written).hexdigest()
        return written[: MAX_KEY_BYTES - len(digest)].decode("utf-8", "ignore") + digest

    def walk(self) -> Iterator[Route]:
        """This node and all below, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class ChildIndex:
    """Which children can match: by label name and value, and those that must always be asked."""

    by_label: Mapping[str, Mapping[str, tuple[int, ...]]]
    always: tuple[int, ...]

    def candidates(self, labels: Labels) -> Sequence[int]:
        """Positions of the children that may match, in their order."""
        found = list(self.always)
        for name, by_value in self.by_label.items():
            found += by_value.get(labels.get(name, ""), ())
        found.sort()
        return found


def build_route(config: RouteConfig | None) -> Route:
    """The tree of a checked configuration; without one, a root whose receiver is ""."""
    return _build(config or RouteConfig(), None, 0)


def write_labels(labels: Labels) -> str:
    """`{a="b", c="d"}`: the text of a label set in Alertmanager's group keys."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels.pairs) + "}"


def _build(config: RouteConfig, parent: Route | None, position: int) -> Route:
    written = write_matchers(sorted(_written(config), key=_order))
    prefix = f"{parent.key}/" if parent else ""
    group_by, group_by_all = _grouping(config, parent)
    node = Route(
        id=f"{parent.id}/{position}" if parent else "0",
        key=prefix + written,
        written=written,
        receiver=config.receiver or (parent.receiver if parent else ""),
        group_by=group_by,
        group_by_all=group_by_all,
        timers=_timers(config, parent.timers if parent else DEFAULT_TIMERS),
        matchers=tuple(sorted(_matchers(config), key=_order)),
        continues=config.continue_,
        mute_time_intervals=config.mute_time_intervals,
        active_time_intervals=config.active_time_intervals,
        children=(),
        index=ChildIndex({}, ()),
    )
    children = tuple(_build(child, node, i) for i, child in enumerate(config.routes))
    object.__setattr__(node, "children", children)
    object.__setattr__(node, "index", _index(children))
    return node


def _matchers(config: RouteConfig) -> Iterator[Matcher]:
    yield from (Matcher("=", name, value) for name, value in config.match.items())
    yield from (Matcher("=~", name, value) for name, value in config.match_re.items())
    yield from parse_all(config.matchers)


def _written(config: RouteConfig) -> Iterator[Matcher]:
    """The same as Alertmanager holds them: the older `match_re` with its anchors written out."""
    yield from (Matcher("=", name, value) for name, value in config.match.items())
    for name, value in config.match_re.items():
        yield Matcher("=~", name, f"^(?:{value})$")
    yield from parse_all(config.matchers)


def _order(matcher: Matcher) -> tuple[str, str, str]:
    return matcher.name, matcher.value, matcher.kind


def _grouping(config: RouteConfig, parent: Route | None) -> tuple[frozenset[str], bool]:
    if not config.group_by:  # Alertmanager inherits through an empty list too
        return (parent.group_by, parent.group_by_all) if parent else (frozenset(), False)
    if config.group_by == (ALL_LABELS,):
        return frozenset(), True
    return frozenset(config.group_by), False


def _timers(config: RouteConfig, inherited: Timers) -> Timers:
    def own(value: int | None, default: int) -> int:
        return default if value is None else value

    return Timers(
        wait_ms=own(config.group_wait, inherited.wait_ms),
        interval_ms=own(config.group_interval, inherited.interval_ms),
        repeat_ms=own(config.repeat_interval, inherited.repeat_ms),
    )


def _index(children: Sequence[Route]) -> ChildIndex:
    """Each child under the values of that matcher which fewest siblings share."""
    shared = Counter(
        (matcher.name, value)
        for child in children
        for matcher in child.matchers
        for value in matcher.literals() or ()
    )
    by_label: dict[str, dict[str, list[int]]] = {}
    always: list[int] = []
    for position, child in enumerate(children):
        exact = [(m.name, m.literals() or frozenset()) for m in child.matchers if m.literals()]
        if not exact:
            always.append(position)
            continue
        name, values = min(exact, key=lambda one: sum(shared[one[0], value] for value in one[1]))
        for value in values:
            by_label.setdefault(name, {}).setdefault(value, []).append(position)
    frozen = {
        name: {value: tuple(positions) for value, positions in by_value.items()}
        for name, by_value in by_label.items()
    }
    return ChildIndex(frozen, tuple(always))
