"""Times, pages a shift and noise, on incidents whose figures are seen at a glance."""

from __future__ import annotations

from dataclasses import replace

from alerts.events import Event, EventKind
from alerts.on_call.figures import report
from alerts.on_call.incident import Incident
from alerts.on_call.schedule import Shift
from collector.model import Labels

MINUTE = 60_000


def incident(
    number: int, opened: int, acknowledged: int = 0, resolved: int = 0, **more
) -> Incident:
    labels = Labels({"alertname": more.pop("alertname", "Down"), "service": "shop"})
    found = Incident(
        number, "resolved" if resolved else "triggered", "critical", "t", opened * MINUTE
    )
    return replace(
        found,
        labels=labels,
        acknowledged_at_ms=acknowledged * MINUTE,
        resolved_at_ms=resolved * MINUTE,
        **more,
    )


def test_times_are_means_of_those_that_have_them() -> None:
    incidents = [incident(1, 10, 12, 20), incident(2, 50, 58, 90), incident(3, 100, 0, 102)]
    found = report(incidents, [], [], 0, 1_000 * MINUTE)
    assert found.to_acknowledge.mean_seconds == 5 * 60
    assert found.to_resolve.median_seconds == 10 * 60
    assert found.between.mean_seconds == (30 + 10) / 2 * 60
    assert found.between.count == 2
    assert found.by_severity == {"critical": 3}


def test_nothing_gives_no_times() -> None:
    found = report([], [], [], 0, 1)
    assert found.to_acknowledge.mean_seconds is None
    assert found.pages_per_shift is None
    assert found.noisy == []


def test_overlapping_and_open_incidents_leave_no_time_between() -> None:
    incidents = [incident(1, 10, 0, 60), incident(2, 20, 0, 30), incident(3, 70), incident(4, 90)]
    assert report(incidents, [], [], 0, 1_000 * MINUTE).between.mean_seconds == 10 * 60


def test_only_what_was_opened_in_the_stretch_counts_and_nothing_twice() -> None:
    incidents = [incident(1, 1), incident(2, 10), incident(3, 11, merged_into=2), incident(4, 20)]
    assert report(incidents, [], [], 10 * MINUTE, 20 * MINUTE).incidents == 1


def test_noise_is_what_ended_on_its_own_unacknowledged() -> None:
    incidents = [
        incident(1, 1, 0, 3),
        incident(2, 10, 0, 30, reopened=2),
        incident(3, 40, 41, 50),
        incident(4, 60, 61, 70, alertname="Fine"),
        incident(5, 80, 0, 81, resolved_by="ana", alertname="Fine"),
    ]
    (noisy,) = report(incidents, [], [], 0, 1_000 * MINUTE).noisy
    assert (noisy.alertname, noisy.service, noisy.incidents) == ("Down", "shop", 3)
    assert (noisy.never_acknowledged, noisy.short_lived, noisy.reopened) == (2, 1, 2)
    assert noisy.noise_ratio == 2 / 3


def test_pages_are_counted_by_who_was_asked() -> None:
    events = [
        Event(5, EventKind.ESCALATED, 1, data={"people": ["ana", "ben"]}),
        Event(6, EventKind.ESCALATED, 2, data={"people": ["ana"]}),
        Event(7, EventKind.ASSIGNED, 2, data={"person": "cem"}),
        Event(9_999, EventKind.ESCALATED, 3, data={"people": ["ana"]}),
    ]
    shifts = [Shift(0, 1, "ana"), Shift(1, 2, ""), Shift(2, 3, "ana"), Shift(3, 4, "ben")]
    found = report([], events, shifts, 0, 100)
    assert {one.person: (one.pages, one.shifts) for one in found.loads} == {
        "ana": (2, 2),
        "ben": (1, 1),
        "cem": (1, 0),
    }
    assert found.pages_per_shift == 4 / 3
    assert found.escalations == 2
