from __future__ import annotations

from pathlib import Path

import pytest

from collector.config_errors import ManyConfigErrors
from collector.model.errors import InputError
from collector.rules.file import check_pattern, load_rule_files, parse_rules, rule_paths
from collector.rules.rule import AlertingRule, RecordingRule

WHOLE = """
groups:
- name: g
  interval: 30s
  query_offset: 10s
  limit: 5
  labels: {team: a, severity: low}
  rules:
  - record: job:x:sum
    expr: "sum by(job)(x)"
  - alert: Alert
    expr: job:x:sum > 1
    for: 1h30m
    keep_firing_for: 5m
    labels: {severity: page, tier: 1.50, on: yes}
    annotations: {summary: '{{ $labels.job }} is at {{ $value }}'}
"""


def test_a_whole_file_is_read() -> None:
    (group,) = parse_rules(WHOLE, "f.yml")
    assert (group.key, group.interval_ms, group.query_offset_ms, group.limit) == (
        "f.yml;g", 30_000, 10_000, 5,
    )  # fmt: skip
    record, alert = group.rules
    assert isinstance(record, RecordingRule)
    assert isinstance(alert, AlertingRule)
    assert record.query == "sum by (job) (x)"
    assert record.labels == {"severity": "low", "team": "a"}
    assert (alert.for_ms, alert.keep_firing_for_ms) == (5_400_000, 300_000)
    assert alert.labels == {"on": "yes", "severity": "page", "team": "a", "tier": "1.50"}
    assert list(alert.templates) == ["{{ $labels.job }} is at {{ $value }}"]


def errors(text: str) -> list[str]:
    with pytest.raises(ManyConfigErrors) as caught:
        parse_rules(text, "f.yml")
    return [str(error) for error in caught.value.errors]


def test_every_error_of_a_file_is_told_at_once_with_its_place() -> None:
    found = errors("""groups:
- name: g
  intervall: 5m
  rules:
  - record: a
  - alert: B
    expr: sum(
    annotations:
      one: '{{ nope }}'
      two: "fine\\n{{ $labels.x "
  - record: c
    expr: up
    for: 5m
- name: g
  rules:
  - alert: D
    expr: up
    for: soon
""")
    assert [error.split(": ", 1)[0] for error in found] == [
        "f.yml:3", "f.yml:5", "f.yml:7", "f.yml:9", "f.yml:10", "f.yml:13", "f.yml:14", "f.yml:18",
    ]  # fmt: skip
    assert "did you mean 'interval'" in found[0]
    assert 'group "g", rule 1, "a": field \'expr\' must be set in rule' in found[1]
    assert "could not parse expression" in found[2]
    assert "annotation \"one\": template: __alert_B:1:4: function 'nope' not defined" in found[3]
    assert "__alert_B:2:1: unclosed action" in found[4]
    assert "invalid field 'for' in recording rule" in found[5]
    assert 'groupname: "g" is repeated in the same file' in found[6]


def test_the_errors_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text("groups: [{}]")
    (tmp_path / "c.yml").write_bytes(b"\xff")
    with pytest.raises(ManyConfigErrors) as caught:
        load_rule_files([tmp_path / "a.yml", tmp_path / "b.yml", tmp_path / "c.yml"])
    assert len(caught.value.errors) == 3


def test_patterns_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    for name in ("rules/b.yml", "rules/a.yml", "one.yml", "rules/c.txt"):
        (tmp_path / name).write_text("")
    found = rule_paths(["rules/*.yml", "one.yml", "none.yml", "rules/a.yml"], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "rules/a.yml", "rules/b.yml", "one.yml",
    ]  # fmt: skip
    check_pattern("/etc/rules/*.yml")
    with pytest.raises(InputError, match="last part"):
        check_pattern("rules/*/a.yml")
