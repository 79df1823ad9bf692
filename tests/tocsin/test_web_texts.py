import pytest

from tocsin.web import texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.12, "120ms"), (8, "8s"), (60, "1m"), (61, "1m 1s"), (6720, "1h 52m"), (90_000, "1d 1h")],
)
def test_a_span_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert texts.span(seconds) == text


def test_past_and_future_are_told_apart() -> None:
    assert texts.ago(1000, 13_000) == "12s ago"
    assert texts.ago(301_000, 1000) == "in 5m"
    assert texts.ago(1000, 1500) == "now"


def test_an_objective_shows_the_digits_that_were_written() -> None:
    assert texts.objective(0.999) == "99.9 %"
    assert texts.objective(0.99) == "99 %"
    assert texts.objective(0.99999) == "99.999 %"


def test_what_is_not_known_is_a_dash() -> None:
    assert texts.percent(None) == texts.burn(None) == "–"


@pytest.mark.parametrize(
    ("chance", "text"),
    [(1.0, "–"), (0.05, "–"), (1e-4, "1 in 10,000"), (0.0, "below 1 in a billion")],
)
def test_odds_are_told_where_chance_is_unlikely(chance: float, text: str) -> None:
    assert texts.odds(chance) == text


@pytest.mark.parametrize("url", ["http://a/b", "https://a", "/slos/a/b"])
def test_a_link_to_a_page_stays(url: str) -> None:
    assert texts.link(url) == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", ""])
def test_a_link_that_would_run_something_is_none(url: str) -> None:
    assert texts.link(url) == ""
