"""Why an alert was told, or not: the way through the routes, the groups, and what holds it back."""

from __future__ import annotations

from typing import Any

from alerts.events import EventKind, EventSearch
from alerts.silence import Silence
from alerts.story import find_story
from collector.model import Alert, Labels, ManualClock
from collector.model.matchers import Matcher

SECOND = 1_000
HOOK = {"url": "http://127.0.0.1:1/never"}
CONFIG = {
    "route": {
        "receiver": "base",
        "group_by": ["alertname"],
        "group_wait": "5s",
        "routes": [
            {
                "receiver": "pager",
                "matchers": ['severity="page"'],
                "continue": True,
                "mute_time_intervals": ["never"],
                "routes": [{"receiver": "db", "matchers": ['service=~"db.*"']}],
            },
            {"receiver": "all", "matchers": ['severity!=""'], "mute_time_intervals": ["always"]},
            {"receiver": "late", "matchers": ['severity="page"']},
        ],
    },
    "receivers": [
        {"name": name, "webhook_configs": [HOOK]} for name in ("base", "pager", "db", "all", "late")
    ],
    "inhibit_rules": [
        {
            "source_matchers": ['alertname="RegionDown"'],
            "target_matchers": ['severity="page"', 'alertname!="RegionDown"'],
            "equal": ["region"],
        }
    ],
    "time_intervals": [
        {"name": "always", "time_intervals": [{}]},
        {"name": "never", "time_intervals": [{"years": ["1999"]}]},
    ],
}
PAGE = Labels({"alertname": "Down", "severity": "page", "service": "web", "region": "eu"})


def emit(service: Any, labels: Labels = PAGE, ends_at_ms: int | None = None) -> None:
    service.emit([Alert(labels, {"summary": "it is down"}, service.now_ms(), ends_at_ms)])


def kinds(service: Any, **search: Any) -> list[EventKind]:
    with service.database.read() as connection:
        return [event.kind for event in find_story(connection, EventSearch(**search))]


def test_each_route_says_why_it_takes_the_alert_or_not(make_service: Any) -> None:
    steps = make_service(CONFIG).why(PAGE).steps
    assert [(step.depth, step.receiver, step.takes, step.because) for step in steps] == [
        (0, "base", False, "a route below takes it"),
        (1, "pager", True, "no route below matches"),
        (2, "db", False, 'service is "web", and the route wants service=~"db.*"'),
        (1, "all", True, "matches"),
        (1, "late", False, "not asked: the route before it took the alert"),
    ]


def test_a_label_that_is_missing_is_named(make_service: Any) -> None:
    steps = make_service(CONFIG).why(Labels({"alertname": "Down"})).steps
    assert steps[1].because == 'it has no label severity, and the route wants severity="page"'
    assert steps[0].takes


def test_an_alert_thought_up_shows_the_groups_that_it_would_open(
    make_service: Any, clock: ManualClock
) -> None:
    why = make_service(CONFIG).why(PAGE)
    assert why.status == "unknown"
    assert [(one.receiver, one.is_open, one.muted_by) for one in why.groups] == [
        ("pager", False, ""),
        ("all", False, "always"),
    ]
    assert why.groups[0].next_flush_ms == clock.now_ms() + 5 * SECOND
    assert why.groups[0].labels == Labels({"alertname": "Down"})
    assert why.groups[0].told[0].status == "not told"


def test_what_was_told_and_when_it_is_told_again(make_service: Any, clock: ManualClock) -> None:
    service = make_service(CONFIG)
    emit(service)
    clock.advance(5 * SECOND)
    service.step()
    why = service.why(PAGE)
    pager = why.groups[0]
    assert (why.status, pager.is_open, pager.alerts) == ("firing", True, 1)
    assert (pager.told[0].integration, pager.told[0].status) == (
        "pager/webhook[0]",
        "waits to be told that it fires",
    )
    assert pager.told[0].at_ms == clock.now_ms()
    assert pager.told[0].repeats_at_ms == clock.now_ms() + 4 * 3600 * SECOND


def test_what_inhibits_and_what_silences_it_is_named(make_service: Any, clock: ManualClock) -> None:
    service = make_service(CONFIG)
    source = Labels({"alertname": "RegionDown", "region": "eu"})
    emit(service, source)
    matchers = (Matcher("=", "service", "web"),)
    now_ms = clock.now_ms()
    silence = service.silences.save(
        Silence("", matchers, now_ms, now_ms + 60 * SECOND, "ana", "deploy")
    )
    why = service.why(PAGE)
    assert why.inhibited_by == source
    assert [(one.id, one.created_by) for one in why.silenced_by] == [(silence, "ana")]
    other = service.why(Labels({**dict(PAGE.pairs), "region": "us", "service": "x"}))
    assert (other.inhibited_by, other.silenced_by) == (None, ())


def test_the_story_tells_of_beginnings_ends_and_what_held_back(
    make_service: Any, clock: ManualClock
) -> None:
    service = make_service(CONFIG)
    emit(service)
    clock.advance(5 * SECOND)
    service.step()
    matchers, now_ms = (Matcher("=", "service", "web"),), clock.now_ms()
    silence = service.silences.save(
        Silence("", matchers, now_ms, now_ms + 600 * SECOND, "ana", "x")
    )
    clock.advance(300 * SECOND)
    emit(service)
    service.step()
    service.silences.expire(silence)
    clock.advance(300 * SECOND)
    emit(service)
    service.step()
    emit(service, ends_at_ms=clock.now_ms())
    fingerprint = Alert(PAGE).fingerprint
    key = '{}/{severity="page"}:{alertname="Down"}'
    assert kinds(service, fingerprint=fingerprint, group_key=key) == [
        EventKind.SHOWN,
        EventKind.SILENCED,
    ]
    ours = [kind for kind in kinds(service, fingerprint=fingerprint) if kind is not EventKind.MUTED]
    assert (ours[0], ours[-1]) == (EventKind.RESOLVED, EventKind.FIRED)


def test_sends_stand_in_the_story_with_their_answers(make_service: Any, clock: ManualClock) -> None:
    service = make_service(CONFIG)
    emit(service)
    clock.advance(5 * SECOND)
    service.step()
    for sender in service._senders.values():
        sender.send_due()
    key = '{}/{severity="page"}:{alertname="Down"}'
    with service.database.read() as connection:
        found = find_story(connection, EventSearch(group_key=key, kinds=(EventKind.REFUSED,)))
        assert find_story(connection, EventSearch(contains="no such text")) == []
    assert [event.data["receiver"] for event in found] == ["pager"]
    assert "pager/webhook[0] (retried, first notification)" in found[0].text
