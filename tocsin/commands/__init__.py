"""`COMMANDS` and `GROUPS`: name on the command line -> function; one file a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tocsin.commands.alerts_dead_letters import dead_letters
from tocsin.commands.alerts_import_silences import import_silences
from tocsin.commands.alerts_render import render
from tocsin.commands.alerts_route_test import route_test
from tocsin.commands.alerts_silence import silence
from tocsin.commands.alerts_trial import drill, try_receiver
from tocsin.commands.alerts_why import history, why
from tocsin.commands.backup import backup, restore
from tocsin.commands.check import check
from tocsin.commands.compile import compile_kernels
from tocsin.commands.dashboards import build_boards, push_boards
from tocsin.commands.dashboards_lint import lint_boards
from tocsin.commands.demo import demo
from tocsin.commands.deploys import add_deploy, list_deploys, remove_deploy
from tocsin.commands.export import export
from tocsin.commands.import_ import import_
from tocsin.commands.incidents import list_incidents, show_incident
from tocsin.commands.incidents_act import (
    acknowledge_incident,
    assign_incident,
    comment_incident,
    merge_incidents,
    resolve_incident,
    snooze_incident,
)
from tocsin.commands.oncall import (
    override_schedule,
    show_gaps,
    show_schedule,
    who_is_on_call,
)
from tocsin.commands.oncall_report import report_on_call
from tocsin.commands.query import query
from tocsin.commands.query_range import query_range
from tocsin.commands.rules_backfill import backfill_rules
from tocsin.commands.rules_check import check_rules
from tocsin.commands.rules_test import run_rule_tests
from tocsin.commands.slo import list_slos, show_slo, slo_rules
from tocsin.commands.slo_backtest import backtest_slos
from tocsin.commands.slo_budget import slo_budget, slo_burn, slo_history
from tocsin.commands.slo_check import check_slos
from tocsin.commands.slo_convert import convert_slos
from tocsin.commands.slo_corrections import correct_slos, exclude_slos
from tocsin.commands.slo_gate import slo_gate, slo_why
from tocsin.commands.slo_schema import schema_of_slos
from tocsin.commands.slo_suggest import suggest_slos
from tocsin.commands.up import up
from tocsin.commands.version import version

Command = Callable[..., None]

COMMANDS: dict[str, Command] = {
    "up": up,
    "demo": demo,
    "query": query,
    "query-range": query_range,
    "backup": backup,
    "restore": restore,
    "import": import_,
    "export": export,
    "compile": compile_kernels,
    "version": version,
}

GROUPS: dict[str, tuple[str, Mapping[str, Command]]] = {
    "check": (
        "Find every error of a configuration (`check FILE`) or of rule files.",
        {"config": check, "rules": check_rules},
    ),
    "test": ("Run unit tests.", {"rules": run_rule_tests}),
    "rules": ("Recording and alerting rules.", {"backfill": backfill_rules}),
    "slo": (
        "Objectives and their budgets.",
        {
            "list": list_slos,
            "show": show_slo,
            "budget": slo_budget,
            "burn": slo_burn,
            "history": slo_history,
            "rules": slo_rules,
            "check": check_slos,
            "convert": convert_slos,
            "schema": schema_of_slos,
            "gate": slo_gate,
            "why": slo_why,
            "backtest": backtest_slos,
            "suggest": suggest_slos,
            "exclude": exclude_slos,
            "corrections": correct_slos,
        },
    ),
    "alerts": (
        "Receivers, their messages and the routes to them.",
        {
            "render": render,
            "route-test": route_test,
            "why": why,
            "history": history,
            "test": try_receiver,
            "drill": drill,
            "import-silences": import_silences,
            "dead-letters": dead_letters,
            "silence": silence,
        },
    ),
    "deploys": (
        "What was put out when, for graphs and explanations.",
        {"add": add_deploy, "list": list_deploys, "remove": remove_deploy},
    ),
    "incidents": (
        "What is wrong, and who works on it.",
        {
            "list": list_incidents,
            "show": show_incident,
            "ack": acknowledge_incident,
            "assign": assign_incident,
            "snooze": snooze_incident,
            "resolve": resolve_incident,
            "comment": comment_incident,
            "merge": merge_incidents,
        },
    ),
    "oncall": (
        "Who is on call.",
        {
            "now": who_is_on_call,
            "schedule": show_schedule,
            "gaps": show_gaps,
            "override": override_schedule,
            "report": report_on_call,
        },
    ),
    "dashboards": (
        "Boards as code.",
        {"build": build_boards, "lint": lint_boards, "push": push_boards},
    ),
}

DEFAULTS: dict[str, str] = {"check": "config"}
"""The command of a group that is meant when none is named: `tocsin check FILE`."""
