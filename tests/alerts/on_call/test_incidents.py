"""Incidents in the running service: opened, told, escalated, acknowledged, ended; and restarts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts.events import EventKind
from collector.model.errors import InputError

MINUTE = 60
ON_BOTH = pytest.mark.parametrize("address", ["sqlite", "postgresql"], indirect=True)


def test_a_group_that_is_told_of_opens_an_incident(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(service="shop", instance="a"), make_alert(service="shop", instance="b"))
    world.run(0.5)
    assert world.incidents() == []
    world.run(1)
    incident = world.the_incident()
    assert (incident.number, incident.status, incident.severity) == (1, "triggered", "critical")
    assert incident.alert_count == 2
    assert dict(incident.labels.pairs)["service"] == "shop"
    assert "instance" not in dict(incident.labels.pairs)
    assert incident.title == "Down: Down!"
    assert world.story().count(EventKind.OPENED) == 1


def test_it_ends_with_its_group_and_the_next_one_has_the_next_number(
    world: Any, make_alert: Any
) -> None:
    world.emit(make_alert())
    world.run(2)
    end_ms = world.clock.now_ms()
    world.emit(make_alert(ends_at_ms=end_ms))
    world.run(6 * MINUTE)
    incident = world.the_incident()
    assert (incident.status, incident.resolved_by, incident.resolved_at_ms) == (
        "resolved",
        "",
        end_ms,
    )
    world.run(20 * MINUTE)
    world.emit(make_alert())
    world.run(2)
    assert [one.number for one in world.incidents()] == [1, 2]
    kinds = [event.kind for event in world.timeline()]
    assert EventKind.FIRED in kinds
    assert EventKind.NOTIFIED in kinds
    assert kinds.index(EventKind.OPENED) < kinds.index(EventKind.CLOSED)
    assert kinds.index(EventKind.RESOLVED) < kinds.index(EventKind.CLOSED)


def test_what_fires_again_soon_is_the_same_incident(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    world.desk.acknowledge(1, "ana")
    world.emit(make_alert(ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    world.emit(make_alert())
    world.run(2)
    incident = world.the_incident()
    assert (incident.status, incident.reopened) == ("triggered", 1)
    assert EventKind.REOPENED in world.story()


@ON_BOTH
def test_nobody_acknowledges_so_it_escalates_step_by_step(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    assert world.told() == [("team", "first notification")]
    world.run(55)
    assert world.told() == []
    world.run(15)
    assert world.told() == [("ana-phone", "first notification")]
    world.run(5 * MINUTE)
    assert world.told() == [("ben-phone", "first notification")]
    sends = [event for event in world.timeline() if event.kind is EventKind.NOTIFIED]
    assert [event.text.partition("/")[0] for event in sends] == ["team", "ana-phone", "ben-phone"]
    world.run(30 * MINUTE)
    assert world.told() == []
    assert world.story().count(EventKind.ESCALATED) == 2


def test_an_acknowledgement_stops_escalation_and_repeats(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    world.desk.acknowledge(1, "slack:U1")
    assert (world.the_incident().status, world.the_incident().owner) == ("acknowledged", "ana")
    world.run(3 * 60 * MINUTE)
    assert world.told() == [("team", "first notification")]
    world.desk.unacknowledge(1, "ana")
    world.run(5 * MINUTE + 10)
    assert ("team", "repeat interval elapsed") in world.told()
    assert world.the_incident().progress.steps_taken == 1


def test_new_alerts_are_told_although_somebody_acknowledged(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(instance="a"))
    world.run(2)
    world.desk.acknowledge(1, "ana")
    world.emit(make_alert(instance="b"))
    world.run(6 * MINUTE)
    assert world.told()[1:] == [("team", "new alerts in group")]
    assert world.the_incident().alert_count == 2


def test_the_end_is_told_to_everybody_who_was_asked(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2 * MINUTE)
    assert [receiver for receiver, _ in world.told()] == ["team", "ana-phone"]
    world.emit(make_alert(ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    assert sorted(world.told()) == [
        ("ana-phone", "all alerts resolved"),
        ("team", "all alerts resolved"),
    ]


def test_what_ended_does_not_escalate_while_its_end_waits_to_be_told(
    world: Any, make_alert: Any
) -> None:
    world.emit(make_alert())
    world.run(10)
    world.emit(make_alert(ends_at_ms=world.clock.now_ms()))
    world.run(4 * MINUTE)
    assert world.told() == [("team", "first notification")]


def test_a_snooze_is_quiet_and_then_speaks_to_everybody_again(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(instance="a"))
    world.run(2 * MINUTE)
    world.told()
    world.desk.snooze(1, 30 * MINUTE, "ana")
    world.emit(make_alert(instance="b"))
    world.run(29 * MINUTE)
    assert world.told() == []
    world.run(80)
    assert sorted(receiver for receiver, _ in world.told()) == ["ana-phone", "team"]
    assert world.the_incident().status == "triggered"


def test_an_end_during_a_snooze_is_told(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    world.desk.snooze(1, 3600, "ana")
    world.emit(make_alert(ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    assert world.told()[1:] == [("team", "all alerts resolved")]
    assert world.the_incident().status == "resolved"


def test_who_is_assigned_is_told(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    world.desk.acknowledge(1, "ana")
    world.told()
    world.desk.assign(1, "ben@example.org", "ana")
    world.run()
    assert world.told() == [("ben-phone", "first notification")]
    assert world.the_incident().owner == "ben"


def test_what_a_person_resolved_stays_quiet_until_an_alert_begins_anew(
    world: Any, make_alert: Any
) -> None:
    world.emit(make_alert(instance="a"))
    world.run(2)
    world.desk.resolve(1, "ana", "a false alarm")
    world.run(3 * 60 * MINUTE)
    assert world.told() == [("team", "first notification")]
    assert world.the_incident().status == "resolved"
    world.emit(make_alert(instance="b"))
    world.run(6 * MINUTE)
    assert [one.status for one in world.incidents()] == ["resolved", "triggered"]
    assert world.told()[:1] == [("team", "new alerts in group")]


def test_an_acknowledgement_lapses_when_the_policy_says_so(
    make_world: Callable[..., Any], make_alert: Any
) -> None:
    on_call = {
        "people": [{"name": "ana", "receivers": ["ana-phone"]}],
        "escalations": [
            {"name": "e", "acknowledge_timeout": "30m", "steps": [{"people": ["ana"]}]}
        ],
        "escalation": "e",
    }
    world = make_world(on_call)
    world.emit(make_alert())
    world.run(30)
    assert [receiver for receiver, _ in world.told()] == ["team", "ana-phone"]
    world.desk.acknowledge(1, "ana")
    world.run(29 * MINUTE)
    assert world.told() == []
    world.run(2 * MINUTE)
    assert world.the_incident().status == "triggered"
    assert ("ana-phone", "repeat interval elapsed") in world.told()


def test_a_policy_repeats_its_steps(make_world: Callable[..., Any], make_alert: Any) -> None:
    policy = {
        "name": "e",
        "repeat": 1,
        "repeat_after": "10m",
        "steps": [{"receivers": ["boss"], "after": "1m"}],
    }
    world = make_world({"escalations": [policy], "escalation": "e"})
    world.emit(make_alert())
    world.run(2 * MINUTE)
    world.told()
    world.run(10 * MINUTE)
    assert world.told() == [("boss", "repeat interval elapsed")]
    world.run(30 * MINUTE)
    assert world.told() == []


def test_a_warning_does_not_escalate_until_it_becomes_critical(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(severity="ticket"))
    world.run(10 * MINUTE)
    assert world.the_incident().severity == "warning"
    assert [receiver for receiver, _ in world.told()] == ["team"]
    world.emit(make_alert(severity="page"))
    world.run(10 * MINUTE)
    assert world.the_incident().severity == "critical"
    assert "ana-phone" in [receiver for receiver, _ in world.told()]


def test_teams_own_incidents_by_label_and_bring_their_escalation(
    make_world: Callable[..., Any], make_alert: Any
) -> None:
    on_call = {
        "escalations": [{"name": "pay", "steps": [{"receivers": ["boss"]}]}],
        "teams": [{"name": "payments", "escalation": "pay"}],
    }
    world = make_world(on_call)
    world.emit(make_alert(team="payments"), make_alert("Other", team="shop"))
    world.run(30)
    assert sorted((one.team, one.progress.policy) for one in world.incidents()) == [
        ("", ""),
        ("payments", "pay"),
    ]
    assert ("boss", "first notification") in world.told()


def test_severity_none_and_receivers_without_integrations_are_no_incident(
    make_world: Callable[..., Any], make_alert: Any
) -> None:
    child = {"receiver": "nobody", "matchers": ['alertname="Ignored"']}
    world = make_world(routes=[child])
    world.emit(make_alert("Watchdog", severity="none"), make_alert("Ignored"))
    world.run(2)
    assert world.incidents() == []


def test_the_same_alerts_on_another_route_join_the_incident(
    make_world: Callable[..., Any], make_alert: Any
) -> None:
    routes = [{"receiver": "boss", "continue": True, "matchers": ['alertname=~"Do.*"']}]
    world = make_world(routes=[*routes, {"receiver": "team", "matchers": ['alertname="Down"']}])
    world.emit(make_alert())
    world.run(2)
    incident = world.the_incident()
    assert len(world.service.on_call.incident(1).groups) == 2
    assert sorted(incident.asked) == ["boss", "team"]
    world.emit(make_alert(ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    assert world.the_incident().status == "resolved"


@ON_BOTH
def test_merged_incidents_are_dealt_with_as_one(world: Any, make_alert: Any) -> None:
    world.emit(make_alert("A"), make_alert("B"))
    world.run(2)
    world.told()
    world.desk.merge(2, 1, "ana")
    world.desk.acknowledge(1, "ana")
    world.run(2 * 60 * MINUTE)
    assert world.told() == []
    merged, into = world.incidents()[1], world.incidents()[0]
    assert (merged.status, merged.merged_into) == ("resolved", 1)
    assert {one.name for one in world.service.on_call.incident(1).alerts} == {"A", "B"}
    world.emit(make_alert("A", ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    assert world.incidents()[0].is_open
    world.emit(make_alert("B", ends_at_ms=world.clock.now_ms()))
    world.run(6 * MINUTE)
    assert not world.incidents()[0].is_open
    assert into.alert_count == 2


@ON_BOTH
def test_a_silence_of_an_incident_holds_its_alerts_back(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(service="shop", instance="a"), make_alert(service="shop", instance="b"))
    world.run(2)
    silence_id = world.desk.silence(1, 3600, "ana")
    silence = world.service.silences.get(silence_id)
    assert {matcher.name for matcher in silence.matchers} == {"alertname", "service", "severity"}
    world.run(30 * MINUTE)
    assert world.told() == [("team", "first notification")]
    assert world.the_incident().status == "triggered"


@ON_BOTH
def test_a_restart_goes_on_where_it_was(make_world: Callable[..., Any], make_alert: Any) -> None:
    first = make_world()
    first.emit(make_alert())
    first.run(90)
    assert [receiver for receiver, _ in first.told()] == ["team", "ana-phone"]
    first.service.close()
    second = make_world()
    second.told()
    second.run(6 * MINUTE)
    assert second.told() == [("ben-phone", "first notification")]
    second.desk.acknowledge(1, "ben")
    second.emit(make_alert(ends_at_ms=second.clock.now_ms()))
    second.run(6 * MINUTE)
    assert sorted(receiver for receiver, _ in second.told()) == ["ana-phone", "ben-phone", "team"]
    assert second.the_incident().status == "resolved"


def test_an_incident_whose_route_is_gone_ends(
    make_world: Callable[..., Any], make_alert: Any
) -> None:
    first = make_world()
    first.emit(make_alert(team="a"))
    first.run(2)
    first.service.close()
    second = make_world(group_by=["team"])
    second.run(2 * MINUTE)
    assert [(one.number, one.status) for one in second.incidents()] == [(1, "triggered")]
    assert len(second.service.on_call.incident(1).groups) == 2


def test_acts_twice_change_nothing_and_acts_on_what_is_over_are_refused(
    world: Any, make_alert: Any
) -> None:
    world.emit(make_alert())
    world.run(2)
    for _ in range(2):
        world.desk.acknowledge(1, "ana")
    assert world.story().count(EventKind.ACKNOWLEDGED) == 1
    for _ in range(2):
        world.desk.resolve(1, "ana")
    with pytest.raises(InputError, match="resolved"):
        world.desk.acknowledge(1, "ana")
    with pytest.raises(KeyError):
        world.desk.acknowledge(99, "ana")
    world.desk.comment(1, "it was the disk", "ana")
    assert world.story()[-1] == EventKind.COMMENTED


def test_the_desk_finds_the_open_incident_of_a_group(world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(2)
    (key,) = world.service.on_call.incident(1).groups
    assert world.desk.by_group(key) == 1
    world.desk.resolve(1, "ana")
    assert world.desk.by_group(key) == 0
