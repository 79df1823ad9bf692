"""kill -9 in the middle of paging: what did receivers that check everything not get, or get twice?

A child process takes alerts that fire and end on a schedule, and is killed again and again. Each
alert that it acknowledged must reach PagerDuty and the webhook, firing and resolved. A message that
came twice is allowed only where a kill lies between the two: the one gap that is documented.
A receiver that knows repetitions by their id (Idempotency-Key, dedup_key) must see each one once.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

LIFE_SECONDS = 1.5
"""How long an alert fires, as long as its process lives."""
SHARED_LIFE_SECONDS = 15.0
"""The same on PostgreSQL, where the next process waits for the lease of the one that was killed."""
NAMES_REMEMBERED = 400
EMIT_SECONDS = 0.05
ALERTS_OF_A_RUN = 64
SETTLE_SECONDS = 60.0
ON_ITS_WAY_SECONDS = 0.5
ROUTING_KEY = "R0UT1NGKEY0123456789ABCDEF012345"
CONFIG = """
route: {{receiver: team, group_by: [alertname], group_wait: 0s, group_interval: 100ms}}
receivers:
- name: team
  webhook_configs: [{{url: "{url}/webhook"}}]
  pagerduty_configs: [{{routing_key: {key}, url: "{url}/v2/enqueue"}}]
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts over all alerts and both receivers.

    `doubled` came twice under one id, `unexplained` are those without a kill in between, `repeated`
    were told by two messages with ids of their own.
    """

    alerts: int
    lost: int
    doubled: int
    unexplained: int
    repeated: int
    kills: int
    problems: tuple[str, ...]


def torture(directory: Path, rounds: int, seed: int, database: str = "") -> Outcome:
    """Kill the child `rounds` times at random moments, let it finish, and count.

    `database`: PostgreSQL's URL; without one, a SQLite file in the directory.
    """
    os.environ["DATABASE"] = database or str(directory / "alerts.db")
    chance = random.Random(seed)
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    record, acknowledged = directory / "pager.jsonl", directory / "acknowledged"
    pager = _start("examples.pager", "--port", str(port), "--record", str(record))
    kills = []
    nursery = subprocess.Popen(
        [sys.executable, "-m", "bench.kill9_alerts", str(directory), url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    try:
        _wait_for(url)
        for number in range(rounds):
            child = _ask_for_child(nursery, f"{number}")
            _wait_until_running(acknowledged, number)
            time.sleep(chance.uniform(0.0, 1.0))
            kills.append(time.time())
            _kill(child)
        child = _ask_for_child(nursery, f"{rounds} last")
        deadline = time.time() + SETTLE_SECONDS
        while time.time() < deadline and _count(acknowledged, record, []).lost:
            time.sleep(0.2)
        time.sleep(0.5)
        _kill(child)
    finally:
        nursery.kill()
        nursery.communicate()
        pager.terminate()
        pager.wait()
    return _count(acknowledged, record, kills)


def _ask_for_child(nursery: subprocess.Popen[str], order: str) -> int:
    """The process id of a child that has yet to begin."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write(order + "\n")
    return int(nursery.stdout.readline())


def _kill(child: int) -> None:
    """kill -9, and wait until it is gone."""
    os.kill(child, signal.SIGKILL)
    for _ in range(1200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise RuntimeError("the child did not end")


def _bear_children(directory: Path, url: str) -> None:
    """Fork a child for each line of standard input: its imports are done, so a round is short."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    importlib.import_module("alerts.service")
    for line in sys.stdin:
        number, _, last = line.strip().partition(" ")
        child = os.fork()
        if child == 0:
            _child(directory, url, int(number), bool(last))
            os._exit(0)
        print(child, flush=True)


def _count(acknowledged: Path, record: Path, kills: Sequence[float]) -> Outcome:
    names = {line.split()[1] for line in acknowledged.read_text().splitlines()
             if line.startswith("alert ")}  # fmt: skip
    entries = [json.loads(line) for line in record.read_text().splitlines() if line.endswith("}")]
    told: Counter[tuple[str, str, str]] = Counter()
    times: dict[tuple[str, ...], list[float]] = {}
    for entry in entries:
        key = _key(entry)
        told[key[:3]] += 1
        times.setdefault(key, []).append(entry["at_seconds"])
    wanted = [
        (service, name, status)
        for name in names
        for service in ("webhook", "pagerduty")
        for status in ("firing", "resolved")
    ]
    doubles = [(first, second) for at in times.values() for first, second in pairwise(at)]
    unexplained = [pair for pair in doubles if not _has_kill_between(*pair, kills)]
    problems = tuple(problem for entry in entries for problem in entry["problems"])
    lost = sum(told[one] == 0 for one in wanted)
    ids = Counter(key[:3] for key in times)
    repeated = sum(count > 1 for count in ids.values())
    return Outcome(len(names), lost, len(doubles), len(unexplained), repeated, len(kills), problems)


def _has_kill_between(first: float, second: float, kills: Sequence[float]) -> bool:
    """Whether a kill fell between: a request on its way then is noted a little after it."""
    return any(first - ON_ITS_WAY_SECONDS <= kill <= second for kill in kills)


def _key(entry: dict[str, object]) -> tuple[str, str, str, str]:
    """(service, alert, status, the message's own identity)."""
    body = entry["body"]
    if entry["service"] == "webhook":
        name, status = body["groupLabels"]["alertname"], body["status"]  # type: ignore[index]
        return "webhook", name, status, entry["headers"]["idempotency-key"]  # type: ignore[index]
    name = KNOWN_KEYS[body["dedup_key"]]  # type: ignore[index]
    status = "resolved" if body["event_action"] == "resolve" else "firing"  # type: ignore[index]
    return "pagerduty", name, status, ""


def _known_keys() -> dict[str, str]:
    from alerts.channels.pagerduty import dedup_key

    names = [f"Alert{number}x{index}" for number in range(300) for index in range(64)]
    return {dedup_key(f'{{}}:{{alertname="{name}"}}'): name for name in names}


KNOWN_KEYS = _known_keys()


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} did not answer")


def _wait_until_running(acknowledged: Path, number: int) -> None:
    for _ in range(1200):
        if acknowledged.exists() and f"run {number}\n" in acknowledged.read_text():
            return
        time.sleep(0.02)
    raise RuntimeError("the child did not start")


def _child(directory: Path, url: str, number: int, last: bool) -> None:
    """Emit alerts until killed; a line in `acknowledged` follows each emission that returned."""
    from prometheus_client import CollectorRegistry

    from alerts.config import AlertsConfig
    from alerts.service import AlertService
    from collector.model import Alert, Labels, SystemClock
    from collector.model.secrets import Secret
    from collector.model.yaml_document import read_yaml

    clock = SystemClock()
    data = read_yaml(CONFIG.format(url=url, key=ROUTING_KEY), "bench")[0].data
    config = AlertsConfig.model_validate(data)
    database = os.environ["DATABASE"]
    address = Secret(database) if database.startswith("postgresql") else Path(database)
    service = AlertService(config, address, clock, CollectorRegistry())
    service.start()
    life_ms = (SHARED_LIFE_SECONDS if isinstance(address, Secret) else LIFE_SECONDS) * 1000
    file = directory / "acknowledged"
    lines = file.read_text().splitlines() if file.exists() else []
    old = [line.split()[1] for line in lines if line.startswith("alert ")][-NAMES_REMEMBERED:]
    ends = dict.fromkeys(old, clock.now_ms() + life_ms)
    firing = [view.stored.alert.name for view in service.alerts()]
    with file.open("a", buffering=1) as acknowledge:
        acknowledge.write(f"run {number}\n")
        for index in range(10_000):
            if not last and index < ALERTS_OF_A_RUN:
                name = f"Alert{number}x{index}"
                service.emit([Alert(Labels({"alertname": name}))])
                ends[name] = clock.now_ms() + life_ms
                firing.append(name)
                acknowledge.write(f"alert {name}\n")
            over = [name for name, at_ms in ends.items() if at_ms <= clock.now_ms()]
            service.emit([Alert(Labels({"alertname": n}), ends_at_ms=clock.now_ms()) for n in over])
            firing = [name for name in firing if name not in over]
            for name in over:
                del ends[name]
            service.emit([Alert(Labels({"alertname": n})) for n in firing])
            time.sleep(EMIT_SECONDS)


if __name__ == "__main__":
    _bear_children(Path(sys.argv[1]), sys.argv[2])
