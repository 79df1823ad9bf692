"""A running tocsin where an Alertmanager was: the guide's three commands, its clients unchanged.

Debian's Alertmanager and a `tocsin up` read the same alertmanager.yml; the guide's commands are run
as they stand in it. Then both are given the same alerts and silences over HTTP and by amtool, and a
Debian Prometheus and vmalert fire at tocsin.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "migrate-alertmanager.md"
PROGRAMS = ("prometheus", "prometheus-alertmanager", "amtool")
pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="a program is not installed"),
]
CONFIG = """
global: {resolve_timeout: 5m}
templates: ['*.tmpl']
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  routes:
    - {matchers: ['night="yes"'], receiver: team, mute_time_intervals: [always]}
    - {matchers: ['severity="page"'], receiver: pager, continue: true}
time_intervals: [{name: always, time_intervals: [{weekdays: ['sunday:saturday']}]}]
inhibit_rules:
  - source_matchers: ['severity="critical"']
    target_matchers: ['severity="warning"']
    equal: [job]
receivers:
  - name: team
    webhook_configs: [{url: 'http://127.0.0.1:1/hook'}]
  - name: pager
    pagerduty_configs:
      - {routing_key: R0UT1NGKEY0123456789ABCDEF012345, url: 'http://127.0.0.1:1/pager',
         description: '{{ template "ours" . }}'}
"""
START, END = (
    (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    for hours in (-1, 48)
)
ALERTS: list[dict[str, Any]] = [
    {"labels": {"alertname": "Full", "job": "db", "severity": "critical"},
     "annotations": {"summary": "97 %"}, "generatorURL": "http://prometheus/graph"},
    {"labels": {"alertname": "Slow", "job": "db", "severity": "warning"}},
    {"labels": {"alertname": "Errors", "job": "web", "severity": "page", "empty": ""}},
    {"labels": {"alertname": "Quiet", "job": "web"}},
]  # fmt: skip
SILENCES: list[dict[str, Any]] = [
    {"matchers": [{"name": "alertname", "value": "Quiet", "isRegex": False}],
     "startsAt": START, "endsAt": END, "createdBy": "ann", "comment": "known"},
    {"matchers": [{"name": "job", "value": "x|y", "isRegex": True, "isEqual": False},
                  {"name": "zone", "value": "b", "isRegex": False, "isEqual": True}],
     "startsAt": END, "endsAt": "2090-01-01T00:00:00.000Z", "createdBy": "bob", "comment": "move"},
    {"matchers": [{"name": "alertname", "value": "Gone", "isRegex": False}],
     "startsAt": START, "endsAt": END, "createdBy": "ann", "comment": "to be ended"},
]  # fmt: skip
CHANGING = {"fingerprint", "updatedAt", "inhibitedBy", "silencedBy", "mutedBy", "id"}
"""What two servers can't have alike: hashes, ids and times of theirs, and a key that 0.25 lacks."""


def ask(url: str, body: object = None, method: str | None = None) -> tuple[int, Any]:
    """Status and JSON (None where there is none) of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if data else {}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, None


@dataclass(frozen=True)
class Stage:
    """Both servers, with the directory of their files; `told` is what each command said."""

    directory: Path
    alertmanager: str
    tocsin: str
    processes: Any
    told: dict[str, str]

    def both(self, path: str) -> tuple[Any, Any]:
        """The answers to a GET, Alertmanager's first."""
        return ask(self.alertmanager + path)[1], ask(self.tocsin + path)[1]

    def command(self, line: str) -> tuple[int, str]:
        """The exit code and output of a line of the guide, its addresses being these servers'."""
        for theirs, own in (("127.0.0.1:9093", self.alertmanager), ("127.0.0.1:9900", self.tocsin)):
            line = line.replace(theirs, own.removeprefix("http://"))
        program, *arguments = line.split()
        assert program == "tocsin"
        run = subprocess.run(
            [sys.executable, "-m", "tocsin", *arguments],
            cwd=self.directory, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return run.returncode, run.stdout + run.stderr


def guide() -> list[str]:
    """The commands of the guide."""
    block = re.search(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert block is not None
    return block[1].strip().split("\n")


def wait(condition: Callable[[], object], processes: Any) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and processes.all_run():
        try:
            if condition():
                return
        except (OSError, KeyError, TypeError):
            pass
        time.sleep(0.1)
    pytest.fail(f"it did not come true\n{processes.logs()}")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("in_place")
    processes = importlib.import_module("tests.conftest").Processes(directory)
    ports = [free_port(), free_port()]
    alertmanager, tocsin = (f"http://127.0.0.1:{port}" for port in ports)
    (directory / "alertmanager.yml").write_text(CONFIG)
    (directory / "ours.tmpl").write_text('{{ define "ours" }}{{ .CommonLabels.job }}{{ end }}')
    try:
        processes.start(
            ["prometheus-alertmanager", f"--config.file={directory}/alertmanager.yml",
             f"--storage.path={directory}/am", f"--web.listen-address=127.0.0.1:{ports[0]}",
             "--cluster.listen-address="]
        )  # fmt: skip
        wait(lambda: ask(f"{alertmanager}/-/ready")[0] == 200, processes)
        for silence in SILENCES:
            assert ask(f"{alertmanager}/api/v2/silences", silence)[0] == 200
        gone = ask(f"{alertmanager}/api/v2/silences?filter=alertname=Gone")[1][0]["id"]
        assert ask(f"{alertmanager}/api/v2/silence/{gone}", method="DELETE")[0] == 200
        yield migrated(Stage(directory, alertmanager, tocsin, processes, {}))
    finally:
        processes.end()


def migrated(stage: Stage) -> Stage:
    """The guide's three commands, the second of which goes on."""
    check, up, copy = guide()
    code, stage.told["check"] = stage.command(check)
    assert code == 0, stage.told
    address = stage.tocsin.removeprefix("http://")
    file = stage.directory / "alertmanager.yml"
    arguments = up.replace("127.0.0.1:9900", address).replace("alertmanager.yml", str(file))
    data = f"--data-dir={stage.directory}/data"
    stage.processes.python(*arguments.split(), data)
    wait(lambda: ask(f"{stage.tocsin}/-/ready")[0] == 200, stage.processes)
    code, stage.told["copy"] = stage.command(copy)
    assert code == 0, stage.told
    for url in (stage.alertmanager, stage.tocsin):
        sent = [{**alert, "startsAt": START, "endsAt": END} for alert in ALERTS]
        assert ask(f"{url}/api/v2/alerts", sent)[0] == 200
        wait(partial(has_all_groups, url), stage.processes)
    # inhibition shows in Alertmanager when the group is asked for the first time
    slow = f"{stage.alertmanager}/api/v2/alerts?filter=alertname=Slow"
    wait(lambda: ask(slow)[1][0]["status"]["inhibitedBy"], stage.processes)
    quiet = f"{stage.alertmanager}/api/v2/alerts?filter=alertname=Quiet"
    wait(lambda: ask(quiet)[1][0]["status"]["silencedBy"], stage.processes)
    return stage


def has_all_groups(url: str) -> bool:
    return len(ask(f"{url}/api/v2/alerts/groups")[1]) == len(ALERTS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def alike(value: Any) -> Any:
    """A value without what two servers can't have alike, lists of alerts in the order of names."""
    if isinstance(value, list):
        return sorted(map(alike, value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, dict):
        return {name: alike(one) for name, one in value.items() if name not in CHANGING}
    return value


def test_the_guides_commands_say_what_they_did(stage: Stage) -> None:
    assert "alertmanager.yml: right" in stage.told["check"]
    assert stage.told["copy"].strip() == "2 copied, 0 there already, 0 refused"


def test_silences_are_copied_once_however_often_one_asks(stage: Stage) -> None:
    code, told = stage.command(guide()[2])
    assert (code, told.strip()) == (0, "0 copied, 2 there already, 0 refused")
    query = "/api/v2/silences?expired=false"
    # 0.25 doesn't know the parameter
    theirs, ours = (
        [one for one in answer if one["status"]["state"] != "expired"]
        for answer in stage.both(query)
    )
    for one in (*theirs, *ours):
        # a copy of one that holds begins when it is made
        one["startsAt"] = one["startsAt"] if one["status"]["state"] == "pending" else ""
    origins = {one["annotations"]["alertmanager_id"] for one in ours}
    assert origins == {one["id"] for one in theirs}
    for one in ours:
        del one["annotations"]
    assert alike(ours) == alike(theirs)


@pytest.mark.parametrize("path", ["alerts", "alerts/groups"])
@pytest.mark.parametrize(
    "query",
    [
        "", "active=false", "silenced=false", "inhibited=false", "unprocessed=false",
        "receiver=team", "receiver=te", "receiver=te.*|pager", "filter=job=db", 'filter=job="db"',
        "filter=job=~d.%2B&filter=severity!=warning", "filter=alertname=", "filter=nosuch!=x",
        "silenced=false&inhibited=false", "active=false&filter=job=db",
    ],
)  # fmt: skip
def test_alerts_and_groups_are_alike_key_by_key(stage: Stage, path: str, query: str) -> None:
    theirs, ours = stage.both(f"/api/v2/{path}?{query}")
    assert alike(ours) == alike(theirs)


def test_what_holds_an_alert_back_is_told_alike(stage: Stage) -> None:
    held = []
    for url in (stage.alertmanager, stage.tocsin):
        found = ask(f"{url}/api/v2/alerts")[1]
        names = {one["fingerprint"]: one["labels"]["alertname"] for one in found}
        ids = {one["id"]: one["comment"] for one in ask(f"{url}/api/v2/silences")[1]}
        status = {one["labels"]["alertname"]: one["status"] for one in found}
        held.append(
            {
                name: (
                    [names[by] for by in one["inhibitedBy"]],
                    [ids[by] for by in one["silencedBy"]],
                )
                for name, one in status.items()
            }
        )
    assert held[1] == held[0]
    assert held[1]["Slow"] == (["Full"], [])
    assert held[1]["Quiet"] == ([], ["known"])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "filter=alertname=Quiet",
        "filter=zone=b",
        "filter=alertname=~Q.*",
        "filter=a=b",
        "filter=job!~x|y",
        "filter=job!~x|y&filter=zone=b",
        "filter=job=~x|y",
    ],
)
def test_silences_are_found_alike(stage: Stage, query: str) -> None:
    found = [
        sorted(one["comment"] for one in answer if one["status"]["state"] != "expired")
        for answer in stage.both(f"/api/v2/silences?{query}")
    ]
    assert found[1] == found[0]


def test_receivers_and_status_have_the_same_keys(stage: Stage) -> None:
    theirs, ours = stage.both("/api/v2/receivers")
    assert ours == theirs
    theirs, ours = stage.both("/api/v2/status")
    assert ours.keys() == theirs.keys()
    assert ours["versionInfo"].keys() == theirs["versionInfo"].keys()
    assert ours["cluster"] == theirs["cluster"]
    assert "R0UT1NGKEY" not in json.dumps(ours)


NO_ID = "00000000-0000-0000-0000-000000000000"
LATER = SILENCES[0]


REFUSED: list[tuple[str, object]] = [
    ("alerts?filter=bad", None),
    ("alerts/groups?filter=bad", None),
    ("silences?filter=b(", None),
    ("alerts?receiver=(", None),
    ("alerts/groups?receiver=(", None),
    (f"silence/{NO_ID}", None),
    ("alerts", {}),
    ("alerts", []),
    ("alerts", [{"labels": {}}]),
    ("alerts", [{"labels": {"a": "b"}, "startsAt": "x"}]),
    ("alerts", [{"labels": {"a": 1}}]),
    ("alerts", [{"labels": {"a": "b"}, "startsAt": END, "endsAt": START}]),
    ("silences", {**LATER, "id": NO_ID}),
    ("silences", {**LATER, "endsAt": START}),
    ("silences", {**LATER, "matchers": [{"name": "a", "value": "(", "isRegex": True}]}),
    ("silences", {**LATER, "matchers": [{"name": "a", "value": ".*", "isRegex": True}]}),
    ("nosuch", None),
]


@pytest.mark.parametrize(("path", "body"), REFUSED)
def test_errors_have_the_same_status(stage: Stage, path: str, body: object) -> None:
    theirs, _ = ask(f"{stage.alertmanager}/api/v2/{path}", body)
    ours, answer = ask(f"{stage.tocsin}/api/v2/{path}", body)
    assert ours == theirs
    assert ours == 200 or isinstance(answer, str)


def amtool(url: str, *arguments: str) -> str:
    command = ["amtool", f"--alertmanager.url={url}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert "warning" not in run.stderr.lower(), run.stderr
    return run.stdout


@pytest.mark.parametrize(
    "command",
    [
        "alert query", "alert query job=db", "alert query --silenced", "alert query --inhibited",
        "alert query -r pager", "alert query alertname=~E.*",
        "config routes show", "config routes test severity=page job=db",
        "config routes test night=yes --tree", "cluster show",
    ],
)  # fmt: skip
def test_amtool_prints_the_same(stage: Stage, command: str) -> None:
    theirs, ours = (amtool(url, *command.split()) for url in (stage.alertmanager, stage.tocsin))
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())


def test_amtools_silences_go_from_one_to_the_other(stage: Stage) -> None:
    url = stage.tocsin
    matchers = ("alertname=Amtool", "job=~a|b")
    made = amtool(url, "silence", "add", *matchers, "-d", "1h", "-c", "c", "-a", "me").strip()
    [shown] = json.loads(amtool(url, "silence", "query", "alertname=Amtool", "-o", "json"))
    assert (shown["id"], shown["createdBy"]) == (made, "me")
    changed = amtool(url, "silence", "update", "-d", "5h", "-o", "json", made)
    assert json.loads(changed)[0]["endsAt"] > shown["endsAt"]
    exported = stage.directory / "silences.json"
    exported.write_text(amtool(url, "silence", "query", "alertname=Amtool", "-o", "json"))
    amtool(stage.alertmanager, "silence", "import", "--force", str(exported))
    theirs = amtool(stage.alertmanager, "silence", "query", "alertname=Amtool", "-o", "json")
    assert [one["comment"] for one in json.loads(theirs)] == ["c"]
    for one in (url, stage.alertmanager):
        ids = amtool(one, "silence", "query", "alertname=Amtool", "-q").split()
        amtool(one, "silence", "expire", *ids)
        assert amtool(one, "silence", "query", "alertname=Amtool", "-q").split() == []


def test_an_alert_of_amtools_fires(stage: Stage) -> None:
    amtool(stage.tocsin, "alert", "add", "alertname=FromAmtool", "job=x", "--annotation=a=b")
    [found] = ask(f"{stage.tocsin}/api/v2/alerts?filter=alertname=FromAmtool")[1]
    assert found["annotations"] == {"a": "b"}
    end = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = ("alertname=FromAmtool", "job=x")
    amtool(stage.tocsin, "alert", "add", *labels, f"--start={START}", f"--end={end}")
    path = f"{stage.tocsin}/api/v2/alerts?filter=alertname=FromAmtool"
    wait(lambda: ask(path)[1] == [], stage.processes)


RULES = """
groups:
- name: shop
  interval: 1s
  rules:
  - alert: ShopClosed
    expr: shop_open == 0
    labels: {severity: page}
    annotations: {summary: "{{ $labels.instance }} is closed"}
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: shop, static_configs: [{{targets: ["{target}"]}}]}}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{tocsin}"]}}]}}]}}
"""


def test_an_alert_of_a_prometheus_fires_and_ends(stage: Stage) -> None:
    server = importlib.import_module("tests.oracles.exposition_server")
    target = server.ExpositionServer(server.Answer(b"shop_open 0\n"))
    config = PROMETHEUS.format(target=target.address, tocsin=stage.tocsin.removeprefix("http://"))
    (stage.directory / "prometheus.yml").write_text(config)
    (stage.directory / "rules.yml").write_text(RULES)
    port = free_port()
    path = f"{stage.tocsin}/api/v2/alerts?filter=alertname=ShopClosed"
    try:
        stage.processes.start(
            ["prometheus", f"--config.file={stage.directory}/prometheus.yml",
             f"--storage.tsdb.path={stage.directory}/prometheus",
             f"--web.listen-address=127.0.0.1:{port}"]
        )  # fmt: skip
        wait(lambda: ask(path)[1], stage.processes)
        [found] = ask(path)[1]
        assert found["receivers"] == [{"name": "pager"}]
        assert found["annotations"] == {"summary": f"{target.address} is closed"}
        target.answer = server.Answer(b"shop_open 1\n")
        wait(lambda: ask(path)[1] == [], stage.processes)
    finally:
        target.close()
    assert stage.command("tocsin alerts history --url http://127.0.0.1:9900")[0] == 0


@pytest.mark.skipif(shutil.which("vmalert") is None, reason="vmalert is not installed")
def test_an_alert_of_a_vmalert_fires(stage: Stage) -> None:
    rules = stage.directory / "vmalert.yml"
    rule = "{alert: FromVmalert, expr: 'vector(7)', annotations: {value: '{{ $value }}'}}"
    rules.write_text(f"groups: [{{name: one, interval: 1s, rules: [{rule}]}}]")
    stage.processes.start(
        ["vmalert", f"-rule={rules}", f"-datasource.url={stage.tocsin}",
         f"-notifier.url={stage.tocsin}", f"-httpListenAddr=127.0.0.1:{free_port()}"]
    )  # fmt: skip
    path = f"{stage.tocsin}/api/v2/alerts?filter=alertname=FromVmalert"
    wait(lambda: ask(path)[1], stage.processes)
    [found] = ask(path)[1]
    assert (found["labels"]["alertgroup"], found["annotations"]) == ("one", {"value": "7"})
