"""`PolicyDesk`: which steps of error-budget policies are in force, and what was to be posted.

A step comes into force when its share of the budget is reached and ends a hundredth above it, so
that one crossing is one post. Both, what is in force and what is still to be posted, are in one
file, replaced whole: a post is written down before it is sent and forgotten when it was taken, so a
restart neither loses nor repeats a crossing.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from collector.model.errors import StorageError, UnavailableError
from slo.conditions import HYSTERESIS_RATIO
from slo.config_policies import PolicyWebhookConfig
from slo.objective import Objective
from slo.policy import PolicyStep
from slo.policy_post import post
from slo.self_metrics import SloMetrics
from slo.verdict import Verdict, whole

NAME = "policies.json"
MAX_POSTS = 1000
"""Waiting to be taken; the oldest are given up first, and counted."""
FIRST_WAIT_MS = 10_000
LONGEST_WAIT_MS = 3_600_000
GIVE_UP_MS = 3 * 86_400_000
"""A ticket that could not be opened for three days is for people to see: it is counted, logged."""

Send = Callable[[PolicyWebhookConfig, str, str], None]


@dataclass(frozen=True, slots=True)
class Post:
    """`body` (JSON) is for `webhook`, not before `due_ms`; `id` is the same each time."""

    id: str
    webhook: str
    body: str
    made_ms: int
    due_ms: int
    tries: int = 0


class PolicyDesk:
    """Safe to call from any thread; what is posted is posted without the lock."""

    def __init__(self, directory: Path, metrics: SloMetrics) -> None:
        """A file that can't be read is begun anew: what is in force then posts once more."""
        self._path = directory / NAME
        self._metrics = metrics
        self._lock = threading.Lock()
        self._webhooks: dict[str, PolicyWebhookConfig] = {}
        self._since, self._posts = self._read()
        self._saved = self._record()

    def configure(self, webhooks: Sequence[PolicyWebhookConfig]) -> None:
        """Post to these from now on."""
        with self._lock:
            self._webhooks = {one.name: one for one in webhooks}

    def since_ms(self, id_: str) -> Mapping[str, int]:
        """When each step of an objective that is in force began, by its share as text."""
        with self._lock:
            return dict(self._since.get(id_, {}))

    def update(self, verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
        """Take in how much is left; the conditions of steps that notify, with ids of objectives."""
        with self._lock:
            conditions: dict[str, list[str]] = {}
            for verdict in verdicts:
                for step in verdict.objective.policy:
                    if self._is_in_force(verdict, step) and step.notify:
                        conditions.setdefault(step.condition, []).append(verdict.objective.id)
            return conditions

    def forget(self, ids: set[str]) -> None:
        """Objectives that are no more."""
        with self._lock:
            self._since = {id_: steps for id_, steps in self._since.items() if id_ not in ids}

    def save(self) -> None:
        """Write down what changed. Raises StorageError; until then nothing of it is posted."""
        with self._lock:
            now = self._record()
            if now == self._saved:
                return
            temporary = self._path.with_suffix(".new")
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                temporary.write_text(now, encoding="utf-8")
                temporary.replace(self._path)
            except OSError as error:
                raise StorageError(
                    f"{self._path} can't be written: {error.strerror}",
                    advice="check the disk's space and the mode",
                ) from error
            self._saved = now

    def deliver(self, now_ms: int, send: Send = post) -> None:
        """Post what is due and written down. Raises StorageError, or what the last post raised."""
        with self._lock:
            written = {one["id"] for one in json.loads(self._saved)["posts"]}
            due = [one for one in self._posts if one.due_ms <= now_ms and one.id in written]
            webhooks = dict(self._webhooks)
        failure = None
        for one in due:
            try:
                send(_webhook_of(one, webhooks), one.body, one.id)
                self._done(one, "delivered")
            except UnavailableError as error:
                failure = error
                self._again(one, now_ms)
        if due:
            self.save()
        if failure is not None:
            raise failure

    def _is_in_force(self, verdict: Verdict, step: PolicyStep) -> bool:
        since = self._since.setdefault(verdict.objective.id, {})
        left = (verdict.period or verdict.budget).left_ratio
        limit = float(step.left_ratio)
        if step.percent in since:
            if left > limit + HYSTERESIS_RATIO:
                del since[step.percent]
        elif left <= limit:
            since[step.percent] = verdict.at_ms
            if step.webhook:
                self._posts = [*self._posts, _post(verdict, step, left)]
                self._give_up(self._posts[:-MAX_POSTS])
        return step.percent in since

    def _done(self, one: Post, outcome: str) -> None:
        with self._lock:
            self._posts = [other for other in self._posts if other.id != one.id]
        self._metrics.policy_posts.labels(outcome).inc()

    def _again(self, one: Post, now_ms: int) -> None:
        if now_ms - one.made_ms >= GIVE_UP_MS:
            self._done(one, "given_up")
            return
        self._metrics.policy_posts.labels("failed").inc()
        wait_ms = min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** min(one.tries, 20))
        later = replace(one, due_ms=now_ms + wait_ms, tries=one.tries + 1)
        with self._lock:
            self._posts = [later if other.id == one.id else other for other in self._posts]

    def _give_up(self, posts: Sequence[Post]) -> None:
        for _ in posts:
            self._metrics.policy_posts.labels("given_up").inc()
        self._posts = self._posts[-MAX_POSTS:]

    def _record(self) -> str:
        posts = [asdict(one) for one in self._posts]
        return json.dumps({"since": {k: v for k, v in self._since.items() if v}, "posts": posts})

    def _read(self) -> tuple[dict[str, dict[str, int]], list[Post]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            since = {
                id_: {step: int(ms) for step, ms in steps.items()}
                for id_, steps in data["since"].items()
            }
            return since, [Post(**one) for one in data["posts"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}, []


def _webhook_of(one: Post, webhooks: Mapping[str, PolicyWebhookConfig]) -> PolicyWebhookConfig:
    if one.webhook not in webhooks:
        raise UnavailableError(
            f"there is no webhook {one.webhook!r} any more", advice="put it back in slos.webhooks"
        )
    return webhooks[one.webhook]


def _post(verdict: Verdict, step: PolicyStep, left: float) -> Post:
    key = f"{verdict.objective.id} {step.percent} {verdict.at_ms}"
    id_ = hashlib.sha256(key.encode()).hexdigest()[:32]
    body = json.dumps(_body(verdict, step, left, id_), sort_keys=True)
    return Post(id_, step.webhook, body, verdict.at_ms, verdict.at_ms)


def _body(verdict: Verdict, step: PolicyStep, left: float, id_: str) -> dict[str, Any]:
    objective: Objective = verdict.objective
    return {
        "event": "error_budget_policy",
        "id": id_,
        "slo": objective.id,
        "service": objective.service,
        "name": objective.title,
        "description": objective.description,
        "owner": objective.owner,
        "labels": dict(objective.labels),
        "at_ms": verdict.at_ms,
        "threshold_ratio": float(step.left_ratio),
        "left_ratio": left,
        "freeze": step.freeze,
        "window": objective.window.text,
        "objective": objective.ratio,
        "good": whole(verdict.budget.good),
        "bad": whole(verdict.budget.bad),
        "total": whole(verdict.budget.total),
        "runbook_url": objective.runbook_url,
        "dashboard_url": objective.dashboard_url,
    }
