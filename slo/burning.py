"""Which tiers burn: over the factor on both windows, by more than chance, and not over already.

A tier begins to burn when both of its windows exceed its factor, the errors of both are too many
for a service that keeps its objective (`significance`), and no window up to the short one shows
that the burn has ended. It ceases when the short window is under the factor or, for a page, as
soon as a shorter window proves the recovery: without that a total outage of some minutes pages for
another half hour. Without data nothing begins and nothing ends: silence is no recovery.

One incident is one notification: a ticket does not begin while the same objective pages, nor until
its own short window holds nothing of the time of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s, Int64s
from slo.burn_rate import Tier
from slo.ledger import Counts
from slo.significance import (
    HINT_OF_RECOVERY,
    SURE_OF_BURN,
    SURE_OF_RECOVERY,
    chance_of_at_least,
    chance_of_at_most,
)
from slo.slices import pick

NEVER_MS = -1


@dataclass(frozen=True, slots=True)
class Windows:
    """What the windows of all objectives say, by window in ms; `allowed` float64[n] is a ratio.

    `shorter_ms` are, by tier, the windows of its own policy up to its short one: what a page does
    must not hang on the windows that other objectives have.
    """

    allowed: Float64s
    shorter_ms: Mapping[Tier, Sequence[int]]
    counts: Mapping[int, Counts]
    rates: Mapping[int, Float64s]

    def is_over(self, tier: Tier) -> tuple[Bools, Bools]:
        """Masks of the objectives whose long, and whose short window exceeds the factor."""
        return self.rates[tier.long_ms] > tier.factor, self.rates[tier.short_ms] > tier.factor

    def is_beyond_chance(self, tier: Tier, columns: Int64s) -> Bools:
        """Which of these had more errors, in both windows, than their objective explains."""
        return np.asarray(self.chance(tier, columns) < SURE_OF_BURN)

    def chance(self, tier: Tier, columns: Int64s) -> Float64s:
        """The odds that a service which keeps its objective looks so: of the likelier window."""
        of = [self._chance(ms, columns) for ms in (tier.long_ms, tier.short_ms)]
        return np.maximum(*of)

    def _chance(self, window_ms: int, columns: Int64s) -> Float64s:
        counts = self.counts[window_ms]
        expected = counts.total[columns] * self.allowed[columns]
        return chance_of_at_least(counts.bad[columns], expected)

    def still_fails(self, tier: Tier, columns: Int64s) -> Bools:
        """Which of these had a bad event in the shortest window.

        With little traffic a rate can cross the factor because good events leave the window: that
        is no reason to get up.
        """
        shortest = self.counts[self.shorter_ms[tier][0]]
        return np.asarray(shortest.bad[columns] > 0)

    def has_recovered(self, tier: Tier, columns: Int64s, odds: float) -> Bools:
        """Which of these show, in a window up to the short one, that the burn is over.

        It is at most half the factor there, and errors are fewer than chance (`odds`) would have
        it at the rate of the short window, which still remembers how it burnt.
        """
        burnt = np.maximum(self.rates[tier.short_ms][columns], tier.factor)
        recovered = np.zeros(len(columns), np.bool_)
        for ms in self.shorter_ms[tier]:
            bad, total = self.counts[ms].bad[columns], self.counts[ms].total[columns]
            rare = chance_of_at_most(bad, total * self.allowed[columns] * burnt) < odds
            recovered |= rare & (self.rates[ms][columns] <= tier.factor / 2)
        return recovered


@dataclass(frozen=True, slots=True)
class Burning:
    """`by_tier`: masks of objectives that burn; `paged_ms` int64[n]: when each last paged."""

    by_tier: Mapping[Tier, Bools]
    paged_ms: Int64s

    def moved(self, sources: Int64s) -> Burning:
        """The same of other objectives: column i is `sources[i]`, nothing where that is -1."""
        kept = sources >= 0
        by_tier = {tier: pick(mask, sources) for tier, mask in self.by_tier.items()}
        return Burning(by_tier, np.where(kept, pick(self.paged_ms, sources), NEVER_MS))

    def any_of(self, severity: str) -> Bools:
        """Objectives that burn by a tier of the severity."""
        masks = [mask for tier, mask in self.by_tier.items() if tier.severity == severity]
        none = np.zeros(len(self.paged_ms), np.bool_)
        return np.asarray(np.logical_or.reduce([none, *masks]), np.bool_)


def nothing_burns(count: int) -> Burning:
    """The state before the first tick."""
    return Burning({}, np.full(count, NEVER_MS, np.int64))


def next_burning(
    now_ms: int,
    tiers: Sequence[tuple[Tier, Bools]],
    windows: Windows,
    has_data: Bools,
    pages: Bools,
    before: Burning,
) -> Burning:
    """What burns now.

    `tiers` come with masks of the objectives that have them; `pages` are those whose pages are
    sent, and so stand for their tickets.
    """
    by_tier: dict[Tier, Bools] = {}
    paged_ms = before.paged_ms.copy()
    for tier, mine in sorted(tiers, key=lambda one: one[0].severity != "page"):
        former = before.by_tier.get(tier, np.zeros_like(mine))
        free = mine if tier.severity == "page" else mine & is_free(tier, now_ms, paged_ms)
        now = _burns(tier, windows, former, free)
        by_tier[tier] = np.where(has_data, now, former) & mine
        if tier.severity == "page":
            paged_ms[by_tier[tier] & pages] = now_ms
    return Burning(by_tier, paged_ms)


def is_free(ticket: Tier, now_ms: int | Int64s, paged_ms: Int64s) -> Bools:
    """Where a ticket may begin: its short window holds nothing of the time of a page."""
    return np.asarray((paged_ms == NEVER_MS) | (now_ms - paged_ms > ticket.short_ms))


def _burns(tier: Tier, windows: Windows, former: Bools, free: Bools) -> Bools:
    """Former ones that go on and free ones that begin; tails are asked only where they decide."""
    over_long, over_short = windows.is_over(tier)
    burns = over_short & former
    goes_on = np.flatnonzero(burns)
    burns[goes_on] = may_go_on(tier, windows, goes_on)
    begins = np.flatnonzero(over_short & over_long & free & ~former)
    burns[begins] = may_begin(tier, windows, begins)
    return burns


def may_begin(tier: Tier, windows: Windows, columns: Int64s) -> Bools:
    """Which of these, over the factor on both windows, are a burn of now and not of chance."""
    sure = windows.is_beyond_chance(tier, columns)
    if tier.severity == "page":
        sure &= windows.still_fails(tier, columns)
    return sure & ~windows.has_recovered(tier, columns, HINT_OF_RECOVERY)


def may_go_on(tier: Tier, windows: Windows, columns: Int64s) -> Bools:
    """Which of these, that burnt and are over the factor on the short window, still burn."""
    if tier.severity != "page":
        return np.ones(len(columns), np.bool_)
    return ~windows.has_recovered(tier, columns, SURE_OF_RECOVERY)
