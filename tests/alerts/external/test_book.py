"""What an Alertmanager is told: beginnings and ends at once, the rest each minute."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.external import book
from alerts.external.book import LEASE_MS, RESEND_MS, RESOLVED_KEPT_MS, AlertBook
from collector.model import Alert, Labels
from collector.model.errors import LimitError

NOW = 1_000_000
DOWN = Alert(Labels({"alertname": "Down"}), {"summary": "x"}, NOW)


def told(book_: AlertBook, now_ms: int) -> list[Alert]:
    due = book_.due(now_ms)
    book_.told(due, now_ms)
    return due


def test_a_beginning_is_told_at_once_with_an_end_ahead() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    assert told(kept, NOW) == [replace(DOWN, ends_at_ms=NOW + LEASE_MS)]
    assert told(kept, NOW + RESEND_MS - 1) == []


def test_while_it_fires_it_is_told_each_minute_and_its_end_moves_on() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    told(kept, NOW)
    kept.take([DOWN], NOW + RESEND_MS)
    assert kept.next_due_ms() == NOW + RESEND_MS
    assert told(kept, NOW + RESEND_MS) == [replace(DOWN, ends_at_ms=NOW + RESEND_MS + LEASE_MS)]


def test_an_end_is_told_at_once_and_again_for_a_quarter_of_an_hour() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    told(kept, NOW)
    over = replace(DOWN, ends_at_ms=NOW + 5)
    kept.take([over], NOW + 5)
    assert told(kept, NOW + 5) == [over]
    assert told(kept, NOW + 5 + RESEND_MS) == [over]
    assert told(kept, NOW + 5 + RESOLVED_KEPT_MS) == []
    assert len(kept) == 0


def test_an_alert_whose_judge_fell_silent_is_told_no_more() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    assert told(kept, NOW + LEASE_MS) == []


def test_what_was_not_taken_stays_due() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    kept.due(NOW)
    assert len(kept.due(NOW + 1)) == 1


def test_an_end_that_comes_while_the_beginning_is_under_way_is_not_lost() -> None:
    kept = AlertBook()
    kept.take([DOWN], NOW)
    due = kept.due(NOW)
    over = replace(DOWN, ends_at_ms=NOW + 1)
    kept.take([over], NOW + 1)
    kept.told(due, NOW + 2)
    assert told(kept, NOW + 2) == [over]


def test_the_end_of_what_was_never_told_is_not_told() -> None:
    kept = AlertBook()
    kept.take([replace(DOWN, ends_at_ms=NOW)], NOW)
    assert kept.due(NOW) == []


def test_too_many_are_refused_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MAX_ALERTS", 1)
    kept = AlertBook()
    other = replace(DOWN, labels=Labels({"alertname": "Other"}))
    with pytest.raises(LimitError, match="1 alerts are not sent on"):
        kept.take([DOWN, other, DOWN], NOW)
    assert len(kept) == 1
