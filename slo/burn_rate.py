"""The multi-window, multi-burn-rate table as data, and the factors that follow for any window.

Source: Google, The Site Reliability Workbook, chapter 5, table 5-8, with the 1 d / 2 h ticket that
Sloth and others add. A tier is burning when the burn rates of both its windows exceed its factor:
the long window says that enough was spent, the short one that it still is being spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from slo.objective import Severity
from slo.window import DAY_MS, window_text

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS


@dataclass(frozen=True, slots=True)
class Tier:
    """Alert with `severity` when the burn rates over `long_ms` and `short_ms` exceed `factor`."""

    severity: Severity
    long_ms: int
    short_ms: int
    factor: float

    @property
    def text(self) -> str:
        """`14.4x on 1h/5m`."""
        return f"{self.factor:g}x on {window_text(self.long_ms)}/{window_text(self.short_ms)}"

    def is_dead(self, allowed: Fraction) -> bool:
        """Whether not even 100 % errors reach the factor: factor x (1 - target) >= 1."""
        return self.factor * float(allowed) >= 1


@dataclass(frozen=True, slots=True)
class Spend:
    """A share of the whole budget, spent within `long_ms`, that deserves an alert."""

    severity: Severity
    long_ms: int
    short_ms: int
    budget_share: Fraction


WORKBOOK_WINDOW_MS = 30 * DAY_MS
WORKBOOK: tuple[Spend, ...] = (
    Spend("page", _HOUR_MS, 5 * _MINUTE_MS, Fraction(2, 100)),
    Spend("page", 144 * _MINUTE_MS, 12 * _MINUTE_MS, Fraction(2, 100)),
    Spend("page", 6 * _HOUR_MS, 30 * _MINUTE_MS, Fraction(5, 100)),
    Spend("ticket", DAY_MS, 2 * _HOUR_MS, Fraction(10, 100)),
    Spend("ticket", 3 * DAY_MS, 6 * _HOUR_MS, Fraction(10, 100)),
)

SHORTEST_UNSCALED_MS = 7 * DAY_MS
"""Below a week an hour is so large a part that the tiers' own windows must shrink with it."""
LOWEST_FACTOR = Fraction(1)
"""A burn rate of 1 ends with the budget just spent: below it nobody needs to know."""


def tiers_for(window_ms: int) -> tuple[Tier, ...]:
    """The tiers of a budget window of `window_ms`.

    factor = budget share x window / long window, so 30 d gives 14.4, 6, 3, 1. From a week on the
    tiers' windows stay and the factors follow, not below 1; a shorter window scales the tiers'
    windows and keeps the factors of 30 d.
    """
    if window_ms >= SHORTEST_UNSCALED_MS:
        return tuple(_tier(spend, window_ms) for spend in WORKBOOK)
    scale = Fraction(window_ms, WORKBOOK_WINDOW_MS)
    return tuple(_scaled(spend, scale) for spend in WORKBOOK)


def _tier(spend: Spend, window_ms: int) -> Tier:
    factor = spend.budget_share * window_ms / spend.long_ms
    return Tier(spend.severity, spend.long_ms, spend.short_ms, float(max(factor, LOWEST_FACTOR)))


def _scaled(spend: Spend, scale: Fraction) -> Tier:
    factor = spend.budget_share * WORKBOOK_WINDOW_MS / spend.long_ms
    long_ms, short_ms = (max(1000, round(ms * scale)) for ms in (spend.long_ms, spend.short_ms))
    return Tier(spend.severity, long_ms, short_ms, float(factor))


def windows_of(tiers: Sequence[Tier]) -> tuple[int, ...]:
    """Every window that the tiers look at, in ms, shortest first."""
    return tuple(sorted({ms for tier in tiers for ms in (tier.short_ms, tier.long_ms)}))


@lru_cache(maxsize=256)
def warnings_of(allowed: Fraction, tiers: tuple[Tier, ...]) -> tuple[str, ...]:
    """What is wrong with these tiers for this share of allowed bad events, in words."""
    return tuple(
        f"the {tier.severity} alert {tier.text} can never fire: "
        f"at {float(1 - allowed) * 100:.6g} % even 100 % errors burn only {1 / float(allowed):.3g}x"
        for tier in tiers
        if tier.is_dead(allowed)
    )
