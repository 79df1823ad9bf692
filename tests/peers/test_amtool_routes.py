"""`tocsin alerts route-test` against `amtool config routes test`: random trees, random labels.

TOCSIN_ROUTE_ROUNDS says how many trees (25 by default); each is asked about several label sets.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tocsin.__main__ import command_line

pytestmark = pytest.mark.peer
ROUNDS = int(os.environ.get("TOCSIN_ROUTE_ROUNDS", "25"))
SETS_PER_TREE = 3
NAMES = ("severity", "service", "team", "zone")
VALUES = ("a", "b", "page", "a b", "x.y", 'q"q', "ü", "back\\slash")
PATTERNS = ("a|b", "p.*", ".+", "", "[ab]", "x\\.y", "(?i:A)", "ü|q.*")


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def matcher(chance: random.Random) -> str:
    kind = chance.choice(("=", "=", "!=", "=~", "!~"))
    value = chance.choice(PATTERNS if "~" in kind else (*VALUES, ""))
    return f"{chance.choice(NAMES)}{kind}{quoted(value)}"


def route(chance: random.Random, receivers: list[str], depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"continue": chance.random() < 0.4}
    match chance.randrange(4):
        case 0:
            node["match"] = {chance.choice(NAMES): chance.choice(VALUES)}
        case 1:
            node["match_re"] = {chance.choice(NAMES): chance.choice(PATTERNS)}
        case _:
            node["matchers"] = [matcher(chance) for _ in range(chance.randint(0, 3))]
    if chance.random() < 0.7:
        node["receiver"] = chance.choice(receivers)
    if depth:
        children = [route(chance, receivers, depth - 1) for _ in range(chance.randint(0, 3))]
        node["routes"] = children
    return node


def configuration(chance: random.Random) -> dict[str, Any]:
    receivers = [f"r{i}" for i in range(chance.randint(1, 6))]
    children = [route(chance, receivers, 2) for _ in range(chance.randint(0, 5))]
    root = {"receiver": receivers[0], "routes": children}
    return {"route": root, "receivers": [{"name": name} for name in receivers]}


def label_set(chance: random.Random) -> list[str]:
    names = chance.sample(NAMES, chance.randint(0, len(NAMES)))
    return [f"{name}={quoted(chance.choice(VALUES))}" for name in names]


def amtool_says(program: str, file: Path, *arguments: str) -> tuple[int, str]:
    command = [program, "config", "routes", "test", f"--config.file={file}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return run.returncode, run.stdout


def tocsin_says(file: Path, *arguments: str) -> tuple[int, str]:
    command = ["alerts", "route-test", f"--config.file={file}", *arguments]
    answer = CliRunner().invoke(command_line(), command)
    return answer.exit_code, answer.stdout


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_the_same_receivers_and_the_same_tree(
    binary: Callable[[str], str], tmp_path: Path, seed: int
) -> None:
    program, chance = binary("amtool"), random.Random(seed)
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(configuration(chance), allow_unicode=True), encoding="utf-8")
    for _ in range(SETS_PER_TREE):
        labels = label_set(chance)
        for flags in ((), ("--tree",)):
            ours, theirs = (
                tocsin_says(file, *flags, *labels),
                amtool_says(program, file, *flags, *labels),
            )
            assert ours == theirs, (labels, file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("expected", "labels"),
    [("r0", []), ("r1", ["a=b"]), ("r0", ["a=b"]), ("r0,r1", ["a=b"]), ("r1,r2", ["a=b", "c=d"]),
     ("r2,r1", ["a=b", "c=d"]), ("r1", ["a=b", "c=d"])],
)  # fmt: skip
def test_expected_receivers_are_verified_with_the_same_exit_code(
    binary: Callable[[str], str], tmp_path: Path, expected: str, labels: list[str]
) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(
        "route: {receiver: r0, routes: [{receiver: r1, matchers: ['a=b'], continue: true},"
        " {receiver: r2, matchers: ['c=d']}]}\nreceivers: [{name: r0}, {name: r1}, {name: r2}]\n"
    )
    flag = f"--verify.receivers={expected}"
    assert tocsin_says(file, flag, *labels) == amtool_says(binary("amtool"), file, flag, *labels)


@pytest.mark.parametrize("label", ["a=~b", "a!=b", "foo", 'a="b', "=b"])
def test_what_is_no_label_is_refused_by_both(
    binary: Callable[[str], str], tmp_path: Path, label: str
) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: r0}\nreceivers: [{name: r0}]\n")
    assert amtool_says(binary("amtool"), file, label)[0] == 1
    assert tocsin_says(file, label)[0] != 0
