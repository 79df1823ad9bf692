"""Suggestions as `tocsin/v1`: why each indicator, and what each objective would have sent."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import indent

import yaml

from slo.objective import Objective
from slo.specs.writers.interface import Document, percent_text
from slo.specs.writers.native import write
from slo.suggest import Suggestion

_ABOVE = ("version", "service")


def suggestions_yaml(found: Sequence[Suggestion], title: str) -> str:
    """One specification of all (there is at least one); `title` is its first line, a comment."""
    service = found[0].chosen.objective.service
    head = f"# {title}\nversion: tocsin/v1\nservice: {service}\nslos:\n"
    return head + "\n".join(map(_entry, found))


def _entry(one: Suggestion) -> str:
    comments = "".join(f"  # {line}\n" for line in _comments(one))
    text = yaml.safe_dump([_fields(one.chosen.objective)], sort_keys=False, width=1000)
    return comments + indent(text, "  ")


def _comments(one: Suggestion) -> list[str]:
    replayed = one.chosen.replay
    lines = [
        f"{one.why}; {replayed.bad:,.0f} of {replayed.total:,.0f} events were bad",
        "objective   pages  tickets  budget used",
    ]
    for tried in one.tried:
        mark = "  <- proposed" if tried is one.chosen else ""
        lines.append(
            f"{percent_text(tried.objective) + '%':10} {tried.pages:6} {tried.tickets:8}"
            f" {tried.spent_ratio:12.1%}{mark}"
        )
    if one.chosen.spent_ratio > 1:
        lines.append("no objective was kept: this is the loosest")
    return lines


def _fields(objective: Objective) -> Document:
    (document,) = write([objective]).documents
    return {name: value for name, value in document.items() if name not in _ABOVE}
