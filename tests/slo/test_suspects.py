"""Where a burn began, and which deploys came shortly before."""

from __future__ import annotations

import numpy as np

from collector.model.deploy import Deploy, NoDeploys
from slo.history import History
from slo.suspects import BEFORE_MS, burn_began_ms, suspects

MINUTE = 60_000


def history(bad: list[int], total: int = 1000) -> History:
    steps = np.arange(1, len(bad) + 1, dtype=np.int64) * MINUTE
    counts = np.array(bad, float)
    whole = np.full(len(bad), float(total))
    return History(steps, whole - counts, counts, whole, whole, {}, np.ones_like(steps))


class Log:
    def __init__(self, *deploys: Deploy) -> None:
        self.deploys = deploys

    def between(self, after_ms: int, until_ms: int, service: str = "") -> list[Deploy]:
        return [
            one
            for one in self.deploys
            if after_ms < one.at_ms <= until_ms and service in ("", one.service)
        ]


def test_a_burn_begins_with_its_run_of_burning_steps(objective) -> None:
    one = objective()
    assert burn_began_ms(one, history([0, 1, 0, 2, 9, 40, 8, 1])) == 3 * MINUTE
    assert burn_began_ms(one, history([40, 9])) == 0
    assert burn_began_ms(one, history([0, 0, 0])) is None
    assert burn_began_ms(one, history([0, 1, 1])) is None  # at the rate that is allowed
    assert burn_began_ms(one, history([5])) is None


def test_the_nearest_deploy_of_the_services_is_named_first() -> None:
    began = 10 * BEFORE_MS
    old = Deploy("d1", "shop", "1", began - BEFORE_MS)
    before = Deploy("d2", "shop", "2", began - 20 * MINUTE)
    near = Deploy("d3", "shop", "3", began - 2 * MINUTE)
    other = Deploy("d4", "cart", "4", began - MINUTE)
    within = Deploy("d5", "shop", "5", began + MINUTE)
    later = Deploy("d6", "shop", "6", began + MINUTE + 1)
    log = Log(old, before, near, other, within, later)
    assert suspects(log, ["shop"], began, MINUTE) == [within, near, before]
    assert suspects(log, ["shop", "cart"], began, MINUTE) == [within, other, near, before]
    assert suspects(NoDeploys(), ["shop"], began, MINUTE) == []
