"""Spans and log records as events: a rule that counts them as they come in, and its counters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from collector.model.errors import ConfigError, InputError
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher, MatchKind
from collector.model.record_rule import (
    COUNTED_RECORDS,
    OUTCOME,
    RULE,
    RecordKind,
    RecordRule,
    at_least,
)
from slo.objective import CounterTerm, Indicator

_OPERATORS: tuple[MatchKind, ...] = ("=~", "!~", "!=", "=")
_SEVERITY = re.compile(r">=\s*(\w+)")


def records(
    kind: RecordKind,
    rule: str,
    where: Mapping[str, str],
    bad: Mapping[str, str],
    slower_than_ms: float | None = None,
    labels: Sequence[str] = (),
) -> Indicator:
    """Total: records for which all of `where` holds; bad: those for which all of `bad` does too,

    or that took longer. A condition is a text, or one after `=~`, `!=`, `!~`; `severity` takes
    `>= error`. Raises ConfigError for one that can't be read, or where nothing is bad.
    """
    if not bad and slower_than_ms is None:
        raise ConfigError("no record is ever bad", advice="write bad, or slower_than")
    if slower_than_ms is not None and kind != "spans":
        raise ConfigError("only spans take time", advice="remove slower_than")
    made = RecordRule(rule, kind, _matchers(where), _matchers(bad), slower_than_ms, tuple(labels))
    total = (Matcher("=", METRIC_NAME, COUNTED_RECORDS), Matcher("=", RULE, rule))
    failed = (*total, Matcher("=", OUTCOME, "bad"))
    return Indicator(
        kind, (CounterTerm(1, failed),), (CounterTerm(1, total),), _queries(made), made
    )


def _matchers(conditions: Mapping[str, str]) -> tuple[Matcher, ...]:
    return tuple(_matcher(name, text) for name, text in conditions.items())


def _matcher(name: str, text: str) -> Matcher:
    found = _SEVERITY.fullmatch(text) if name == "severity" else None
    try:
        if found:
            return Matcher("=~", name, "|".join(at_least(found[1].lower())))
        kind = next((one for one in _OPERATORS if text.startswith(one)), None)
        value = text.removeprefix(kind).strip() if kind else text
        return Matcher(kind or "=", name, value)
    except ValueError as error:
        raise ConfigError(
            f"no such severity: {text!r}", advice="trace, debug, info, warn, error or fatal"
        ) from error
    except InputError as error:
        raise ConfigError(error.message, advice=error.advice) from error


def _queries(rule: RecordRule) -> tuple[tuple[str, str], ...]:
    total = f"{rule.kind}{{{', '.join(map(str, rule.where))}}}"
    bad = [f"{{{', '.join(map(str, rule.bad))}}}"] if rule.bad else []
    slow = [f"longer than {rule.slower_than_ms:g} ms"] if rule.slower_than_ms is not None else []
    return ("bad", " or ".join((*bad, *slow))), ("total", total)
