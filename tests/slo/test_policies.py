"""Error-budget policies: one crossing is one post and one alert, over restarts and failures."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import ConfigError, StorageError, UnavailableError
from collector.model.labels import Labels
from slo import policy_desk
from slo.budget import Budget
from slo.config import SloConfig
from slo.config_policies import PolicyWebhookConfig
from slo.evaluate import SloEngine
from slo.gate import gate_of
from slo.policy import PolicyStep
from slo.policy_desk import FIRST_WAIT_MS, GIVE_UP_MS, NAME, PolicyDesk
from slo.policy_post import KEY, SIGNATURE, post, signature_of
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of
from slo.specs.writers import WRITERS, as_yaml
from slo.verdict import Verdict

NOW = 1_700_000_000_000
SPEC = """version: tocsin/v1
service: shop
objective: 99%
labels: {owner: team-shop}
bad: failed_total
total: all_total
policy:
  - {left: 10%, freeze: true}
  - {left: 50%, notify: true, webhook: tickets}
  - {left: 25%, webhook: tickets}
"""
(OBJECTIVE,) = objectives_of(SPEC, "spec")
HOOK = PolicyWebhookConfig(name="tickets", url="http://127.0.0.1:9/x")


def verdict(left_ratio: float, at_ms: int = NOW) -> Verdict:
    bad = round((1 - left_ratio) * 1000)
    budget = Budget(OBJECTIVE.target, float(bad), 100_000.0)
    return Verdict(OBJECTIVE, at_ms, budget, {}, (), "ok", 1.0)


class Sent:
    def __init__(self) -> None:
        self.bodies: list[dict] = []
        self.ids: list[str] = []
        self.is_broken = False

    def __call__(self, webhook: PolicyWebhookConfig, body: str, id_: str) -> None:
        assert webhook.name == "tickets"
        self.ids.append(id_)
        if self.is_broken:
            raise UnavailableError("no answer")
        self.bodies.append(json.loads(body))


def desk(directory: Path) -> PolicyDesk:
    made = PolicyDesk(directory, SloMetrics(CollectorRegistry()))
    made.configure([HOOK])
    return made


def outcomes(one: PolicyDesk) -> dict[str, float]:
    samples = next(iter(one._metrics.policy_posts.collect())).samples
    return {s.labels["outcome"]: s.value for s in samples if s.name.endswith("_total")}


def test_steps_are_read_the_one_that_comes_first_first() -> None:
    assert [step.percent for step in OBJECTIVE.policy] == ["50%", "25%", "10%"]
    assert OBJECTIVE.policy[0] == PolicyStep(Fraction(1, 2), notify=True, webhook="tickets")
    assert OBJECTIVE.policy[0].text == "notifies the owner, tells tickets"
    written = as_yaml(WRITERS["tocsin"]([OBJECTIVE]))
    assert objectives_of(written, "again") == [OBJECTIVE]
    assert any("policy" in one for one in WRITERS["sloth"]([OBJECTIVE]).lost)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{left: 100%, freeze: true}", "0 to below 100"),
        ("{left: -1%, freeze: true}", "0 to below 100"),
        ("{left: some, freeze: true}", "not a percentage"),
        ("{left: 5%}", "does nothing"),
        ("{left: 5%, freeze: 1}", "true or false"),
        ("{left: 5%, mail: x}", "no such field"),
        ("{left: 10%, notify: true}", "same share"),
    ],
)
def test_mistakes_are_told_with_their_line(step: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        objectives_of(f"{SPEC}  - {step}\n", "spec")
    assert caught.value.where.line >= 7


def test_a_policy_of_an_unknown_webhook_is_an_error() -> None:
    with pytest.raises(ConfigError, match="which is no webhook"):
        SloConfig().check_policies([OBJECTIVE])
    config = SloConfig.model_validate({"webhooks": [{"name": "tickets", "url": "http://x/"}]})
    config.check_policies([OBJECTIVE])
    for wrong in ({"name": "a", "url": "ftp://x"}, {"name": "", "url": "http://x"}):
        with pytest.raises(ValueError, match="webhooks"):
            SloConfig.model_validate({"webhooks": [wrong]})
    with pytest.raises(ValueError, match="one name"):
        SloConfig.model_validate({"webhooks": [{"name": "a", "url": "http://x"}] * 2})


def test_each_crossing_posts_once_however_often_it_is_looked_at(tmp_path: Path) -> None:
    one, sent = desk(tmp_path), Sent()
    for left in (0.9, 0.51, 0.5, 0.49, 0.505, 0.3, 0.26):
        one.update([verdict(left)])
        one.save()
        one.deliver(NOW, sent)
    assert [body["threshold_ratio"] for body in sent.bodies] == [0.5]
    for left in (0.2, 0.05, 0.255, 0.27, 0.24):
        one.update([verdict(left, NOW + 1)])
        one.save()
        one.deliver(NOW + 1, sent)
    assert [body["threshold_ratio"] for body in sent.bodies] == [0.5, 0.25, 0.25]
    assert one.since_ms("shop/availability") == {"50%": NOW, "25%": NOW + 1}


def test_a_post_says_what_was_crossed(tmp_path: Path) -> None:
    one, sent = desk(tmp_path), Sent()
    one.update([verdict(0.4)])
    one.save()
    one.deliver(NOW, sent)
    (body,) = sent.bodies
    assert body["event"] == "error_budget_policy"
    assert (body["slo"], body["owner"]) == ("shop/availability", "team-shop")
    assert (body["bad"], body["total"], body["left_ratio"]) == (600, 100_000, 0.4)
    assert (body["at_ms"], body["freeze"], body["id"]) == (NOW, False, sent.ids[0])


def test_nothing_is_sent_that_is_not_written_down(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    one, sent = desk(blocked), Sent()
    one.update([verdict(0.4)])
    with pytest.raises(StorageError):
        one.save()
    one.deliver(NOW, sent)
    assert not sent.bodies
    blocked.unlink()
    one.save()
    one.deliver(NOW, sent)
    assert len(sent.bodies) == 1


def test_restarts_neither_lose_nor_repeat_a_crossing(tmp_path: Path) -> None:
    sent = Sent()
    sent.is_broken = True
    for number, left in enumerate((0.9, 0.45, 0.44, 0.43, 0.42, 0.41)):
        one = desk(tmp_path)
        one.update([verdict(left, NOW + number)])
        one.save()
        sent.is_broken = number < 4
        try:
            one.deliver(NOW + number * FIRST_WAIT_MS * 100, sent)
        except UnavailableError:
            assert sent.is_broken
    assert len(sent.bodies) == 1
    assert len(set(sent.ids)) == 1
    assert desk(tmp_path).since_ms("shop/availability") == {"50%": NOW + 1}


def test_a_failed_post_waits_longer_each_time_and_is_given_up_at_last(tmp_path: Path) -> None:
    one, sent = desk(tmp_path), Sent()
    sent.is_broken = True
    one.update([verdict(0.4)])
    one.save()
    now_ms, tried = NOW, []
    while now_ms < NOW + 2 * GIVE_UP_MS:
        before = len(sent.ids)
        try:
            one.deliver(now_ms, sent)
        except UnavailableError:
            tried += [now_ms - NOW] * (len(sent.ids) - before)
        now_ms += 5_000 if now_ms < NOW + 600_000 else 600_000
    assert tried[:4] == [0, 10_000, 30_000, 70_000]
    assert GIVE_UP_MS <= tried[-1] <= GIVE_UP_MS + 3_600_000
    assert outcomes(one)["given_up"] == 1
    assert outcomes(one)["failed"] == len(tried) - 1


def test_a_webhook_that_left_the_configuration_is_a_failure_not_a_loss(tmp_path: Path) -> None:
    one, sent = desk(tmp_path), Sent()
    one.update([verdict(0.4)])
    one.save()
    one.configure([])
    with pytest.raises(UnavailableError, match="no webhook 'tickets'"):
        one.deliver(NOW, sent)
    one.configure([HOOK])
    one.deliver(NOW + FIRST_WAIT_MS, sent)
    assert len(sent.bodies) == 1


def test_the_oldest_posts_are_given_up_first(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(policy_desk, "MAX_POSTS", 2)
    one, sent = desk(tmp_path), Sent()
    for number in range(4):
        one.update([verdict(0.4, NOW + number)])
        one.update([verdict(0.9, NOW + number)])
    one.save()
    one.deliver(NOW + 10, sent)
    assert [body["at_ms"] for body in sent.bodies] == [NOW + 2, NOW + 3]
    assert outcomes(one)["given_up"] == 2


@pytest.mark.parametrize("text", ["", "[]", '{"since": {"a": 1}, "posts": []}', '{"posts": [1]}'])
def test_a_file_that_is_none_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert desk(tmp_path).since_ms("shop/availability") == {}


def test_the_gate_is_shut_at_the_freeze_and_says_why() -> None:
    assert gate_of("shop", [verdict(0.11)]).is_open
    shut = gate_of("shop", [verdict(0.08)])
    assert not shut.is_open
    assert shut.reasons == (
        "availability: its policy freezes changes at 10% of the budget (8.0% left)",
    )
    assert "spent" in gate_of("shop", [verdict(-0.1)]).reasons[0]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver():
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.got, server.answer = [], 201
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_post_is_signed_and_carries_its_key(receiver) -> None:
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    signed = PolicyWebhookConfig(name="a", url=url, hmac_secret="s3cret")
    post(signed, '{"a": "ü"}', "k1")
    post(PolicyWebhookConfig(name="b", url=url), "{}", "k2")
    (headers, body), (plain, _) = receiver.got
    expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE] == f"sha256={expected}" == signature_of(body, "s3cret")
    assert (headers[KEY], headers["Content-Type"]) == ("k1", "application/json")
    assert SIGNATURE not in plain
    receiver.answer = 500
    with pytest.raises(UnavailableError, match="answered 500"):
        post(signed, "{}", "k3")
    gone = PolicyWebhookConfig(name="c", url="http://127.0.0.1:1/secret-token")
    with pytest.raises(UnavailableError, match="gave no answer") as caught:
        post(gone, "{}", "k4")
    assert "secret-token" not in str(caught.value)


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


def test_the_owner_is_told_while_a_step_is_in_force(tmp_path: Path, new_store) -> None:
    store, sink, clock = new_store(), Sink(), ManualClock(NOW)
    config = SloConfig.model_validate({"webhooks": [{"name": "tickets", "url": "http://x/"}]})
    failed = 0

    def engine() -> SloEngine:
        metrics = SloMetrics(CollectorRegistry())
        return SloEngine([OBJECTIVE], store, store, sink, clock, tmp_path, config, metrics)

    one = engine()
    for tick in range(40):
        clock.advance(15_000)
        failed += 12 if tick > 20 else 0
        values = {Labels.of("all_total"): 1000.0 * tick, Labels.of("failed_total"): float(failed)}
        store.scrape("shop", clock.now_ms() - 1, values)
        one.tick(clock.now_ms())
    told = [a for a in sink.alerts if a.labels["alertname"] == "SLOBudgetPolicy"]
    assert {a.starts_at_ms for a in told} == {told[0].starts_at_ms}
    first = told[0]
    assert (first.labels["owner"], first.labels["condition"]) == ("team-shop", "policy 50%")
    assert first.labels["severity"] == "ticket"
    assert "its policy notifies the owner, tells tickets" in first.annotations["summary"]
    since_ms = one.policies.since_ms(OBJECTIVE.id)
    assert since_ms["50%"] == first.starts_at_ms
    one.close()
    again, sent = engine(), Sent()
    again.tick(clock.now_ms())
    assert again.policies.since_ms(OBJECTIVE.id) == since_ms
    assert sink.alerts[-1].starts_at_ms == first.starts_at_ms
    again.policies.deliver(clock.now_ms(), sent)
    assert [body["threshold_ratio"] for body in sent.bodies] == [0.5]
    gone = objectives_of(SPEC.replace("service: shop", "service: other"), "spec")
    again.replace(gone, config)
    assert again.policies.since_ms(OBJECTIVE.id) == {}
