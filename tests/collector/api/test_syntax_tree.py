import json

import pytest

from collector.api.syntax_tree import tree_of
from collector.query.parser import parse

SELECTOR = {
    "type": "vectorSelector",
    "name": "a",
    "offset": 0,
    "offsetExpr": None,
    "matchers": [{"name": "__name__", "value": "a", "type": "="}],
    "timestamp": None,
    "startOrEnd": None,
    "anchored": False,
    "smoothed": False,
}
B = {**SELECTOR, "name": "b", "matchers": [{"name": "__name__", "value": "b", "type": "="}]}


def number(text: str) -> dict[str, object]:
    return {"type": "numberLiteral", "val": text}


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("1.5", number("1.5")),
        ("1e300", number("1" + "0" * 300)),
        ('"x"', {"type": "stringLiteral", "val": "x"}),
        ("(a)", {"type": "parenExpr", "expr": SELECTOR}),
        ("-a", {"type": "unaryExpr", "op": "-", "expr": SELECTOR}),
        ("a @ 1.5 offset -1m", {**SELECTOR, "timestamp": 1500, "offset": -60_000}),
        ("a @ end()", {**SELECTOR, "startOrEnd": "end"}),
        (
            'a{x!~"y"}[5m] offset 1h',
            {
                **SELECTOR,
                "type": "matrixSelector",
                "range": 300_000,
                "rangeExpr": None,
                "offset": 3_600_000,
                "matchers": [
                    {"name": "x", "value": "y", "type": "!~"},
                    {"name": "__name__", "value": "a", "type": "="},
                ],
            },
        ),
        (
            "a[1h:30s]",
            {
                "type": "subquery",
                "expr": SELECTOR,
                "range": 3_600_000,
                "rangeExpr": None,
                "offset": 0,
                "offsetExpr": None,
                "step": 30_000,
                "stepExpr": None,
                "timestamp": None,
                "startOrEnd": None,
            },
        ),
        (
            "topk without (x) (2, a)",
            {
                "type": "aggregation",
                "op": "topk",
                "expr": SELECTOR,
                "param": number("2"),
                "grouping": ["x"],
                "without": True,
            },
        ),
        (
            "a / on (x) group_left (y) b",
            {
                "type": "binaryExpr",
                "op": "/",
                "lhs": SELECTOR,
                "rhs": B,
                "matching": {
                    "card": "many-to-one",
                    "labels": ["x"],
                    "on": True,
                    "include": ["y"],
                    "fillValues": {"lhs": None, "rhs": None},
                },
                "bool": False,
            },
        ),
        (
            "a > bool 1",
            {
                "type": "binaryExpr",
                "op": ">",
                "lhs": SELECTOR,
                "rhs": number("1"),
                "matching": None,
                "bool": True,
            },
        ),
        (
            "round(a, 2)",
            {
                "type": "call",
                "func": {
                    "name": "round",
                    "argTypes": ["vector", "scalar"],
                    "variadic": 1,
                    "returnType": "vector",
                },
                "args": [SELECTOR, number("2")],
            },
        ),
    ],
)
def test_a_node_is_told_as_prometheus_tells_it(query: str, tree: object) -> None:
    assert tree_of(parse(query)) == tree


def test_a_duration_that_is_computed_has_its_expression() -> None:
    tree = tree_of(parse("a[5m + step()]"))
    assert tree["range"] == 0
    assert tree["rangeExpr"] == {
        "type": "durationExpr",
        "op": "+",
        "lhs": {"type": "numberLiteral", "val": "300", "duration": True},
        "rhs": {"type": "durationExpr", "op": "step", "lhs": None, "rhs": None, "wrapped": False},
        "wrapped": False,
    }


@pytest.mark.parametrize("query", ["a + fill (NaN) b", "a + fill_left (1) b", "NaN", "Inf"])
def test_every_tree_is_json(query: str) -> None:
    assert json.loads(json.dumps(tree_of(parse(query)), allow_nan=False))
