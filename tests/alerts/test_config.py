"""Alertmanager's files paste in; what is wrong is named by its field; no secret is ever shown."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from alerts.config import AlertmanagerGlobal, AlertsConfig, write_original

SECRET = "hooksecret24characters00"
ALERTMANAGER_YML = """
global:
  resolve_timeout: 5m
  smtp_smarthost: 'localhost:25'
  smtp_from: 'alertmanager@example.org'
  slack_api_url: https://hooks.slack.com/services/T1/B1/hooksecret24characters00
  opsgenie_api_url: https://api.opsgenie.com/
templates: ['/etc/alertmanager/template/*.tmpl']
route:
  group_by: ['alertname', 'cluster', 'service']
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  receiver: team-X-mails
  routes:
    - matchers: [ service=~"foo1|foo2|baz" ]
      receiver: team-X-mails
      routes:
        - matchers: [ severity="critical" ]
          receiver: team-X-pager
          continue: true
    - match: {service: files}
      match_re: {owner: team-.*}
      receiver: team-Y-pager
      mute_time_intervals: [offhours]
inhibit_rules:
  - source_matchers: [ severity="critical" ]
    target_matchers: [ severity="warning" ]
    equal: ['alertname', 'cluster']
time_intervals:
  - name: offhours
    time_intervals:
      - times: [{start_time: '18:00', end_time: '24:00'}]
        weekdays: ['monday:friday']
        location: Europe/Berlin
receivers:
  - name: team-X-mails
    email_configs: [{to: 'team-X+alerts@example.org'}]
  - name: team-X-pager
    pagerduty_configs:
      - routing_key: R0UT1NGKEY0123456789ABCDEF012345
        severity: '{{ .CommonLabels.severity }}'
    slack_configs:
      - {channel: '#x', send_resolved: true, title: '{{ .CommonAnnotations.summary }}'}
  - name: team-Y-pager
    webhook_configs: [{url: 'http://127.0.0.1:9/hook', max_alerts: 10}]
"""


def loaded() -> tuple[AlertsConfig, AlertmanagerGlobal]:
    data = yaml.safe_load(ALERTMANAGER_YML)
    defaults = AlertmanagerGlobal.model_validate(data.pop("global"))
    return AlertsConfig.model_validate(data), defaults


def errors(**sections: Any) -> dict[str, str]:
    """Message by dotted place."""
    with pytest.raises(ValidationError) as caught:
        AlertsConfig.model_validate(sections)
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


def test_alertmanagers_own_example_pastes_in() -> None:
    config, defaults = loaded()
    assert config.route is not None
    assert config.route.routes[0].routes[0].continue_
    assert config.route.repeat_interval == 3 * 3_600_000
    assert defaults.resolve_timeout == 300_000


def test_the_written_original_reads_back_and_shows_no_secret() -> None:
    config, defaults = loaded()
    text = write_original(config, defaults)
    assert SECRET not in text
    assert "R0UT1NG" not in text
    data = yaml.safe_load(text)
    again = AlertmanagerGlobal.model_validate(data.pop("global"))
    config_again = AlertsConfig.model_validate(data)
    assert write_original(config_again, again) == text


def test_no_secret_is_in_a_repr_or_an_error() -> None:
    config, defaults = loaded()
    for text in (repr(config), repr(defaults), str(config), str(config.model_dump())):
        assert SECRET not in text
        assert "R0UT1NG" not in text
    with pytest.raises(ValidationError) as caught:
        AlertsConfig.model_validate(
            {"receivers": [{"name": "a", "slack_configs": [{"api_url": f"ftp://x/{SECRET}"}]}]}
        )
    assert SECRET not in str(caught.value)


ROUTE = {"receiver": "a"}
RECEIVERS = [{"name": "a"}]


@pytest.mark.parametrize(
    ("sections", "place", "message"),
    [
        ({"route": {"receiver": "b"}}, "route.receiver", "undefined receiver 'b'"),
        (
            {"route": {**ROUTE, "routes": [{}, {"receiver": "c"}]}},
            "route.routes.1.receiver",
            "undefined receiver 'c'",
        ),
        ({"route": {}}, "route", "must name a default receiver"),
        ({"route": {**ROUTE, "matchers": ["a=b"]}}, "route.matchers", "must not have matchers"),
        (
            {"route": {**ROUTE, "routes": [{"matchers": ["a~b"]}]}},
            "route.routes.0.matchers",
            "bad matcher format: a~b",
        ),
        (
            {"route": {**ROUTE, "routes": [{"match_re": {"a": "("}}]}},
            "route.routes.0.match_re.a",
            "not a valid regular expression",
        ),
        ({"route": {**ROUTE, "group_wait": 30}}, "route.group_wait", "write a unit"),
        ({"route": {**ROUTE, "group_interval": "0s"}}, "route.group_interval", "cannot be zero"),
        ({"route": {**ROUTE, "group_by": ["...", "a"]}}, "route.group_by", "wildcard"),
        (
            {"route": {**ROUTE, "routes": [{"mute_time_intervals": ["x"]}]}},
            "route.routes.0.mute_time_intervals.0",
            "undefined time interval 'x'",
        ),
        ({"receivers": [{"name": "a"}, {"name": "a"}]}, "receivers.1.name", "not unique"),
        (
            {"receivers": [{"name": "a", "jira_configs": [{"project": "x"}]}]},
            "receivers.0.jira_configs",
            "jira_configs is not supported yet",
        ),
        (
            {"receivers": [{"name": "a", "slack_configs": [{"chanel": "x"}]}]},
            "receivers.0.slack_configs.0.chanel",
            "Extra inputs",
        ),
        (
            {"receivers": [{"name": "a", "pagerduty_configs": [{}]}]},
            "receivers.0.pagerduty_configs.0",
            "missing routing_key",
        ),
        (
            {"time_intervals": [{"name": "x", "time_intervals": [{"weekdays": ["funday"]}]}]},
            "time_intervals.0.time_intervals.0",
            "'funday'",
        ),
    ],
)
def test_a_mistake_is_named_by_its_field(
    sections: dict[str, Any], place: str, message: str
) -> None:
    found = errors(**{"route": ROUTE, "receivers": RECEIVERS, **sections})
    assert place in found
    assert message in found[place]
