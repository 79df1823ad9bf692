"""The burn-rate policy over frozen incidents and quiet traffic, beside its peers' formulas."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable

import numpy as np
import pytest

from slo.burning import nothing_burns
from slo.judgement import Criteria
from slo.ledger import Counts

INCIDENTS = importlib.import_module("tests.oracles.incident_corpus")
QUIET = importlib.import_module("tests.oracles.quiet_traffic")

INCIDENT_COUNT = 1000
EPOCH_MS = 1_700_000_000_000
QUIET_DAYS = float(os.environ.get("TOCSIN_QUIET_DAYS", "60"))
QUIET_SEEDS = 20


class Policy:
    """Asks the product's own judgement, one objective a column."""

    def __init__(self, count: int, objective: Callable[..., object]) -> None:
        self._criteria = Criteria([objective(name=f"slo-{i}") for i in range(count)])
        self._data = np.ones(count, np.bool_)
        self._before = nothing_burns(count)

    def firing(self, at_seconds: float, counts: Callable[[float], tuple]) -> dict:
        now_ms = EPOCH_MS + int(at_seconds * 1000)

        def of(window_ms: int) -> Counts:
            return Counts(now_ms - window_ms, now_ms, *counts(window_ms / 1000))

        judgement = self._criteria.judge(now_ms, of, self._data, self._before)
        self._before = judgement.burning
        return dict(judgement.firing)

    def pages_on(self, corpus) -> Callable[[float], np.ndarray]:
        return lambda at: self.firing(at, lambda window: corpus.counts(window, at))["page"]

    def pages_quietly(self, step: int, counts) -> np.ndarray:
        return self.firing(step * QUIET.STEP_SECONDS, counts)["page"]


@pytest.fixture(scope="module", params=["SEED", "HOLD_OUT"])
def corpus(request):
    return INCIDENTS.corpus(INCIDENT_COUNT, getattr(INCIDENTS, request.param))


def test_every_incident_that_must_page_does_once_and_no_later_than_by_the_workbook(
    corpus, objective, capsys
) -> None:
    ours = INCIDENTS.run(corpus, Policy(INCIDENT_COUNT, objective).pages_on(corpus))
    workbook = INCIDENTS.run(corpus, INCIDENTS.Thresholds(corpus, INCIDENTS.WORKBOOK))
    pyrra = INCIDENTS.run(corpus, INCIDENTS.Thresholds(corpus, INCIDENTS.PYRRA))
    figures = {
        name: outcome.summary(corpus)
        for name, outcome in (("tocsin", ours), ("sloth", workbook), ("pyrra", pyrra))
    }
    with capsys.disabled():
        print(*(f"\n{name}: {found}" for name, found in figures.items()))
    tocsin = figures["tocsin"]
    assert tocsin["recall_ratio"] >= 0.99
    assert tocsin["recall_ratio"] > figures["sloth"]["recall_ratio"]
    assert tocsin["paged_twice_ratio"] <= 0.01
    assert tocsin["resolved_max_seconds"] <= 360
    both = (ours.episodes > 0) & (workbook.episodes > 0)
    assert (ours.detection_seconds[both] <= workbook.detection_seconds[both]).all()


def test_what_pages_outside_the_definition_spent_nearly_as_much(corpus, objective) -> None:
    ours = INCIDENTS.run(corpus, Policy(INCIDENT_COUNT, objective).pages_on(corpus))
    outside = (ours.episodes > 0) & ~corpus.must_page
    month = INCIDENTS.BUDGET_DAYS * INCIDENTS.DAY_SECONDS
    own = corpus.burn * corpus.seconds / month
    base = corpus.base_burn * np.maximum(144 * 60 - corpus.seconds, 0) / month
    assert (own[outside] + base[outside] >= INCIDENTS.MUST_PAGE_SHARE).all()
    assert (corpus.burn[outside] >= INCIDENTS.MUST_PAGE_BURN).all()


@pytest.mark.parametrize("rate", [0.002, 0.005, 0.01, 0.02, 0.1, 1])
def test_a_quiet_service_that_keeps_its_objective_pages_nobody(rate: float, objective) -> None:
    stream = QUIET.quiet(rate, QUIET_DAYS if rate < 1 else QUIET_DAYS / 10, QUIET_SEEDS, seed=7)
    pages = QUIET.episodes(stream, Policy(QUIET_SEEDS, objective).pages_quietly)
    slo_years = QUIET_SEEDS * QUIET_DAYS / 365
    assert pages.sum() <= slo_years
    assert pages.max() <= 1


@pytest.mark.parametrize(
    ("rate", "errors", "later_seconds"), [(0.02, 1.0, 90), (0.1, 1.0, 0), (1, 1.0, 0), (1, 0.1, 30)]
)
def test_caution_costs_an_outage_of_a_quiet_service_little(
    rate: float, errors: float, later_seconds: float, objective
) -> None:
    stream = QUIET.outage(rate, 6, QUIET_SEEDS, seed=3, errors=errors)
    ours = QUIET.detection_seconds(stream, 6, Policy(QUIET_SEEDS, objective).pages_quietly)
    plain = QUIET.detection_seconds(stream, 6, workbook_pages)
    assert np.median(ours) <= np.median(plain) + later_seconds


def workbook_pages(_: int, counts) -> np.ndarray:
    def rate(window_seconds: float) -> np.ndarray:
        bad, total = counts(window_seconds)
        allowed = total * QUIET.ALLOWED
        return np.divide(bad, allowed, out=np.zeros_like(bad), where=allowed > 0)

    fast = (rate(3600) > 14.4) & (rate(300) > 14.4)
    return fast | ((rate(21600) > 6) & (rate(1800) > 6))


def test_one_incident_is_one_notification(objective) -> None:
    """A page stands for its ticket; the longer windows do not raise one when it is over."""
    corpus = INCIDENTS.corpus(200, INCIDENTS.HOLD_OUT)
    policy = Policy(200, objective)
    tickets, after_page = np.zeros(200, np.int64), np.zeros(200, np.bool_)
    former = {"page": np.zeros(200, np.bool_), "ticket": np.zeros(200, np.bool_)}
    for at in INCIDENTS.steps():
        now = policy.firing(at, lambda window, at=at: corpus.counts(window, at))
        begins = now["ticket"] & ~former["ticket"]
        after_page |= now["page"]
        tickets += begins & after_page & (at > corpus.seconds)
        assert not (begins & now["page"]).any()
        former = now
    assert after_page.any()
    assert not tickets.any()


@pytest.mark.parametrize("rate", [1 / 60, 0.1, 1])
def test_an_outage_of_a_quiet_service_pages_once(rate: float, objective) -> None:
    """Half an hour of it, then three hours in which the windows forget it bit by bit."""
    random = np.random.default_rng(11)
    steps = [round(hours * 3600 / QUIET.STEP_SECONDS) for hours in (6, 6.5, 9.5)]
    total = random.poisson(rate * QUIET.STEP_SECONDS, (steps[2], QUIET_SEEDS))
    bad = np.zeros_like(total)
    bad[steps[0] : steps[1]] = total[steps[0] : steps[1]]
    stream = QUIET.Stream(np.cumsum(bad, axis=0), np.cumsum(total, axis=0))
    policy, before = Policy(QUIET_SEEDS, objective), np.zeros(QUIET_SEEDS, np.bool_)
    episodes = np.zeros(QUIET_SEEDS, np.int64)
    for step in range(steps[0], steps[2]):
        now = policy.pages_quietly(step, stream.at(step))
        episodes += now & ~before
        before = now
    assert (episodes == 1).all()
