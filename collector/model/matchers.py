"""`Matcher` (`=`, `!=`, `=~`, `!~`) over labels, with fast paths for literals and alternations.

Regular expressions are RE2, fully anchored, dot matching newline, as in Prometheus 3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from collector.model.labels import quote
from collector.model.regex import compile_regex

MatchKind = Literal["=", "!=", "=~", "!~"]
_ALTERNATION_OF_LITERALS = re.compile(r"[\w:/ ,=@%-]*(?:\|[\w:/ ,=@%-]*)*")
_LITERAL = r"[\w:/ ,=@%-]|\\[.+*?()|\[\]{}^$-]"
_RUN = rf"(?:{_LITERAL}|\.(?![*+?]))*"
_SIMPLE_BRANCH = rf"{_RUN}(?:\.[*+]{_RUN}){{0,2}}"
_SIMPLE = re.compile(rf"{_SIMPLE_BRANCH}(?:\|{_SIMPLE_BRANCH})*")
"""What RE2 and Python's engine read alike, and the latter in no more than quadratic time."""
_PREFIX = re.compile(r"([\w:/ ,=@%-]*)\.\*")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on the value of the label `name`; a label that is absent has the value "".

    Raises InputError when the regular expression is not RE2.
    """

    kind: MatchKind
    name: str
    value: str
    _test: Callable[[str], bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_test", _compile(self.kind, self.value))

    def matches(self, value: str) -> bool:
        """Whether a label value satisfies the condition."""
        return self._test(value)

    def matching(self, values: Iterable[str]) -> list[str]:
        """Those label values that satisfy the condition: `matches` for very many."""
        if self.kind == "=~" and (prefix := _PREFIX.fullmatch(self.value)):
            begin = prefix[1]
            return [value for value in values if value.startswith(begin)]
        return list(filter(self._test, values))

    def matches_empty(self) -> bool:
        """Whether a series without the label satisfies the condition."""
        return self._test("")

    def literals(self) -> frozenset[str] | None:
        """The only values that can satisfy `=` or an alternation of literals; None when open."""
        if self.kind == "=":
            return frozenset((self.value,))
        if self.kind == "=~" and _ALTERNATION_OF_LITERALS.fullmatch(self.value):
            return frozenset(self.value.split("|"))
        return None

    def __str__(self) -> str:
        return f"{self.name}{self.kind}{quote(self.value)}"


def _compile(kind: MatchKind, value: str) -> Callable[[str], bool]:
    if kind == "=":
        return value.__eq__
    if kind == "!=":
        return value.__ne__
    if _ALTERNATION_OF_LITERALS.fullmatch(value):
        allowed = frozenset(value.split("|"))
        return allowed.__contains__ if kind == "=~" else lambda text: text not in allowed
    pattern = compile_regex(value)
    if _SIMPLE.fullmatch(value):  # ten times as fast as RE2 is from Python
        pattern = re.compile(value, re.DOTALL)
    if kind == "=~":
        return lambda text: pattern.fullmatch(text) is not None
    return lambda text: pattern.fullmatch(text) is None


def matches_all(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether a label set satisfies every matcher."""
    return all(matcher.matches(labels.get(matcher.name, "")) for matcher in matchers)
