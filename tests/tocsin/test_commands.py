"""The commands that ask a running tocsin, and those that need none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_budgets_in_the_terminal_and_for_machines(running_tocsin: str) -> None:
    shown = run("slo", "list", "--url", running_tocsin)
    assert shown.returncode == 0, shown.stderr
    assert "tocsin/api-availability" in shown.stdout
    assert "██████████ 100.0%" in shown.stdout
    listed = json.loads(run("slo", "list", "--url", running_tocsin, "--output", "json").stdout)
    assert {one["slo"] for one in listed} >= {"api-availability", "wal-write-latency"}


def test_one_objective_s_figures_in_the_terminal(running_tocsin: str) -> None:
    asked = ("tocsin/api-availability", "--url", running_tocsin)
    machine = (*asked, "--output", "json")
    [budget] = json.loads(run("slo", "budget", *machine).stdout)
    assert budget["window"] == "30d"
    assert "events" in run("slo", "budget", *asked).stdout
    [burn] = json.loads(run("slo", "burn", *machine).stdout)
    assert {one["severity"] for one in burn["tiers"]} == {"page", "ticket"}
    assert "14.4x" in run("slo", "burn", *asked).stdout
    [history] = json.loads(run("slo", "history", *machine, "--from", "1h", "--step", "1m").stdout)
    assert len(history["times_ms"]) in (60, 61)
    assert "budget left" in run("slo", "history", *asked, "--from", "10m").stdout
    unknown = run("slo", "budget", "tocsin/none", "--url", running_tocsin)
    assert unknown.returncode == 1
    assert "no SLO tocsin/none" in unknown.stderr
    schema = json.loads(run("slo", "schema").stdout)
    assert "tocsin-v1" in schema["$defs"]


def test_one_objective_is_shown_with_its_queries(running_tocsin: str) -> None:
    shown = run("slo", "show", "tocsin/api-availability", "--url", running_tocsin)
    assert shown.returncode == 0, shown.stderr
    assert "budget left" in shown.stdout
    assert "tocsin_http_requests_total" in shown.stdout


def test_deploys_are_told_listed_named_and_removed(running_tocsin: str) -> None:
    where = ("--url", running_tocsin)
    machine = (*where, "--output", "json")
    told = run("deploys", "add", "tocsin", "1.4.2", "--note", "by ann", *machine)
    [made] = json.loads(told.stdout)
    assert (made["service"], made["version"], made["note"]) == ("tocsin", "1.4.2", "by ann")
    assert "by ann" in run("deploys", "list", "--service", "tocsin", *where).stdout
    assert json.loads(run("deploys", "list", "--service", "none", *machine).stdout) == []
    why = run("slo", "why", "tocsin/api-availability", *machine)
    [found] = json.loads(why.stdout)
    assert (found["burn_began_ms"], found["deploys"]) == (None, [])  # nothing burns
    assert made["id"] in run("deploys", "remove", made["id"], *where).stdout
    assert run("deploys", "remove", made["id"], *where).returncode == 1


def test_time_is_left_out_of_a_budget_and_back(running_tocsin: str) -> None:
    where = ("--url", running_tocsin, "--output", "json")
    who = ("--author", "ann", "--reason", "a test")
    span = ("--from", "2h", "--to", "1h")
    [made] = json.loads(
        run("slo", "exclude", "--slo", "tocsin/api-availability", *span, *who, *where).stdout
    )
    assert made["objectives"] == ["tocsin/api-availability"]
    assert made["end_ms"] - made["start_ms"] == 3_600_000
    shown = run("slo", "corrections", "--url", running_tocsin)
    assert "a test" in shown.stdout
    [revoked] = json.loads(run("slo", "corrections", "--revoke", made["id"], *who, *where).stdout)
    assert revoked["revoked"]["author"] == "ann"
    nobody = run("slo", "exclude", "--service", "none", *span, *who, "--url", running_tocsin)
    assert nobody.returncode == 1
    assert "no objective fits" in nobody.stderr


def test_a_query_from_the_shell(running_tocsin: str) -> None:
    answer = run("query", "count(up)", "--url", running_tocsin, "--output", "json")
    [row] = json.loads(answer.stdout)
    assert (row["series"], row["labels"], row["value"]) == ("{}", {}, "2")


def test_a_range_from_the_shell(running_tocsin: str) -> None:
    where = ("query-range", 'up{job="tocsin"}', "--url", running_tocsin, "--last", "1m")
    table = run(*where)
    assert table.returncode == 0, table.stderr
    assert "course" in table.stdout
    [row] = json.loads(run(*where, "--output", "json").stdout)
    assert row["labels"]["job"] == "tocsin"
    assert {value for _, value in row["values"]} == {"1"}
    lines = run(*where, "--output", "csv").stdout.splitlines()
    assert lines[0] == "time,value,__name__,instance,job"
    assert len(lines) > 1
    drawn = run(*where, "--output", "plot").stdout
    assert "┤" in drawn
    assert "━━ up{" in drawn


def test_an_error_points_at_its_place(running_tocsin: str) -> None:
    failed = run("query", "sum(rate(up[5m]) by", "--url", running_tocsin)
    assert failed.returncode == 1
    assert "^" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("query", "sum(", "--url", "{url}"), 1, "parse error"),
        (("query", "up", "--url", "http://127.0.0.1:1"), 3, "start it with `tocsin up`"),
        (("check", "/nothing.yaml"), 2, "can't be read"),
        (("dashboards", "push"), 2, "dashboards.grafana.url"),
        (("up", "--config", "/nothing.yaml"), 2, "can't be read"),
        (("up", "--listen", "nonsense"), 2, "write host:port"),
        (("up", "--listen", "127.0.0.1:0", "--data-dir", "/dev/null"), 1, "can't be used"),
        (("up", "--listen", "127.0.0.1:0", "--data-dir", "/proc/none"), 1, "can't be used"),
        (("up", "--log-level", "bogus"), 2, "is not one of"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    running_tocsin: str, arguments: tuple[str, ...], code: int, part: str
) -> None:
    failed = run(*(one.format(url=running_tocsin) for one in arguments))
    assert failed.returncode == code
    assert part in failed.stderr + failed.stdout
    assert "Traceback" not in failed.stderr


def test_objectives_as_prometheus_rules() -> None:
    rules = yaml.safe_load(run("slo", "rules").stdout)
    assert len(rules["groups"]) == 4


def test_boards_are_built_once(tmp_path: Path) -> None:
    arguments = ("dashboards", "build", "-o", str(tmp_path), "--output", "json")
    first, second = json.loads(run(*arguments).stdout), json.loads(run(*arguments).stdout)
    assert {one["change"] for one in first} == {"created"}
    assert {one["change"] for one in second} == {"unchanged"}
    assert len(list(tmp_path.glob("*.json"))) == len(first)


def test_a_backtest_and_suggestions_of_a_running_tocsin(
    running_tocsin: str, tmp_path: Path
) -> None:
    spec = tmp_path / "own.yaml"
    metric = "tocsin_http_requests_total"
    spec.write_text(
        "version: tocsin/v1\nservice: tocsin\nobjective: 99%\n"
        f'bad: {metric}{{code=~"5.."}}\ntotal: {metric}\n'
    )
    asked = ("--url", running_tocsin, "--from", "10m")
    shown = run("slo", "backtest", str(spec), *asked)
    assert shown.returncode == 0, shown.stderr
    assert "tocsin/availability: 0 pages, 0 tickets; 0 of " in shown.stdout
    found = json.loads(run("slo", "backtest", str(spec), *asked, "--output", "json").stdout)
    assert [one["id"] for one in found] == ["tocsin/availability"]
    suggested = run("slo", "suggest", metric, *asked)
    assert suggested.returncode == 0, suggested.stderr
    assert yaml.safe_load(suggested.stdout)["slos"][0]["total"] == metric
