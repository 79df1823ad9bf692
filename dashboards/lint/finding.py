"""`Finding`: what a rule does not like, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`panel` is a title or "" for the whole dashboard; `target` a query's 0-based place or -1."""

    dashboard: str
    message: str
    panel: str = ""
    target: int = -1

    def __str__(self) -> str:
        target = f"query {self.target}" if self.target >= 0 else ""
        return ": ".join(
            part for part in (self.dashboard, self.panel, target, self.message) if part
        )
