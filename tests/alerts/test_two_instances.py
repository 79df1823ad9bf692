"""Two instances on one PostgreSQL: each page once, whoever takes it, whichever is killed or paused.

Real processes, a real PostgreSQL, and a receiver that keeps every request.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]
Eventually = Callable[..., object]
MOST_ON_THEIR_WAY = 6
"""Messages that may come twice under one id: one for each time that an instance stopped, and some
for a machine so busy that a lease ran out by itself."""


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        text = answer.read()
        return json.loads(text) if text else None


@dataclass
class Instance:
    url: str
    process: subprocess.Popen[bytes]

    def acts(self) -> bool:
        return bool(ask(f"{self.url}/acting"))

    def answers(self) -> bool:
        return self.acts() in (True, False)

    def sleeps_no_more(self) -> bool:
        return not self.acts()

    def shows_silenced(self, identifier: str) -> bool:
        shown = ask(f"{self.url}/api/v2/alerts")
        return any(alert["status"]["silencedBy"] == [identifier] for alert in shown)

    def post(self, *names: str, ended: bool = False) -> None:
        end = {"endsAt": "2020-01-01T00:00:00Z"} if ended else {}
        body = [{"labels": {"alertname": n}, **end} for n in names]
        for _ in range(10):
            try:
                ask(f"{self.url}/api/v2/alerts", body)
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise
                time.sleep(1)  # as a judge that comes again
            else:
                return
        pytest.fail("the alerts were not taken")

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)


@dataclass
class Pair:
    """Two instances, the receiver of both, and what was posted."""

    pager: Any
    start: Callable[[], Instance]
    eventually: Eventually
    instances: list[Instance] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def acting(self) -> Instance:
        """The one that acts; waits until one does."""
        found: list[Instance] = []

        def one_acts() -> bool:
            found[:] = [one for one in self.instances if one.acts()]
            return len(found) == 1

        self.eventually(one_acts, what="one instance acts")
        return found[0]

    def other(self, than: Instance) -> Instance:
        return next(one for one in self.instances if one is not than)

    def names(self, count: int) -> list[str]:
        new = [f"Alert{len(self.posted) + i}" for i in range(count)]
        self.posted += new
        return new

    def pages(self) -> Counter[str]:
        """How often each alert was told as firing."""
        return Counter(
            entry.body["groupLabels"]["alertname"]
            for entry in self.pager.of("webhook")
            if entry.body["status"] == "firing"
        )

    def wait_for_pages(self) -> None:
        self.eventually(
            lambda: set(self.posted) <= self.pages().keys(),
            what=f"pages of {len(self.posted)} alerts",
        )

    def messages(self) -> Counter[str]:
        """How many messages told each alert, for a receiver that knows repetitions by their id."""
        return Counter(name for name, _ in self.ids())

    def ids(self) -> Counter[tuple[str, str]]:
        """How often each alert was told under each of a message's identities."""
        return Counter(
            (entry.body["groupLabels"]["alertname"], entry.headers["idempotency-key"])
            for entry in self.pager.of("webhook")
            if entry.body["status"] == "firing"
        )


@pytest.fixture
def pair(
    pager: Any, postgres: Any, processes: Any, free_port: Any, eventually: Eventually
) -> Iterator[Pair]:
    address = postgres.new_url()

    def start() -> Instance:
        port = free_port()
        process = processes.python(
            "tests.oracles.alert_instance", str(port), pager.url, DATABASE=address
        )
        return Instance(f"http://127.0.0.1:{port}", process)

    made = Pair(pager, start, eventually)
    made.instances += [start(), start()]
    for one in made.instances:
        eventually(one.answers, timeout_seconds=120, what="an instance answers")
    yield made
    for one in made.instances:
        one.kill(signal.SIGCONT)


def test_each_page_is_sent_once_wherever_it_was_posted(pair: Pair) -> None:
    acting = pair.acting()
    standby = pair.other(acting)
    both, one, two = pair.names(5), pair.names(5), pair.names(5)
    acting.post(*both, *one)
    standby.post(*both, *two)
    pair.wait_for_pages()
    silence = {
        "matchers": [{"name": "alertname", "value": "Quiet", "isRegex": False}],
        "startsAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endsAt": "2100-01-01T00:00:00Z",
        "createdBy": "ana",
        "comment": "a test",
    }
    identifier = ask(f"{standby.url}/api/v2/silences", silence)["silenceID"]
    pair.eventually(
        lambda: ask(f"{acting.url}/api/v2/silence/{identifier}")["status"]["state"] == "active",
        what="the silence is known to the other instance",
    )
    standby.post("Quiet")
    for instance in pair.instances:
        pair.eventually(partial(instance.shows_silenced, identifier), what="it is silenced")
    standby.post(*pair.posted, ended=True)
    pair.eventually(
        lambda: (
            sum(one.body["status"] == "resolved" for one in pair.pager.of("webhook"))
            >= len(pair.posted)
        ),
        what="every resolve is told",
    )
    assert pair.messages() == Counter(pair.posted)
    acting.post(*pair.names(5))
    acting.kill(signal.SIGTERM)
    acting.process.wait(60)
    pair.instances.remove(acting)
    pair.eventually(standby.acts, what="the other one acts")
    standby.post(*pair.names(5))
    pair.wait_for_pages()
    assert pair.messages() == Counter(pair.posted)


def test_who_is_paused_or_killed_is_taken_over_from_and_sends_nothing_twice(pair: Pair) -> None:
    for _ in range(2):
        acting = pair.acting()
        standby = pair.other(acting)
        acting.post(*pair.names(10))
        acting.kill(signal.SIGSTOP)
        pair.eventually(standby.acts, what="the other one acts")
        standby.post(*pair.names(10))
        pair.wait_for_pages()
        acting.kill(signal.SIGCONT)
        pair.eventually(acting.sleeps_no_more, what="the one that slept knows")
        acting.post(*pair.posted)
        acting.post(*pair.names(1))
        pair.wait_for_pages()
    acting = pair.acting()
    standby = pair.other(acting)
    acting.post(*pair.names(20))
    acting.kill()
    killed_at = time.monotonic()
    pair.eventually(standby.acts, what="the other one acts")
    print(f"taken over {time.monotonic() - killed_at:.1f} s after kill -9")
    standby.post(*pair.names(5))
    pair.wait_for_pages()
    assert pair.messages() == Counter(pair.posted)
    doubled = {key for key, count in pair.ids().items() if count > 1}
    assert len(doubled) <= MOST_ON_THEIR_WAY
