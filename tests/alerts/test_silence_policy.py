"""Policies of silences: each rule by itself, what it says, and that what is there stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.service import AlertService
from alerts.silence import Silence
from alerts.silence_book import SilenceRules
from alerts.silence_config import PolicyConfig
from collector.model import Alert, Labels, ManualClock
from collector.model.errors import InputError
from collector.model.matchers import Matcher, MatchKind

HOUR_MS = 3_600_000
FIRING = [Labels({"alertname": "Down", "host": str(n)}) for n in range(3)]


def silence(*matchers: tuple[MatchKind, str, str], **change: Any) -> Silence:
    given = matchers or (("=", "alertname", "Down"),)
    one = Silence("", tuple(Matcher(*m) for m in given), 0, HOUR_MS, "ana", "host is replaced")
    return replace(one, **change)


@pytest.mark.parametrize(
    ("policy", "good", "bad", "told"),
    [
        (
            {"max_duration": "1h"},
            silence(),
            silence(ends_at_ms=HOUR_MS + 1000),
            "max_duration: it lasts 1h1s, over 1h; let it end earlier",
        ),
        (
            {"min_comment": 5},
            silence(comment="swap!"),
            silence(comment="  hm  "),
            "min_comment: the comment has 2 characters; say why in 5 at least",
        ),
        (
            {"max_alerts": 2},
            silence(("=~", "host", "0|1")),
            silence(),
            "max_alerts: it would hide 3 firing alerts, over the limit of 2; match fewer",
        ),
        (
            {"required_labels": ["host"]},
            silence(("=", "host", "a")),
            silence(("!=", "host", "a"), ("=", "alertname", "Down")),
            "required_labels: no matcher asks for host; add host=…",
        ),
        (
            {"authors": "ana|.*@example.org"},
            silence(created_by="bo@example.org"),
            silence(created_by="mariana"),
            "authors: 'mariana' may make none; give an author that fits",
        ),
    ],
)
def test_each_rule_refuses_what_breaks_it_and_nothing_else(
    policy: dict[str, Any], good: Silence, bad: Silence, told: str
) -> None:
    rule = PolicyConfig.model_validate(policy).policy()
    rule.check(good, FIRING)
    with pytest.raises(InputError) as refused:
        rule.check(bad, FIRING)
    message = refused.value.message
    assert message.startswith(f"silence refused by alerts.silences.policy: {told}"), message
    PolicyConfig().policy().check(bad, FIRING)


@pytest.mark.parametrize(
    ("matcher", "is_refused"),
    [
        (("=", "severity", "critical"), True),
        (("=~", "severity", "critical|warning"), True),
        (("=~", "severity", ".+"), True),
        (("=", "severity", "warning"), False),
        (("!=", "severity", "warning"), False),
        (("=", "alertname", "Watchdog"), True),
        (("=", "alertname", "DeadMan"), True),
        (("=~", "alertname", "Watchdog|Dead.*"), True),
        (("=~", "alertname", "Watch.*"), False),
        (("=", "other", "critical"), False),
    ],
)
def test_a_forbidden_matcher_is_refused_also_as_one_of_several_values(
    matcher: tuple[MatchKind, str, str], is_refused: bool
) -> None:
    forbidden = ['severity="critical"', 'alertname=~"Watchdog|Dead.*"']
    rule = PolicyConfig.model_validate({"forbidden_matchers": forbidden}).policy()
    wanted = silence(matcher)
    if not is_refused:
        return rule.check(wanted, ())
    with pytest.raises(InputError, match=r"forbidden_matchers: .*; leave it out"):
        rule.check(wanted, ())
    return None


def test_every_rule_that_is_broken_is_told_at_once() -> None:
    policy = {"max_duration": "1m", "min_comment": 50, "authors": "bo"}
    with pytest.raises(InputError) as refused:
        PolicyConfig.model_validate(policy).policy().check(silence(), ())
    assert [name for name in policy if f"{name}: " in refused.value.message] == list(policy)


@pytest.fixture
def service(make_service: Any) -> AlertService:
    made: AlertService = make_service({})
    return made


def ruled(service: AlertService, **policy: Any) -> None:
    rule = PolicyConfig.model_validate(policy).policy()
    firing = [view.stored.alert.labels for view in service.alerts()]
    service.silences.apply(SilenceRules(policy=rule, firing=lambda: firing))


def test_silences_that_are_there_stay_until_they_are_changed(
    service: AlertService, clock: ManualClock
) -> None:
    now_ms = clock.now_ms()
    old = silence(starts_at_ms=now_ms, ends_at_ms=now_ms + 10 * HOUR_MS)
    id_ = service.silences.save(old)
    ruled(service, max_duration="2h")
    (kept,) = service.silences.all()
    assert kept.state(now_ms) == "active"
    with pytest.raises(InputError, match="max_duration"):
        service.silences.save(replace(kept, ends_at_ms=now_ms + 9 * HOUR_MS))
    assert service.silences.save(replace(kept, ends_at_ms=now_ms + 2 * HOUR_MS)) == id_


def test_a_silence_is_not_made_longer_bit_by_bit(service: AlertService, clock: ManualClock) -> None:
    ruled(service, max_duration="2h")
    now_ms = clock.now_ms()
    id_ = service.silences.save(silence(starts_at_ms=now_ms, ends_at_ms=now_ms + 2 * HOUR_MS))
    clock.advance(HOUR_MS)
    kept = service.silences.get(id_)
    assert kept is not None
    with pytest.raises(InputError, match="max_duration: it lasts 3h"):
        service.silences.save(replace(kept, ends_at_ms=now_ms + 3 * HOUR_MS))


def test_alerts_are_counted_that_fire_when_it_is_made(
    service: AlertService, clock: ManualClock
) -> None:
    service.emit([Alert(labels, {}, clock.now_ms()) for labels in FIRING])
    ruled(service, max_alerts=2)
    end_ms = clock.now_ms() + HOUR_MS
    with pytest.raises(InputError, match="it would hide 3 firing alerts"):
        service.silences.save(silence(ends_at_ms=end_ms))
    assert service.silences.all() == []
    assert service.silences.save(silence(("=", "host", "1"), ends_at_ms=end_ms))
