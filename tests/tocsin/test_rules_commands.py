from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin.__main__ import command_line

RIGHT = "groups: [{name: g, rules: [{record: a, expr: b}, {record: a, expr: c}]}]"
WRONG = "groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]"


def run(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(command_line(), list(arguments))
    return answer.exit_code, answer.stdout


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("right.yml").write_text(RIGHT)
    Path("wrong.yml").write_text(WRONG)
    Path("tocsin.yaml").write_text("rule_files: [right.yml]")


def test_rule_files_are_checked_with_an_exit_code() -> None:
    assert run("check", "rules", "right.yml") == (
        0,
        "Checking right.yml\n  SUCCESS: 2 rules found\n\n",
    )
    code, text = run("check", "rules", "right.yml", "wrong.yml")
    assert code == 2
    assert 'wrong.yml:1: groups[0].rules[0].expr: group "g", rule 1, "a"' in text


def test_a_rule_that_stands_twice_is_told() -> None:
    code, text = run("check", "rules", "--output", "json", "right.yml")
    assert code == 0
    assert json.loads(text)[0]["duplicates"] == ["a{}"]


def test_check_without_a_kind_checks_the_configuration() -> None:
    for arguments in (("check", "tocsin.yaml"), ("check", "config", "tocsin.yaml")):
        code, text = run(*arguments)
        assert (code, text) == (
            0,
            "tocsin.yaml: right; 0 scrape sections, 0 objectives, 2 rules\n",
        )
    assert run("check", "--output", "json", "tocsin.yaml")[0] == 0


def test_errors_of_rule_files_are_errors_of_the_configuration() -> None:
    Path("tocsin.yaml").write_text("rule_files: ['*.yml']\nglobal: {scrape_intervall: 5s}")
    code, text = run("check", "tocsin.yaml")
    assert code == 2
    assert "wrong.yml:1" in text
    assert "scrape_intervall" in text
