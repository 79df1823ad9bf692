"""The workbook's table, the factors of other windows, and tiers that can't fire."""

from __future__ import annotations

from fractions import Fraction

import pytest

from slo.burn_rate import Tier, tiers_for, warnings_of
from slo.window import DAY_MS

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
WINDOWS = [
    ("page", HOUR_MS, 5 * MINUTE_MS),
    ("page", 144 * MINUTE_MS, 12 * MINUTE_MS),
    ("page", 6 * HOUR_MS, 30 * MINUTE_MS),
    ("ticket", DAY_MS, 2 * HOUR_MS),
    ("ticket", 3 * DAY_MS, 6 * HOUR_MS),
]


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, [14.4, 6.0, 6.0, 3.0, 1.0]),
        (28, [13.44, 5.6, 5.6, 2.8, 1.0]),
        (90, [43.2, 18.0, 18.0, 9.0, 3.0]),
        (7, [3.36, 1.4, 1.4, 1.0, 1.0]),
    ],
)
def test_factors_follow_from_the_share_of_the_budget(days: int, factors: list[float]) -> None:
    tiers = tiers_for(days * DAY_MS)
    assert [(tier.severity, tier.long_ms, tier.short_ms) for tier in tiers] == WINDOWS
    assert [tier.factor for tier in tiers] == factors


def test_a_window_under_a_week_scales_the_windows_of_its_tiers() -> None:
    tiers = tiers_for(DAY_MS)
    assert [tier.factor for tier in tiers] == [14.4, 6.0, 6.0, 3.0, 1.0]
    assert [tier.long_ms for tier in tiers] == [120_000, 288_000, 720_000, 2_880_000, 8_640_000]


def test_a_tier_that_no_error_rate_can_reach_is_a_warning() -> None:
    warnings = warnings_of(Fraction(1, 10), tiers_for(30 * DAY_MS))
    assert warnings == (
        "the page alert 14.4x on 1h/5m can never fire: at 90 % even 100 % errors burn only 10x",
    )
    assert not warnings_of(Fraction(1, 1000), tiers_for(30 * DAY_MS))


def test_a_tier_at_the_very_edge_is_dead() -> None:
    tier = Tier("page", HOUR_MS, MINUTE_MS, 10.0)
    assert tier.is_dead(Fraction(1, 10))
    assert not tier.is_dead(Fraction(9, 100))
