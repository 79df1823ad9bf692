import math
import re
from pathlib import Path

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.errors import InputError, QueryError
from collector.query.ast import (
    Aggregation,
    Binary,
    Matching,
    Number,
    Subquery,
    Unary,
    VectorSelector,
)
from collector.query.parser import MAX_DEPTH, parse, parse_selector
from collector.query.positions import caret
from collector.query.printer import print_expr

REFERENCE = Path(__file__).parents[4] / "shared" / "promqltest"


def test_power_binds_tighter_than_the_sign_and_to_the_right() -> None:
    assert print_expr(parse("-a^2^b")) == "-a ^ 2 ^ b"
    expr = parse("-a^2^b")
    assert isinstance(expr, Unary)
    assert isinstance(expr.expr, Binary)
    assert isinstance(expr.expr.right, Binary)


def test_other_operators_bind_to_the_left() -> None:
    expr = parse("a - b - c and d or e")
    assert isinstance(expr, Binary)
    assert expr.operator == "or"
    left = expr.left
    assert isinstance(left, Binary)
    assert left.operator == "and"
    assert isinstance(left.left, Binary)
    assert print_expr(left.left.left) == "a - b"


def test_keywords_may_be_names_of_metrics_and_labels() -> None:
    expr = parse('sum by (sum, by) (offset{bool="x", on="y"} + min + fill)')
    assert isinstance(expr, Aggregation)
    assert expr.grouping == ("sum", "by")


def test_quoted_names_are_names() -> None:
    expr = parse('{"http.requests", "service.name"=~"x|y"}')
    assert isinstance(expr, VectorSelector)
    assert print_expr(expr) == '{__name__="http.requests","service.name"=~"x|y"}'


def test_offset_takes_no_arithmetic_without_parentheses() -> None:
    outside = parse("x offset 5m + 2")
    assert isinstance(outside, Binary)
    inside = parse("x offset (5m + 2)")
    assert isinstance(inside, VectorSelector)


def test_subquery_knows_its_parts() -> None:
    expr = parse("max_over_time(rate(x[5m])[1h30m:30s] offset -1m @ end())").args[0]  # type: ignore[union-attr]
    assert isinstance(expr, Subquery)
    assert isinstance(expr.range, Number)
    assert (expr.range.value, expr.step.value) == (5400.0, 30.0)  # type: ignore[union-attr]
    assert expr.at is not None
    assert expr.at.kind == "end"


def test_matching_and_fills() -> None:
    expr = parse("a / on(x) group_left(y, z) fill_left(-1) fill_right(NaN) b")
    assert isinstance(expr, Binary)
    assert expr.matching is not None
    assert expr.matching.cardinality == "many-to-one"
    assert expr.matching.include == ("y", "z")
    assert expr.matching.fill_left == -1
    assert parse("a + fill").matching is None  # type: ignore[union-attr]
    assert parse("a + fill(0) b").matching == Matching(fill_left=0.0, fill_right=0.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "1:1: parse error: no expression found in input"),
        ("sum(", "1:5: parse error: unexpected end of input"),
        ("a\n + +\n b)", "3:3: parse error: unexpected \")\""),
        ("rate(x)", '1:6: parse error: expected type range vector in call to function "rate", '
                    "got instant vector"),
        ("foo(x)", '1:1: parse error: unknown function with name "foo"'),
        ("1 == 1", "1:1: parse error: comparisons between scalars must use BOOL modifier"),
        ("1 and x", '1:1: parse error: set operator "and" not allowed in binary scalar expression'),
        ('{a=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty "
                      "matcher"),
        ("x[5m] offset 1m offset 2m", "1:17: parse error: offset may not be set multiple times"),
        ("x[0s]", "1:3: parse error: duration must be greater than 0"),
        ("(a + b)[5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ('x{a="b}', "1:5: parse error: unterminated quoted string"),
        ("x and on(a) group_left b", '1:13: parse error: no grouping allowed for "and" operation'),
        ("5mx", '1:1: parse error: bad number or duration syntax: "5mx"'),
        ("topk(x)", "1:1: parse error: wrong number of arguments for aggregate expression "
                    "provided, expected 2, got 1"),
        ('x{a=~"("}', "1:6: parse error: not a valid regular expression"),
    ],
)  # fmt: skip
def test_errors_say_where_and_what(query: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caught.value.message.startswith(message)


def test_the_caret_stands_below_the_place() -> None:
    query = "sum(rate(x[5m]))\n\tby (job"
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caret(query, caught.value.position) == "\tby (job\n\t       ^"


def test_depth_and_length_are_limited() -> None:
    with pytest.raises(QueryError, match="levels deep"):
        parse("(" * (MAX_DEPTH + 1) + "1" + ")" * (MAX_DEPTH + 1))
    with pytest.raises(InputError, match="longer than"):
        parse("1+" * 200_000 + "1")


@pytest.mark.parametrize(
    "query",
    [
        "+".join(["x"] * 500),
        " or ".join(["x"] * 500),
        "^".join(["x"] * 500),
        "sum(" * 300 + "x" + ")" * 300,
        "topk(1, " * 300 + "x" + ")" * 300,
        "x[" + "(" * 500 + "1s" + ")" * 500 + "]",
        "x[" + "+".join(["1s"] * 500) + "]",
        "x[" + "-" * 500 + "1s]",
        "x[" + "min_of(1s, " * 500 + "1s" + ")" * 500 + "]",
    ],
)
def test_chains_and_nests_end_before_the_stack_does(query: str) -> None:
    with pytest.raises(QueryError, match="levels deep"):
        parse(query)


def test_the_deepest_expression_is_read_checked_and_printed() -> None:
    for opening, closing in (("sum(", ")"), ("max_over_time(", "[1m:])"), ("abs(", ")")):
        depth = MAX_DEPTH - 1
        assert print_expr(parse(opening * depth + "x" + closing * depth))


def test_numbers_past_the_largest_float_are_infinite() -> None:
    for text in ("0x" + "f" * 400, "9" * 400):
        number = parse(text)
        assert isinstance(number, Number)
        assert number.value == math.inf


def test_selectors_of_match_parameters_are_plain() -> None:
    assert [str(one) for one in parse_selector('up{job!="x"}')] == ['job!="x"', '__name__="up"']
    for text in ("up offset 5m", "sum(up)", "up[5m]"):
        with pytest.raises(QueryError):
            parse_selector(text)


def _queries() -> list[str]:
    found = []
    for script in sorted(REFERENCE.glob("*.test")):
        for line in script.read_bytes().decode("utf-8", "surrogateescape").splitlines():
            match = re.match(
                r"eval(?:_\w+)?\s+(?:instant\s+at\s+\S+|range\s+from\s.+\sstep\s+\S+)\s+(.+)",
                line.strip(),
            )
            if match:
                found.append(match.group(1))
    return found


def test_printing_and_parsing_again_changes_nothing() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"Prometheus's scripts are not at {REFERENCE}")
    printed = 0
    for query in _queries():
        try:
            text = print_expr(parse(query))
        except QueryError:
            continue
        assert print_expr(parse(text)) == text, query
        printed += 1
    assert printed > 2000


def test_what_the_rust_parser_reads_is_read_here() -> None:
    """promql-parser (PyPI) knows less of 3.14; but what it accepts, Prometheus accepts."""
    if not REFERENCE.exists():
        pytest.skip(f"Prometheus's scripts are not at {REFERENCE}")
    compared = 0
    for query in _queries():
        try:
            promql_parser.parse(query)
        except ValueError:
            continue
        parse(query)
        compared += 1
    assert compared > 1500


_NAMES = st.sampled_from(("a", "b:c", "sum", "http_requests_total"))
_LEAVES = st.one_of(
    _NAMES,
    st.floats(allow_nan=False, min_value=0).map(repr),
    _NAMES.map(lambda name: f'{name}{{x="1",y!~"a|b"}} offset 5m'),
    _NAMES.map(lambda name: f"rate({name}[5m] @ 17)"),
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2"])
    return st.one_of(
        st.tuples(inner, operators, inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"vector(1) + {text}"),
    )


@given(st.recursive(_LEAVES, _compound, max_leaves=12))
def test_any_tree_survives_printing(query: str) -> None:
    expr = parse(query)
    assert print_expr(parse(print_expr(expr))) == print_expr(expr)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        message = error.message
    else:
        return
    assert re.match(r"\d+:\d+: parse error: ", message)
