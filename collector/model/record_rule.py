"""`RecordRule`: which spans or log records count as events, and which of those are bad.

A rule is a set of matchers on a record's fields (all must hold), and what makes a record bad: more
matchers, or that it took longer than a time. Pure: a record is a mapping of names to texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from collector.model.matchers import Matcher, matches_all

RecordKind = Literal["spans", "logs"]
COUNTED_RECORDS = "tocsin_counted_records_total"
RULE, OUTCOME = "rule", "outcome"
SERVICE = "service"
SEVERITIES = ("trace", "debug", "info", "warn", "error", "fatal")
"""Names of OTLP's severity numbers, four numbers each."""


@dataclass(frozen=True, slots=True)
class Record:
    """What rules look at of one span or log record: its fields, and how long it took."""

    fields: Mapping[str, str]
    duration_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordRule:
    """Rule `name`; `bad` and `slower_than_ms` (spans only) each make a record bad.

    `labels` are fields whose values tell groups apart, dots as underscores.
    """

    name: str
    kind: RecordKind
    where: tuple[Matcher, ...]
    bad: tuple[Matcher, ...] = ()
    slower_than_ms: float | None = None
    labels: tuple[str, ...] = ()

    def concerns(self, fields: Mapping[str, str]) -> bool:
        """Whether a record is of the service that the rule asks for, if it asks for one."""
        return all(
            one.matches(fields.get(SERVICE, "")) for one in self.where if one.name == SERVICE
        )

    def counts(self, fields: Mapping[str, str]) -> bool:
        """Whether a record is an event of this rule."""
        return matches_all(self.where, fields)

    def is_bad(self, fields: Mapping[str, str], duration_ms: float) -> bool:
        """Whether one that counts is a bad event."""
        if self.slower_than_ms is not None and duration_ms > self.slower_than_ms:
            return True
        return bool(self.bad) and matches_all(self.bad, fields)

    def group(self, fields: Mapping[str, str]) -> tuple[str, ...]:
        """The values of the labels."""
        if not self.labels:
            return ()
        named = {name.replace(".", "_"): value for name, value in fields.items()}
        return tuple(named.get(label, "") for label in self.labels)


def severity_name(number: int) -> str:
    """The name of an OTLP severity number; "" for 0, which says nothing."""
    return SEVERITIES[min(number - 1, 23) // 4] if number > 0 else ""


def at_least(severity: str) -> Sequence[str]:
    """Severities from one on; raises ValueError for a name that is none."""
    return SEVERITIES[SEVERITIES.index(severity) :]
