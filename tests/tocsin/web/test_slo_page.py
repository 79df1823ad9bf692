"""The page of one objective: who used its budget, the odds, the period, its gate and groups."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from unittest.mock import MagicMock

from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from collector.model.errors import UnavailableError
from slo.attribution import Attribution, Share
from slo.budget import Budget, PeriodEstimate
from slo.burn_rate import Tier
from slo.composite import Composite, Part
from slo.indicators import INDICATORS
from slo.objective import Objective
from slo.policy import PolicyStep
from slo.verdict import TierVerdict, Verdict
from slo.window import Window
from tocsin.web.router import web_router
from tocsin.web.slo_attribution import LONGEST_MS, SHARES_SHOWN

NOW_MS = 1_700_000_000_000
TARGET = Fraction(999, 1000)
EVENTS = INDICATORS["ratio"](bad='requests_total{code="500"}', total="requests_total")
TIERS = (
    TierVerdict(Tier("page", 3_600_000, 300_000, 14.4), 20, 30, True, 1e-6),
    TierVerdict(Tier("ticket", 86_400_000, 7_200_000, 3), 1, 1, False),
)


def verdict(tenant: str = "", bad: float = 100) -> Verdict:
    objective = Objective(
        "shop", "orders", TARGET, Window(86_400_000), EVENTS,
        group=(("tenant", tenant),) if tenant else (),
        notes=("a <note> of its spec",),
    )  # fmt: skip
    return Verdict(
        objective, NOW_MS, Budget(TARGET, bad, 1_000_000), {"1h": 20.0}, TIERS, "burning", 1.0,
        warnings=("a warning",), firing_since_ms={"page": NOW_MS},
    )  # fmt: skip


class Slos:
    """Stands for the engine: verdicts as given, and who had the bad events."""

    def __init__(self, *verdicts: Verdict, bad: tuple[float, ...] = (75, 25)) -> None:
        self._verdicts = verdicts
        self._bad = bad
        self.asked_ms = 0

    def verdicts(self) -> list[Verdict]:
        return list(self._verdicts)

    def verdict(self, identity: str) -> Verdict | None:
        return next((one for one in self._verdicts if one.objective.id == identity), None)

    @property
    def policies(self) -> SimpleNamespace:
        return SimpleNamespace(since_ms=lambda _: {"25%": NOW_MS})

    @property
    def objectives(self) -> list[Objective]:
        return [one.objective for one in self._verdicts]

    def history(self, *_: object) -> None:
        """Nothing is drawn: charts have tests of their own."""

    def attribution(self, _: str, start_ms: int, end_ms: int) -> Attribution | None:
        self.asked_ms = end_ms - start_ms
        whole = sum(self._bad)
        shares = tuple(
            Share("pod", f"<p{number}>", bad, 1000, bad / whole if whole else 0)
            for number, bad in enumerate(self._bad)
        )
        return Attribution(start_ms, end_ms, whole, 1000.0 * len(shares), shares)


def page(slos: Slos, path: str = "/slos/shop/orders") -> str:
    parts = SimpleNamespace(
        clock=ManualClock(NOW_MS),
        alerts=SimpleNamespace(alerts=list, on_call=MagicMock()),
        slos=slos,
        config=SimpleNamespace(slos=SimpleNamespace(tick=5000)),
    )
    app = FastAPI()
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    answer = TestClient(app).get(path)
    assert answer.status_code == 200
    return str(answer.text)


def test_who_used_the_budget_is_named_with_the_share() -> None:
    text = page(Slos(verdict()))
    assert "pod=&#34;&lt;p0&gt;&#34;" in text
    assert "75.0 %" in text
    assert "bad events of the last 1h" in text


def test_series_are_not_counted_further_back_than_the_limit() -> None:
    slos = Slos(verdict())
    assert "bad events of the last 6h" in page(slos, "/slos/shop/orders?range=30d")
    assert slos.asked_ms == LONGEST_MS


def test_small_shares_are_counted() -> None:
    text = page(Slos(verdict(), bad=(1.0,) * (SHARES_SHOWN + 4)))
    assert "4 more values have fewer" in text


def test_where_nobody_stands_out_it_says_why() -> None:
    assert "No bad event." in page(Slos(verdict(), bad=(0.0, 0.0)))
    assert "No bad event." in page(Slos(verdict(), bad=()))


def test_a_store_that_is_away_does_not_take_the_page_with_it() -> None:
    slos = Slos(verdict())

    def away(*_: object) -> None:
        raise UnavailableError("the store does not answer")

    slos.attribution = away  # type: ignore[assignment, method-assign]
    assert "the store does not answer" in page(slos)


def test_a_tier_that_fires_tells_how_rarely_chance_does_it() -> None:
    text = page(Slos(verdict()))
    assert "1 in 1,000,000" in text
    assert text.count("1 in ") == 1


def test_a_calendar_period_tells_what_it_is_expected_to_end_with() -> None:
    one = verdict()
    period = PeriodEstimate(one.budget, 2_000_000, NOW_MS + 86_400_000)
    text = page(Slos(replace(one, period=period)))
    assert "Left of the period" in text
    assert "95.0 %" in text
    assert "ends 2023-11-15 22:13:20 UTC" in text
    assert "Left of the period" not in page(Slos(one))


def test_the_gate_of_the_service_and_what_shuts_it() -> None:
    text = page(Slos(verdict()))
    assert "May shop be changed now?" in text
    assert "orders: it pages, burning 20x faster than allowed" in text


def test_a_group_shows_the_others_of_its_objective_worst_first() -> None:
    slos = Slos(verdict("a"), verdict("b", 800))
    text = page(slos, "/slos/shop/orders%7Btenant%3D%22a%22%7D")
    inner = text.partition("Groups of this objective")[2]
    assert inner.index("tenant=&#34;b&#34;") < inner.index("tenant=&#34;a&#34;")
    assert "Groups of this objective" not in page(Slos(verdict()))


def test_remarks_are_shown() -> None:
    text = page(Slos(verdict()))
    assert "a warning" in text
    assert "a &lt;note&gt; of its spec" in text


def test_a_composite_shows_its_parts_and_a_part_what_it_is_in() -> None:
    whole = verdict()
    parts = (Part("shop/part"), Part("shop/grouped", 2))
    composite = Composite("weighted", parts)
    whole = replace(whole, objective=replace(whole.objective, name="whole", composite=composite))
    part = verdict()
    part = replace(part, objective=replace(part.objective, name="part"))
    slos = Slos(whole, part)
    top = page(slos, "/slos/shop/whole")
    assert "weighted of shop/part, 2 x shop/grouped" in top
    assert '<a href="/slos/shop/part">part</a>' in top
    assert "With all of their groups: shop/grouped." in top
    below = page(slos, "/slos/shop/part")
    assert "What it is a part of" in below
    assert '<a href="/slos/shop/whole">whole</a>' in below
    assert "belong together" not in page(Slos(verdict()))


def test_a_policy_shows_which_of_its_steps_are_in_force() -> None:
    one = verdict()
    steps = (
        PolicyStep(Fraction(1, 4), notify=True, webhook="<tickets>"),
        PolicyStep(Fraction(1, 10), freeze=True),
    )
    text = page(Slos(replace(one, objective=replace(one.objective, policy=steps))))
    assert "notifies the owner, tells &lt;tickets&gt;" in text
    assert text.index("in force") < text.index("freezes changes") < text.index("not yet")
    assert "Error-budget policy" not in page(Slos(one))
