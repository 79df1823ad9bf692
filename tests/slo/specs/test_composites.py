"""Composites in specifications: what they may say, and every mistake with its line and field."""

from __future__ import annotations

from fractions import Fraction

import pytest

from collector.model.errors import ConfigError
from slo.composite import COMBINATIONS, CompositeIndicator, services_of
from slo.objective import Indicator, Timeslices
from slo.specs import load_objectives, objectives_of, read_all
from slo.specs.writers import WRITERS, as_yaml

PARTS = """version: tocsin/v1
service: shop
slos:
  - {name: cart, objective: 99.9%, bad: cart_failed_total, total: cart_total}
  - {name: pay, objective: 99%, bad: pay_failed_total, total: pay_total}
  - {name: mail, objective: 95%, look_at: {query: mail_up, good_when: '>= 1'}}
"""


def with_slo(*lines: str) -> str:
    return PARTS + "  - name: whole\n    objective: 99.5%\n" + "".join(f"    {x}\n" for x in lines)


def whole(*lines: str):
    return objectives_of(with_slo(*lines), "a.yaml")[-1]


def test_a_sum_counts_events_as_often_as_they_weigh() -> None:
    indicator = whole("sum: {cart: 3, pay: 1}").indicator
    assert isinstance(indicator, Indicator)
    assert indicator.kind == "sum"
    assert [term.coefficient for term in indicator.bad] == [3, 1]
    assert [term.coefficient for term in indicator.total] == [3, 1]


def test_a_funnel_counts_the_events_of_its_first_part() -> None:
    indicator = whole("funnel: [cart, pay]").indicator
    assert isinstance(indicator, Indicator)
    assert [str(t.matchers[0]) for t in indicator.total] == ['__name__="cart_total"']
    assert len(indicator.bad) == 2


@pytest.mark.parametrize("kind", ["all_of", "any_of", "weighted", "journey"])
def test_others_look_at_slices_of_a_minute(kind: str) -> None:
    one = whole(f"{kind}: [cart, shop/pay, mail]")
    assert isinstance(one.indicator, CompositeIndicator)
    assert [part.id for part in one.indicator.parts] == ["shop/cart", "shop/pay", "shop/mail"]
    assert one.indicator.slices == Timeslices(60_000)
    assert one.budgeting is None
    name = kind.removesuffix("_of")
    assert one.composite.text == f"{name} of shop/cart, shop/pay, shop/mail"


def test_slices_may_have_a_length_a_target_and_a_policy() -> None:
    one = whole("all_of: [cart, mail]", "slices: {of: 5m, good: 90%, empty: bad}")
    assert one.indicator.slices == Timeslices(300_000, Fraction(9, 10), "bad")


def test_composites_nest_and_may_stand_before_their_parts() -> None:
    text = """version: tocsin/v1
service: site
slos:
  - {name: top, objective: 99%, all_of: [shop/inner, alone]}
  - {name: alone, objective: 99%, bad: a_failed_total, total: a_total}
---
version: tocsin/v1
service: shop
slos:
  - {name: inner, objective: 99%, any_of: [x, y]}
  - {name: x, objective: 99%, bad: x_failed_total, total: x_total}
  - {name: y, objective: 99%, bad: y_failed_total, total: y_total}
"""
    found = objectives_of(text, "a.yaml")
    top = next(one for one in found if one.name == "top")
    assert isinstance(top.indicator.parts[0].indicator, CompositeIndicator)
    assert set(services_of(top, found)) == {"site", "shop"}


def test_parts_may_be_in_other_files(tmp_path) -> None:
    (tmp_path / "a.yaml").write_text(
        "version: tocsin/v1\nservice: top\nname: all\nobjective: 99%\nsum: [shop/cart]\n"
    )
    (tmp_path / "b.yaml").write_text(PARTS)
    found = load_objectives([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert found[0].indicator.bad == found[1].indicator.bad


@pytest.mark.parametrize(
    ("lines", "line", "field", "words"),
    [
        (["all_of: [cart, none]"], 9, "all_of", "no SLO shop/none"),
        (["weighted:", "  cart: 1", "  other/x: 2"], 11, "x", "no SLO other/x"),
        (["all_of: [whole]"], 9, "all_of", "made of itself: shop/whole -> shop/whole"),
        (["sum: [cart, mail]"], 9, "sum", "shop/mail counts no events"),
        (["funnel: [cart]", "slices: {of: 1m}"], 10, "slices", "counts events, not slices"),
        (["journey: {cart: 1}"], 9, "journey", "no weights"),
        (["weighted: {cart: 0}"], 9, "cart", "whole number over 0"),
        (["weighted: {cart: 10001}"], 9, "cart", "1 to 10,000"),
        (["all_of: [cart, cart]"], 9, "all_of", "named twice"),
        (["all_of: []"], 9, "all_of", "1 to 100 parts"),
        (["all_of: [cart]", "any_of: [pay]"], 10, "any_of", "stands beside all_of"),
        (["all_of: [cart]", "total: x_total"], 10, "total", "stands beside all_of"),
        (["all_of: cart"], 9, "all_of", "list of texts"),
    ],
)
def test_mistakes_are_told_with_line_and_field(lines, line, field, words) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        whole(*lines)
    assert caught.value.where.line == line
    assert field in caught.value.where.field
    assert caught.value.where.file == "a.yaml"


def test_a_circle_of_several_is_told_as_one() -> None:
    circle = with_slo("all_of: [second]") + "  - {name: second, objective: 99%, any_of: [whole]}\n"
    with pytest.raises(ConfigError, match="shop/whole -> shop/second -> shop/whole"):
        objectives_of(circle, "a.yaml")
    found, errors = read_all(circle, "a.yaml")
    assert [one.name for one in found] == ["cart", "pay", "mail"]
    assert len(errors) == 1


@pytest.mark.parametrize("kind", COMBINATIONS)
def test_ours_is_written_as_it_was_read(kind: str) -> None:
    parts = "{cart: 3, pay: 1}" if kind in ("sum", "weighted") else "[cart, pay]"
    found = objectives_of(with_slo(f"{kind}: {parts}"), "a.yaml")
    written = WRITERS["tocsin"](found)
    assert not written.lost
    assert objectives_of(as_yaml(written), "b.yaml") == found


@pytest.mark.parametrize("form", ["openslo", "sloth"])
def test_other_formats_say_what_they_leave_out(form: str) -> None:
    written = WRITERS[form](objectives_of(with_slo("all_of: [cart, pay]"), "a.yaml"))
    assert any("shop/whole: left out" in one for one in written.lost)
