"""What Prometheus's links ask of the query page."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from collector.model.errors import InputError
from tocsin.web.query_form import MAX_PANELS, QueryForm, form_of, further

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("given", "tab"),
    [
        ("0", "graph"), ("graph", "graph"), ("1", "table"), ("table", "table"), ("", "table"),
        ("explain", "explain"), ("7", "table"),
    ],
)  # fmt: skip
def test_the_tabs_have_the_names_of_both_prometheus_pages(given: str, tab: str) -> None:
    assert form_of({"g0.expr": "up", "g0.tab": given}).tab == tab


def test_a_form_as_a_link_is_the_same_form() -> None:
    form = QueryForm('up{a="b&c"} + 1', "graph", "2h", "2023-11-14 22:13:20", "", "15s")
    assert form_of(dict(parse_qsl(form.href.partition("?")[2]))) == form


@pytest.mark.parametrize(
    "text",
    ["2023-11-14 22:13:20", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "1700000000"],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str) -> None:
    assert QueryForm(end=text, moment=text).end_ms(0) == NOW_MS
    assert QueryForm(moment=text).moment_ms(0) == NOW_MS


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-1", "1e18", "2023-13-01 00:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a time"):
        QueryForm(end=text).end_ms(NOW_MS)


def test_no_time_is_now() -> None:
    assert QueryForm().end_ms(NOW_MS) == QueryForm().moment_ms(NOW_MS) == NOW_MS


@pytest.mark.parametrize(
    ("range_text", "step", "step_ms"),
    [("1h", "", 14_400), ("1m", "", 1000), ("1h", "60", 60_000), ("1h", "1m30s", 90_000)],
)
def test_a_step_is_chosen_or_fits_the_range(range_text: str, step: str, step_ms: int) -> None:
    assert QueryForm(range_text=range_text, step=step).step_ms() == step_ms


@pytest.mark.parametrize(("range_text", "step"), [("1h", "0"), ("1h", "nan"), ("0", ""), ("x", "")])
def test_an_empty_range_or_step_is_refused(range_text: str, step: str) -> None:
    with pytest.raises(InputError):
        QueryForm(range_text=range_text, step=step).step_ms()


def test_too_many_points_are_refused_with_a_step_that_works() -> None:
    with pytest.raises(InputError) as caught:
        QueryForm(range_text="1d", step="1s").step_ms()
    step = caught.value.advice.split()[3]
    assert QueryForm(range_text="1d", step=step).step_ms() > 0


def test_a_graph_moves_by_half_of_its_range_and_not_into_the_future() -> None:
    form = QueryForm("up", "graph", "1h")
    earlier = form.moved(-1, NOW_MS)
    assert earlier.end_ms(NOW_MS) == NOW_MS - HOUR_MS // 2
    assert earlier.moved(1, NOW_MS).end == ""


def test_the_other_panels_of_a_link_are_kept() -> None:
    given = {"g0.expr": "up", "g1.expr": "down", "g1.tab": "0", "g2.expr": " ", "g3.expr": "x"}
    assert [(one.expr, one.tab) for one in further(given)] == [("down", "graph"), ("x", "table")]
    assert further({f"g{MAX_PANELS}.expr": "up"}) == []
