"""`tocsin dashboards lint` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from collector.model.errors import InputError
from dashboards.boards import all_boards
from dashboards.grafana import to_grafana
from tocsin.__main__ import command_line


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(command_line(), ["dashboards", "lint", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def board(tmp_path: Path) -> Path:
    made = next(to_grafana(one) for one in all_boards(()) if one.title == "Host")
    (panel, *_) = (one for one in made["panels"] if one["type"] != "row")
    panel["description"] = ""
    file = tmp_path / "host.json"
    file.write_text(json.dumps(made))
    return file


def test_a_finding_names_file_rule_and_panel_and_exits_1(board: Path) -> None:
    result = run(board, "--output", "json")
    (found,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["file"], found["rule"]) == (str(board), "panel-title-description-rule")
    assert "has no description" in found["finding"]


def test_what_the_file_beside_it_excludes_is_left_out(board: Path) -> None:
    (board.parent / ".lint").write_text("exclusions: {panel-title-description-rule: {reason: r}}")
    assert run(board).exit_code == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"panels": 3}'])
def test_what_is_no_dashboard_is_told_with_its_file(board: Path, text: str) -> None:
    board.write_text(text)
    with pytest.raises(InputError, match=r"host\.json: (not JSON|this is not a dashboard)"):
        run(board)
