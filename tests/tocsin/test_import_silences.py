"""What is copied from an Alertmanager's silences, and what is not a second time."""

from __future__ import annotations

from typing import Any

import pytest

from collector.model.errors import InputError
from tocsin.commands.alerts_import_silences import import_silences, wanted_bodies

MATCHER = {"name": "job", "value": "db", "isRegex": False, "isEqual": True}


def silence(name: str, state: str = "active", **own: Any) -> dict[str, Any]:
    return {
        "id": name,
        "status": {"state": state},
        "matchers": [MATCHER],
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": "2026-01-02T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "createdBy": "ann",
        "comment": "works",
        **own,
    }


def copy(name: str, origin: str, **own: Any) -> dict[str, Any]:
    return silence(name, **{"annotations": {"alertmanager_id": origin}, **own})


def test_what_is_active_or_pending_is_copied_with_its_origin() -> None:
    theirs = [silence("a"), silence("p", "pending"), silence("e", "expired")]
    bodies = wanted_bodies(theirs, [silence("unrelated")])
    assert [body["annotations"] for body in bodies] == [
        {"alertmanager_id": "a"},
        {"alertmanager_id": "p"},
    ]
    first = {name: value for name, value in bodies[0].items() if name != "annotations"}
    names = ("matchers", "startsAt", "endsAt", "createdBy", "comment")
    assert first == {name: silence("a")[name] for name in names}


def test_a_copy_is_not_made_twice_and_what_was_ended_here_stays_so() -> None:
    ended = copy("2", "b", status={"state": "expired"}, endsAt="2026-01-01T05:00:00.000Z")
    assert wanted_bodies([silence("a"), silence("b")], [copy("1", "a"), ended]) == []


def test_an_end_that_was_moved_there_moves_here() -> None:
    moved = silence("a", endsAt="2026-01-09T00:00:00.000Z")
    ours = [copy("1", "a", startsAt="2026-01-01T07:00:00.000Z")]
    [body] = wanted_bodies([moved], ours)
    assert (body["id"], body["endsAt"]) == ("1", "2026-01-09T00:00:00.000Z")
    assert body["startsAt"] == "2026-01-01T07:00:00.000Z"


def test_of_two_copies_the_living_one_counts_in_any_order() -> None:
    dead = copy("1", "a", status={"state": "expired"}, endsAt="2026-01-01T05:00:00.000Z")
    for ours in ([dead, copy("2", "a")], [copy("2", "a"), dead]):
        assert wanted_bodies([silence("a")], ours) == []


def test_its_own_annotations_come_along() -> None:
    [body] = wanted_bodies([silence("a", annotations={"ticket": "7"})], [])
    assert body["annotations"] == {"ticket": "7", "alertmanager_id": "a"}


def test_a_password_in_the_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        import_silences("http://ann:hunter2@am:9093")
    assert "hunter2" not in str(caught.value)
