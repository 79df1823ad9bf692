"""Relabelling as a list of pure steps over labels, with the eleven actions of Prometheus.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
Regular expressions are RE2, anchored, dot matching newline.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from collector.model.labels import Labels
from collector.model.regex import compile_regex, expander

Action = Literal[
    "replace",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
]
Step = Callable[[dict[str, str]], bool]
"""Changes the labels in place; False drops what they belong to."""
Relabel = Callable[[Labels], Labels | None]
"""Labels in, labels out; None is dropped."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One step as it is configured; the defaults are Prometheus's."""

    action: Action = "replace"
    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"


def compile_rules(rules: Iterable[Rule]) -> Relabel:
    """All steps as one function; raises InputError for a regex that is not RE2."""
    steps = [_ACTIONS[rule.action](rule, compile_regex(rule.regex)) for rule in rules]

    def relabel(labels: Labels) -> Labels | None:
        changed = dict(labels.pairs)
        for step in steps:
            if not step(changed):
                return None
        return Labels(changed)

    return relabel if steps else lambda labels: labels


def _joined(rule: Rule, labels: Mapping[str, str]) -> str:
    return rule.separator.join(labels.get(name, "") for name in rule.source_labels)


def _put(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(rule: Rule, regex: re.Pattern[str]) -> Step:
    named, valued = expander(rule.target_label), expander(rule.replacement)

    def step(labels: dict[str, str]) -> bool:
        match = regex.fullmatch(_joined(rule, labels))
        if match is not None:
            target = named(match)
            if target:
                _put(labels, target, valued(match))
        return True

    return step


def _keep(rule: Rule, regex: re.Pattern[str]) -> Step:
    return lambda labels: regex.fullmatch(_joined(rule, labels)) is not None


def _drop(rule: Rule, regex: re.Pattern[str]) -> Step:
    return lambda labels: regex.fullmatch(_joined(rule, labels)) is None


def _keepequal(rule: Rule, _: re.Pattern[str]) -> Step:
    return lambda labels: labels.get(rule.target_label, "") == _joined(rule, labels)


def _dropequal(rule: Rule, _: re.Pattern[str]) -> Step:
    return lambda labels: labels.get(rule.target_label, "") != _joined(rule, labels)


def _hashmod(rule: Rule, _: re.Pattern[str]) -> Step:
    def step(labels: dict[str, str]) -> bool:
        digest = hashlib.md5(_joined(rule, labels).encode(), usedforsecurity=False).digest()
        labels[rule.target_label] = str(int.from_bytes(digest[8:], "big") % rule.modulus)
        return True

    return step


def _labelmap(rule: Rule, regex: re.Pattern[str]) -> Step:
    named = expander(rule.replacement)

    def step(labels: dict[str, str]) -> bool:
        for name, value in list(labels.items()):
            match = regex.fullmatch(name)
            if match is not None:
                _put(labels, named(match), value)
        return True

    return step


def _labeldrop(_: Rule, regex: re.Pattern[str]) -> Step:
    return _without(lambda name: regex.fullmatch(name) is not None)


def _labelkeep(_: Rule, regex: re.Pattern[str]) -> Step:
    return _without(lambda name: regex.fullmatch(name) is None)


def _without(goes: Callable[[str], bool]) -> Step:
    def step(labels: dict[str, str]) -> bool:
        for name in [name for name in labels if goes(name)]:
            del labels[name]
        return True

    return step


def _upper(text: str) -> str:
    """Each character by itself, as Go does: ß has no single capital and stays."""
    return "".join(one.upper() if len(one.upper()) == 1 else _titled(one) for one in text)


def _titled(one: str) -> str:
    """ᾳ has a capital of one character in titles alone."""
    return one.title() if len(one.title()) == 1 else one


def _lower(text: str) -> str:
    """Each character by itself: İ becomes i, and a last Σ is a sigma like any other."""
    return "".join(one.lower()[0] for one in text)


def _case(change: Callable[[str], str]) -> Callable[[Rule, re.Pattern[str]], Step]:
    def compile_step(rule: Rule, _: re.Pattern[str]) -> Step:
        def step(labels: dict[str, str]) -> bool:
            _put(labels, rule.target_label, change(_joined(rule, labels)))
            return True

        return step

    return compile_step


_ACTIONS: Mapping[Action, Callable[[Rule, re.Pattern[str]], Step]] = {
    "replace": _replace,
    "keep": _keep,
    "drop": _drop,
    "keepequal": _keepequal,
    "dropequal": _dropequal,
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": _labeldrop,
    "labelkeep": _labelkeep,
    "lowercase": _case(_lower),
    "uppercase": _case(_upper),
}
