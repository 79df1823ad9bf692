"""The pure step of an alerting rule, held to a slow and obvious account of what happened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.model.labels import Labels
from collector.rules.alerting import (
    RESOLVED_RETENTION_MS,
    TrackedAlert,
    alert_series,
    due,
    sent,
    step,
)
from collector.rules.rule import AlertingRule

MINUTE_MS = 60_000
A = Labels({"alertname": "A", "n": "1"})


def rule(for_minutes: int = 0, keep_minutes: int = 0) -> AlertingRule:
    return AlertingRule(
        "A", "x", "x", for_ms=for_minutes * MINUTE_MS, keep_firing_for_ms=keep_minutes * MINUTE_MS
    )


def stepped(one: AlertingRule, there: list[bool]) -> list[TrackedAlert | None]:
    """The alert after each minute in which its condition was there or not."""
    known: dict[Labels, TrackedAlert] = {}
    found = []
    for minute, is_there in enumerate(there):
        now_ms = minute * MINUTE_MS
        fresh = {A: TrackedAlert(A, value=float(minute), active_at_ms=now_ms)} if is_there else {}
        known = step(one, known, fresh, now_ms)
        found.append(known.get(A))
    return found


def account(one: AlertingRule, there: list[bool]) -> list[str]:
    """The state after each minute, from the whole story each time."""
    return [_state_now(one, there[: minute + 1]) for minute in range(len(there))]


def _state_now(one: AlertingRule, there: list[bool]) -> str:
    hold, keep = one.for_ms // MINUTE_MS, one.keep_firing_for_ms // MINUTE_MS
    begun: int | None = None
    firing = False
    absent_since: int | None = None
    for minute, is_there in enumerate(there):
        if is_there:
            absent_since = None
            begun = minute if begun is None else begun
            firing = firing or minute - begun >= hold
            continue
        absent_since = minute if absent_since is None else absent_since
        if not (firing and minute - absent_since < keep):
            begun, firing = None, False
    return "firing" if firing else "pending" if begun is not None else "inactive"


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_states_are_those_of_the_whole_story(there: list[bool], hold: int, keep: int) -> None:
    one = rule(hold, keep)
    found = [alert.state if alert else "inactive" for alert in stepped(one, there)]
    assert found == account(one, there)


def test_a_pending_alert_that_ends_is_forgotten_and_begins_anew() -> None:
    first, gone, again = stepped(rule(for_minutes=5), [True, False, True])
    assert first is not None
    assert gone is None
    assert again is not None
    assert again.active_at_ms == 2 * MINUTE_MS


def test_a_clock_that_was_ahead_holds_back_no_alert() -> None:
    ahead_ms = 180 * MINUTE_MS
    one = rule(for_minutes=5, keep_minutes=5)
    fresh = {A: TrackedAlert(A, value=1.0, active_at_ms=ahead_ms)}
    known = step(one, {}, fresh, ahead_ms)
    for minute in range(6):
        now_ms = minute * MINUTE_MS
        found = {A: TrackedAlert(A, value=1.0, active_at_ms=now_ms)}
        known = step(one, known, found, now_ms)
        assert known[A].state == ("firing" if minute == 5 else "pending")
    known = step(one, known, {}, ahead_ms)
    for minute in range(10, 16):
        known = step(one, known, {}, minute * MINUTE_MS)
    assert known[A].state == "inactive"


def test_a_resolved_alert_is_remembered_for_its_retention() -> None:
    found = stepped(rule(), [True] + [False] * 20)
    resolved = found[1]
    assert resolved is not None
    assert (resolved.state, resolved.resolved_at_ms) == ("inactive", MINUTE_MS)
    kept = RESOLVED_RETENTION_MS // MINUTE_MS
    assert found[1 + kept] == resolved
    assert found[2 + kept] is None


def test_an_alert_that_fires_again_is_another_one() -> None:
    again = stepped(rule(), [True, False, True])[-1]
    assert again is not None
    assert (again.state, again.active_at_ms, again.fired_at_ms) == (
        "firing",
        2 * MINUTE_MS,
        2 * MINUTE_MS,
    )
    assert again.resolved_at_ms == -1


def test_the_series_say_the_state_and_since_when() -> None:
    one = AlertingRule("A", "x", "x", labels={"severity": "page", "n": "over"})
    alert = TrackedAlert(A, state="firing", active_at_ms=90_500)
    series = {one.labels: one.value for one in alert_series(one, {A: alert})}
    own = {"alertname": "A", "n": "1", "severity": "page"}
    assert series == {
        Labels({**own, "__name__": "ALERTS", "alertstate": "firing"}): 1.0,
        Labels({**own, "__name__": "ALERTS_FOR_STATE"}): 90.0,
    }
    assert alert_series(one, {A: TrackedAlert(A, state="inactive")}) == []


def test_firing_is_told_again_and_again_resolved_once_pending_never() -> None:
    delay_ms = MINUTE_MS
    firing = {A: TrackedAlert(A, state="firing", fired_at_ms=0)}
    assert due(firing, 0, delay_ms)
    told = sent(firing, list(firing.values()), 0, delay_ms)
    assert told[A].valid_until_ms == 4 * MINUTE_MS
    assert not due(told, MINUTE_MS, delay_ms)
    assert due(told, MINUTE_MS + 1, delay_ms)
    resolved = step(rule(), told, {}, MINUTE_MS)
    assert due(resolved, MINUTE_MS, delay_ms)
    told = sent(resolved, due(resolved, MINUTE_MS, delay_ms), MINUTE_MS, delay_ms)
    assert not due(told, 10 * MINUTE_MS, delay_ms)
    assert not due({A: TrackedAlert(A, state="pending")}, 0, delay_ms)
