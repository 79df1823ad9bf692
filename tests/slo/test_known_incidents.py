"""Incidents against alerts: which were told of and when, which alerts were of none."""

from __future__ import annotations

import pytest

from collector.model.errors import ConfigError
from slo.burn_rate import Tier
from slo.known_incidents import Incident, detections, false_alarms, read_incidents
from slo.replay import Sent

TIER = Tier("page", 3_600_000, 300_000, 14.4)


def sent(begins_ms: int, ends_ms: int | None, severity="page") -> Sent:
    return Sent(severity, TIER, begins_ms, ends_ms, 20.0, 1.0, 0.1)


def test_times_are_read_as_people_write_them() -> None:
    text = """
- {name: one, start: 2026-01-31T12:00:00Z, end: "2026-01-31T13:00:00+01:00"}
- {start: 1769860800, end: 1769860801.5}
- {name: day, start: 2026-01-31, end: 2026-02-01}
"""
    noon = 1_769_860_800_000
    assert read_incidents(text, "x") == [
        Incident("one", noon, noon),
        Incident("incident 2", noon, noon + 1500),
        Incident("day", noon - 43_200_000, noon + 43_200_000),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no YAML"),
        ("a: 1", "a list"),
        ("- {start: 1}", "start, end and name"),
        ("- {start: 2, end: 1}", "ends before"),
        ("- {start: soon, end: 1}", "not a time"),
    ],
)
def test_what_is_no_list_of_incidents_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_incidents(text, "x")


def test_an_incident_is_detected_by_the_first_alert_that_shares_a_moment_with_it() -> None:
    incident = Incident("one", 100_000, 200_000)
    alerts = [
        sent(20_000, 100_000),
        sent(130_000, 140_000),
        sent(120_000, None, "ticket"),
        sent(200_001, 300_000),
    ]
    found = detections(alerts, [incident, Incident("later", 400_000, 500_000)])
    assert [(one.page_seconds, one.ticket_seconds) for one in found] == [(30.0, 20.0), (None, 0.0)]
    assert false_alarms(alerts, [incident]) == [alerts[0], alerts[3]]


def test_an_alert_that_was_there_before_has_told_at_once() -> None:
    assert detections([sent(1_000, None)], [Incident("x", 5_000, 6_000)])[0].page_seconds == 0.0
