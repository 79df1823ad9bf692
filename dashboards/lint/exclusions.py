"""The `.lint` file beside a dashboard: which findings are meant, and why.

Its form is dashboard-linter's: `exclusions`, then a rule's name, `reason` and `entries` of
`dashboard`, `panel`, `targetIdx`; a rule without entries is left out altogether.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from collector.model.errors import ConfigError, Where
from dashboards.lint.finding import Finding


@dataclass(frozen=True, slots=True)
class Entry:
    """One place; what is not given matches any."""

    dashboard: str = ""
    panel: str = ""
    target: int = -1

    def matches(self, finding: Finding) -> bool:
        """Whether this is the place of the finding."""
        return (
            self.dashboard in ("", finding.dashboard)
            and self.panel in ("", finding.panel)
            and self.target in (-1, finding.target)
        )


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Rule -> its entries; none means everywhere."""

    entries: Mapping[str, Sequence[Entry]]

    def has(self, rule: str, finding: Finding) -> bool:
        """Whether the finding is meant to be."""
        entries = self.entries.get(rule)
        return entries is not None and (
            not entries or any(entry.matches(finding) for entry in entries)
        )


def read_exclusions(text: str, file: str = ".lint") -> Exclusions:
    """The exclusions of a `.lint` file; its warnings are kept, as a warning is worth reading.

    Raises ConfigError when it is not of that form.
    """
    try:
        document = yaml.safe_load(text) or {}
        rules = document.get("exclusions") or {}
        return Exclusions({name: _entries(rule) for name, rule in rules.items()})
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise ConfigError(
            f"not a lint configuration: {error}",
            where=Where(file),
            advice="write exclusions: {rule: {reason: …, entries: [{panel: …}]}}",
        ) from error


def _entries(rule: Mapping[str, list[Mapping[str, str]]] | None) -> list[Entry]:
    found = (rule or {}).get("entries") or []
    return [
        Entry(one.get("dashboard", ""), one.get("panel", ""), int(one.get("targetIdx", -1)))
        for one in found
    ]
