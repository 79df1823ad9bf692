"""`tocsin test rules` and `tocsin check rules` on the files that promtool is given too."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.config_errors import ManyConfigErrors
from collector.rules.file import parse_rules
from tocsin.__main__ import command_line

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]
CASES = Path(__file__).parents[1] / "collector" / "rules" / "cases"
FILES = sorted(CASES.glob("*.test.yml"))
UNUSABLE = {"bad_rules", "bad_series", "doubled_order", "unknown_field"}
"""Files that can't be used: the words differ, the verdict does not."""


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_shared_set_is_large_enough() -> None:
    assert len(FILES) >= 15


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments],
        cwd=CASES,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.yml"))
def test_unit_tests_end_as_promtool_s(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = promtool("test", "rules", file.name)
    monkeypatch.chdir(CASES)
    ours = CliRunner().invoke(command_line(), ["test", "rules", file.name])
    assert ours.exit_code == theirs.returncode, ours.output + theirs.stdout
    if file.name.removesuffix(".test.yml") not in UNUSABLE:
        assert lines(ours.stdout) == lines(theirs.stdout)


RULE = "groups: [{name: g, rules: [{%s}]}]"
RIGHT = {
    "empty file": "",
    "no groups": "groups:",
    "no rules": "groups: [{name: g}]",
    "a record": RULE % "record: a:b, expr: sum(x)",
    "an alert": RULE % "alert: any name at all, expr: up == 0, for: 1h30m",
    "numbers as texts": RULE % "alert: 5, expr: 1, labels: {a: 1, b: true, c: 1.50}",
    "empty labels": RULE % "alert: A, expr: up, labels: {a: ''}, annotations: null",
    "templates": RULE % "alert: A, expr: up, labels: {a: '{{ $labels.b | toUpper }}'}",
    "braces in a record's labels": RULE % "record: a, expr: up, labels: {a: '{{ nothing }}'}",
    "duplicates": "groups: [{name: g, rules: [{record: a, expr: b}, {record: a, expr: c}]}]",
    "all of a group": "groups: [{name: g, interval: 5m, limit: 3, rules: []}]",
    "keep_firing_for": RULE % "alert: A, expr: up, keep_firing_for: 5m",
}
# Prometheus 2.42 refuses label names that are not ASCII words, Prometheus 3 and tocsin take them
WRONG = {
    "not YAML": "groups: [",
    "unknown field": "group: []",
    "unknown field of a group": "groups: [{name: g, intervall: 5m}]",
    "unknown field of a rule": RULE % "record: a, exprr: up, expr: up",
    "no name": "groups: [{rules: []}]",
    "twice the name": "groups: [{name: g}, {name: g}]",
    "bad interval": "groups: [{name: g, interval: 5x}]",
    "neither": RULE % "expr: up",
    "both": RULE % "alert: A, record: a, expr: up",
    "no expression": RULE % "record: a",
    "bad expression": RULE % "record: a, expr: sum(",
    "wrong types": RULE % "record: a, expr: 'rate(up)'",
    "unknown function": RULE % "record: a, expr: 'nofunction(up)'",
    "record with for": RULE % "record: a, expr: up, for: 5m",
    "record with keep_firing_for": RULE % "record: a, expr: up, keep_firing_for: 5m",
    "record with annotations": RULE % "record: a, expr: up, annotations: {a: b}",
    "bad name of a record": RULE % "record: 'a-b', expr: up",
    "__name__ as a label": RULE % "record: a, expr: up, labels: {__name__: c}",
    "bad template": RULE % "alert: a, expr: up, annotations: {a: '{{ .b'}",
    "bad template of a label": RULE % "alert: a, expr: up, labels: {a: '{{ nope }}'}",
    "bad for": RULE % "alert: a, expr: up, for: soon",
    "rules is no list": "groups: [{name: g, rules: 5}]",
    "limit is no number": "groups: [{name: g, limit: many}]",
    "several": "groups: [{name: g, rules: [{record: a}, {alert: b, expr: '1 +'}]}]",
}


def our_errors(text: str) -> list[str]:
    try:
        parse_rules(text, "rules.yml")
    except ManyConfigErrors as many:
        return [str(error) for error in many.errors]
    return []


def their_errors(directory: Path, text: str) -> list[str]:
    file = directory / "rules.yml"
    file.write_text(text)
    answer = promtool("check", "rules", str(file))
    found = lines(answer.stdout)
    return [line for line in found if "rules.yml" in line][1:] if answer.returncode else []


@pytest.mark.parametrize("case", RIGHT)
def test_what_promtool_takes_is_taken(tmp_path: Path, case: str) -> None:
    assert their_errors(tmp_path, RIGHT[case]) == []
    assert our_errors(RIGHT[case]) == []


@pytest.mark.parametrize("case", WRONG)
def test_what_promtool_refuses_is_refused(tmp_path: Path, case: str) -> None:
    theirs, ours = their_errors(tmp_path, WRONG[case]), our_errors(WRONG[case])
    assert theirs, "promtool takes it"
    assert ours
    assert all(re.match(r"rules\.yml:\d", error) for error in ours)
