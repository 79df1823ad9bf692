"""`tocsin alerts`: messages and routes before there is an alert."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tocsin.__main__ import command_line

CONFIG = """
templates: ['*.tmpl']
route:
  receiver: team
  group_by: [service]
  group_wait: 5s
  routes: [{receiver: pager, matchers: ['severity="page"']}]
receivers:
  - name: team
    slack_configs:
      - api_url: https://hooks.slack.com/services/hooksecret24characters00
        title: '{{ template "ours.title" . }}'
        text: '{{ (index .Alerts 0).Labels.alertname }}'
  - name: pager
    pagerduty_configs: [{routing_key: R0UT1NGKEY0123456789ABCDEF012345}]
  - name: fails
    webhook_configs: [{url: 'http://127.0.0.1:1/', payload: {a: '{{ .Nope }}'}}]
"""


def run(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(command_line(), ["alerts", *arguments])
    return answer.exit_code, answer.stdout


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    Path("a.tmpl").write_text('{{ define "ours.title" }}{{ .Status }} {{ .GroupLabels }}{{ end }}')


def shown(*arguments: str) -> dict[str, Any]:
    code, text = run("render", "-c", "c.yaml", "--output", "json", *arguments)
    assert code == 0, text
    message = json.loads(json.loads(text)[0]["message"])
    assert isinstance(message, dict)
    return message


def test_a_message_is_shown_for_examples_firing_or_over() -> None:
    for arguments, status in (((), "firing"), (("--resolved",), "resolved")):
        message = shown("team", *arguments)
        assert message["attachments"][0]["title"] == f"{status} service=checkout"


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_message_is_shown_for_given_alerts(wrapped: bool) -> None:
    alerts = [{"labels": {"alertname": "Mine", "service": "shop"}, "annotations": {"a": "b"}}]
    Path("a.json").write_text(json.dumps({"alerts": alerts} if wrapped else alerts))
    (attachment,) = shown("team", "--alerts", "a.json")["attachments"]
    assert attachment["title"] == "firing service=shop"
    assert attachment["text"] == "Mine"


def test_secrets_are_masked() -> None:
    code, text = run("render", "pager", "-c", "c.yaml")
    assert code == 0
    assert "R0UT1NG" not in text
    assert '"routing_key": "<secret>"' in text
    assert "hooksecret" not in run("render", "team", "-c", "c.yaml")[1]


def test_a_template_that_fails_is_told_with_exit_code_1() -> None:
    code, text = run("render", "fails", "-c", "c.yaml", "--output", "json")
    assert code == 1
    assert "can't evaluate field Nope" in json.loads(text)[0]["problems"][0]


@pytest.mark.parametrize("body", ["{}", "nonsense", "[]", '[{"labels": 1}]', "[1]"])
def test_what_is_no_list_of_alerts_is_refused(body: str) -> None:
    Path("a.json").write_text(body)
    assert run("render", "team", "-c", "c.yaml", "--alerts", "a.json")[0] == 1


def test_a_receiver_that_is_not_there_is_refused() -> None:
    assert run("render", "nobody", "-c", "c.yaml")[0] == 1


def test_a_failing_template_is_a_warning_of_check() -> None:
    answer = CliRunner().invoke(command_line(), ["check", "c.yaml"])
    assert answer.exit_code == 0
    assert "fails/webhook[0]: a template fails on an example" in answer.stderr
    assert "team" not in answer.stderr


def test_the_receivers_of_labels_are_printed_and_verified() -> None:
    test = ("route-test", "-c", "c.yaml")
    assert run(*test, "severity=page") == (0, "pager\n")
    assert run(*test, "severity=ticket", 'service="a b"') == (0, "team\n")
    assert run(*test, "--verify.receivers", "team", "severity=page")[0] == 1
    assert run(*test, "severity=~page")[0] == 1
    code, text = run(*test, "--output", "json", "severity=page", "service=shop")
    assert (code, json.loads(text)) == (
        0,
        [
            {
                "receiver": "pager",
                "route": '{}/{severity="page"}',
                "group": {"service": "shop"},
                "group_wait": "5s",
                "group_interval": "5m",
                "repeat_interval": "4h",
            }
        ],
    )


def test_jinja_is_shown_and_its_errors_are_of_file_and_line() -> None:
    text = (
        "{# jinja #}{% from 'lines.j2' import line %}{% for a in firing %}{{ line(a) }}{% endfor %}"
    )
    config = CONFIG.replace("'*.tmpl'", "'*.tmpl', '*.j2'")
    config = config.replace("'{{ (index .Alerts 0).Labels.alertname }}'", json.dumps(text))
    Path("c.yaml").write_text(config)
    Path("lines.j2").write_text("{% macro line(a) %}<{{ a.labels.alertname }}>{% endmacro %}")
    assert shown("team")["attachments"][0]["text"] == "<BudgetBurn><DiskFull>"
    Path("lines.j2").write_text("{% macro line(a) %}\n{{ a.labels }\n{% endmacro %}")
    answer = CliRunner().invoke(command_line(), ["check", "c.yaml"])
    assert answer.exit_code == 2
    assert "lines.j2:2" in answer.stdout
