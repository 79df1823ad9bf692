"""Reads and runs Prometheus's PromQL test scripts (`*.test`) against an engine.

Grammar: promql/promqltest/README.md of Prometheus 3. Each instant `eval` is also run with `@` put
into its selectors, and as the middle of a range query, as the reference does. Histograms of a
`load` get the reset hints that Prometheus's storage would give them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from collector.model.durations import parse_duration_ms
from collector.model.errors import TocsinError
from collector.model.histogram_columns import COMPONENT
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import STALE, is_missing
from collector.query.ast import (
    Aggregation,
    At,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)
from collector.query.engine import Engine, EngineOptions
from collector.query.lexer import tokenize, unquote
from collector.query.parser import parse
from collector.query.printer import print_expr
from collector.query.values import Answer, Matrix, RawSeries, Scalar, Text, Vector
from collector.query.walk import calls_in
from tests.oracles.memory_store import MemoryStore
from tests.oracles.promqltest_histograms import (
    as_stored,
    custom_from_classic,
    read_histograms,
    same_histogram,
)

_LOAD = re.compile(r"load(?:_(with_nhcb))?\s+(.+)", re.IGNORECASE)
_INSTANT = re.compile(
    r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)", re.IGNORECASE
)
_RANGE = re.compile(
    r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)",
    re.IGNORECASE,
)
_EXPECT = re.compile(
    r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(msg|regex)\s*:\s*(.*))?\s*"
)
_ITEM = re.compile(r"(?:\{\{.*?\}\}[^\s{]*)+|\S+")
_SEQUENCE = re.compile(r"(?P<first>.+?)(?:(?P<sign>[+-])(?P<by>[^+-]+?))?x(?P<times>\d+)")
_UNSAFE_WITH_AT = frozenset(
    (
        "time",
        "timestamp",
        "days_in_month",
        "day_of_month",
        "day_of_week",
        "day_of_year",
        "hour",
        "minute",
        "month",
        "year",
        "predict_linear",
        "start",
        "end",
        "step",
        "range",
    )
)
OPTIONS = EngineOptions(
    delayed_name_removal=True, default_step_ms=60_000, start_timestamps=True, range_cache_bytes=0
)


@dataclass(frozen=True)
class Hist:
    """A native histogram of a script, and whether its reset hint was written down."""

    value: NativeHistogram
    hinted: bool = True


Cell = float | Hist | None


class MismatchError(Exception):
    """The answer is not the expected one."""


@dataclass
class Load:
    """Series lines of a `load`: labels and one value a step, None where there is no float."""

    gap_ms: int
    with_nhcb: bool = False
    series: list[tuple[Labels, list[Cell]]] = field(default_factory=list)
    began: list[tuple[Labels, list[int | None]]] = field(default_factory=list)


@dataclass
class Eval:
    """One `eval` with all that is expected of it."""

    line: int
    query: str
    start_ms: int = 0
    end_ms: int = 0
    step_ms: int = 0
    is_range: bool = False
    checks: list[tuple[str, str, str]] = field(default_factory=list)
    series: list[tuple[Labels, list[Cell]]] = field(default_factory=list)
    scalar: float | None = None
    text: str | None = None
    raw_grid: tuple[int, int, int] | None = None

    def wants(self, kind: str) -> bool:
        return any(check[0] == kind for check in self.checks)


class Clear:
    """`clear`."""


# -- reading --------------------------------------------------------------------------------------


def read_script(path: Path) -> list[Load | Eval | Clear]:
    """The commands of a script."""
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    commands: list[Load | Eval | Clear] = []
    current: Load | Eval | None = None
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            current = None  # a comment ends a block too
            continue
        if current is None:
            command = _command(line, number)
            commands.append(command)
            current = None if isinstance(command, Clear) else command
        elif isinstance(current, Load):
            _load_line(current, line)
        else:
            _expect_line(current, line)
    return commands


def _command(line: str, number: int) -> Load | Eval | Clear:
    if line.lower() == "clear":
        return Clear()
    if match := _LOAD.fullmatch(line):
        return Load(_duration_ms(match.group(2)), bool(match.group(1)))
    if match := _RANGE.fullmatch(line):
        kind, start, end, step, query = match.groups()
        made = Eval(number, query, *map(_duration_ms, (start, end, step)), is_range=True)
    elif match := _INSTANT.fullmatch(line):
        kind, at, query = match.groups()
        at_ms = _duration_ms(at) if at else 0
        made = Eval(number, query, at_ms, at_ms)
    else:
        raise ValueError(f"line {number}: unknown command: {line}")
    if kind:
        made.checks.append((kind.lower(), "", ""))
    return made


def _load_line(load: Load, line: str) -> None:
    metric, items = _split_metric(line)
    if metric.endswith("@st") or items.startswith("@st"):
        metric, items = metric.removesuffix("@st"), items.removeprefix("@st")
        load.began.append((read_labels(metric), list(_starts(items))))
        return
    load.series.append((read_labels(metric), _items(items)))


def _expect_line(made: Eval, line: str) -> None:
    if match := _EXPECT.fullmatch(line):
        made.checks.append((match.group(1), match.group(2) or "", (match.group(3) or "").strip()))
    elif line.startswith("expect string"):
        quoted = line.removeprefix("expect string").strip()
        made.text = unquote(quoted, tokenize(quoted)[0])
    elif match := re.fullmatch(r"expect range vector from (.+) to (.+) step (.+)", line):
        made.raw_grid = tuple(map(_duration_ms, match.groups()))  # type: ignore[assignment]
    elif line.startswith("expected_fail_message"):
        made.checks.append(("fail", "msg", line.removeprefix("expected_fail_message").strip()))
    elif line.startswith("expected_fail_regexp"):
        made.checks.append(("fail", "regex", line.removeprefix("expected_fail_regexp").strip()))
    elif (number := _maybe_number(line)) is not None:
        made.scalar = number
    else:
        metric, items = _split_metric(line)
        made.series.append((read_labels(metric), _items(items)))


def _split_metric(line: str) -> tuple[str, str]:
    brace = line.find("{")
    space = re.search(r"\s", line)
    if brace >= 0 and (space is None or brace < space.start()):
        tokens = tokenize(line[: _closing(line, brace) + 1])
        end = tokens[-2].end
        return line[:end], line[end:].strip()
    name, _, items = line.partition(space.group() if space else " ")
    return name, items.strip()


def _closing(line: str, brace: int) -> int:
    quote = ""
    at = brace
    while at < len(line):
        char = line[at]
        if quote:
            at += char == "\\" and quote != "`"
            quote = "" if char == quote else quote
        elif char in "\"'`":
            quote = char
        elif char == "}":
            return at
        at += 1
    raise ValueError(line)


def read_labels(metric: str) -> Labels:
    """`name{a="b"}`, `{a="b"}` or `{"name", "a"="b"}` as a label set."""
    tokens = [token for token in tokenize(metric) if token.kind != "end"]
    pairs: dict[str, str] = {}
    at = 0
    if tokens and tokens[0].kind == "word":
        pairs["__name__"], at = tokens[0].text, 1
    while at < len(tokens):
        token = tokens[at]
        if token.text in ("{", "}", ","):
            at += 1
            continue
        name = unquote(metric, token) if token.kind == "string" else token.text
        if at + 1 < len(tokens) and tokens[at + 1].text == "=":
            pairs[name] = unquote(metric, tokens[at + 2])
            at += 3
        else:
            pairs["__name__"] = name
            at += 1
    return Labels(pairs)


def _starts(text: str) -> Iterator[int | None]:
    """Offsets (ms) of start timestamps from their samples; None where there is none."""
    for item in text.split():
        times = re.search(r"x(\d+)$", item)
        plain = item[: times.start()] if times else item
        count = int(times.group(1)) if times else None
        if plain == "_":
            yield from [None] * (1 if count is None else count)
            continue
        match = re.fullmatch(r"([+-]?[^+-]+)([+-][^+-]+)?", plain)
        if match is None:
            raise ValueError(item)
        value = _signed_ms(match.group(1))
        for _ in range(1 if count is None else count + 1):
            yield value
            value += _signed_ms(match.group(2) or "0")


def _signed_ms(text: str) -> int:
    return _duration_ms(text.removeprefix("+"))


def _items(text: str) -> list[Cell]:
    return [value for item in _ITEM.findall(text) for value in _item(item)]


def _item(item: str) -> Iterator[Cell]:
    if item.startswith("{{"):
        yield from (Hist(*found) for found in read_histograms(item))
    elif re.fullmatch(r"_(x\d+)?", item):
        yield from [None] * (int(item[2:]) if len(item) > 1 else 1)
    elif match := _SEQUENCE.fullmatch(item):
        yield from _sequence(match)
    elif (number := _maybe_number(item)) is not None:
        yield number
    else:
        raise ValueError(f"not a value: {item}")


def _sequence(match: re.Match[str]) -> Iterator[float]:
    text = match.group("first")
    step = float(match.group("by") or 0) * (-1 if match.group("sign") == "-" else 1)
    value = _maybe_number(text)
    if value is None:
        raise ValueError(text)
    for _ in range(int(match.group("times")) + 1):
        yield value
        value += step if step else 0.0


def _maybe_number(text: str) -> float | None:
    if text == "stale":
        return STALE
    if re.fullmatch(r"0[xX][0-9a-fA-F]+", text):
        return float(int(text, 16))
    try:
        return float(text)
    except ValueError:
        return None


def _duration_ms(text: str) -> int:
    sign, plain = (-1, text[1:]) if text.startswith("-") else (1, text)
    try:
        return sign * round(float(plain) * 1000)
    except ValueError:
        return sign * parse_duration_ms(plain)


# -- running --------------------------------------------------------------------------------------


def run_script(path: Path) -> tuple[int, list[tuple[Eval, str]]]:
    """How many evals passed, and the failures with their reasons."""
    store, passed = MemoryStore(), 0
    failures: list[tuple[Eval, str]] = []
    for command in read_script(path):
        if isinstance(command, Clear):
            store = MemoryStore()
        elif isinstance(command, Load):
            _put(store, command)
        else:
            try:
                check_eval(Engine(store, OPTIONS), command)
                passed += 1
            except MismatchError as error:
                failures.append((command, str(error)))
            except Exception as error:  # a defect of the engine is a failure too
                failures.append((command, f"{type(error).__name__}: {error}"))
    return passed, failures


def _put(store: MemoryStore, load: Load) -> None:
    for labels, values in load.series:
        floats = {i: value for i, value in enumerate(values) if isinstance(value, float)}
        store.add(labels, [i * load.gap_ms for i in floats], list(floats.values()))
        _put_histograms(store, labels, _as_stored(values), load.gap_ms)
    if load.with_nhcb:
        floats_only = [
            (labels, [one if isinstance(one, float) else None for one in values])
            for labels, values in load.series
        ]
        for labels, found in custom_from_classic(floats_only):
            cells: list[Cell] = [None] * (max(found) + 1)
            for i, histogram in found.items():
                cells[i] = Hist(histogram)
            _put_histograms(store, labels, _as_stored(cells), load.gap_ms)
    for labels, starts in load.began:
        known = {i: start for i, start in enumerate(starts) if start is not None}
        times = [i * load.gap_ms for i in known]
        began = [time + start for time, start in zip(times, known.values(), strict=True)]
        for name in ("", "count"):
            store.began(labels.merged({COMPONENT: name}), times, began)


def _as_stored(values: list[Cell]) -> dict[int, NativeHistogram]:
    """Histograms by place in their series, with the reset hints of Prometheus's storage."""
    stored: dict[int, NativeHistogram] = {}
    previous: NativeHistogram | None = None
    for i, value in enumerate(values):
        if isinstance(value, Hist):
            previous = stored[i] = as_stored(value.value, previous)
        elif value is not None:
            previous = None
    return stored


def _put_histograms(
    store: MemoryStore, labels: Labels, found: dict[int, NativeHistogram], gap_ms: int
) -> None:
    store.add_histograms(labels, [i * gap_ms for i in found], list(found.values()))


def check_eval(engine: Engine, made: Eval) -> None:
    """Raises MismatchError unless the engine answers as expected, in all variants."""
    if made.is_range:
        _check_once(engine, made, made.query, (made.start_ms, made.end_ms, made.step_ms))
        return
    _check_once(engine, made, made.query, None, made.start_ms)
    if made.wants("fail"):
        return
    for query, at_ms in [(made.query, made.start_ms), *_with_at(made)]:
        if query is not made.query or at_ms != made.start_ms:
            _check_once(engine, made, query, None, at_ms)
        if _has_a_middle(made):
            _check_middle(engine, made, query, at_ms)


def _has_a_middle(made: Eval) -> bool:
    ordered = made.wants("ordered") or made.raw_grid is not None or made.text is not None
    names = {call.name for call in calls_in(parse(made.query))}
    durations = re.search(r"\b(step|range)\(\)", made.query, re.IGNORECASE)
    at_edges = re.search(r"@\s*(start|end)\(\)", made.query)
    return not (ordered or durations or at_edges or names & {"start", "end", "step", "range"})


def _with_at(made: Eval) -> list[tuple[str, int]]:
    expr = parse(made.query)
    if any(call.name in _UNSAFE_WITH_AT for call in calls_in(expr)):
        return []
    if re.search(r"\b(step|range)\(\)", made.query, re.IGNORECASE):
        return []
    at = made.start_ms
    text = print_expr(_pinned(expr, At("time", at)))
    times = [-10 * at, 0, at // 5, at, 10 * at] if at else [-1000, 0, 1000]
    return [(text, time) for time in times]


def _pinned(expr: Expr, at: At) -> Expr:
    match expr:
        case VectorSelector():
            return expr if expr.at else replace(expr, at=at)
        case MatrixSelector(selector=selector):
            pinned = _pinned(selector, at)
            return replace(expr, selector=pinned)
        case Subquery():
            return expr if expr.at else replace(expr, at=at)
        case Call(name="info", args=args):
            return replace(expr, args=(_pinned(args[0], at), *args[1:]))
        case Call(args=args):
            return replace(expr, args=tuple(_pinned(arg, at) for arg in args))
        case Paren(expr=inner) | Unary(expr=inner):
            return replace(expr, expr=_pinned(inner, at))
        case Aggregation(expr=inner, param=param):
            pinned_param = None if param is None else _pinned(param, at)
            return replace(expr, expr=_pinned(inner, at), param=pinned_param)
        case Binary(left=left, right=right):
            return replace(expr, left=_pinned(left, at), right=_pinned(right, at))
        case _:
            return expr


def _check_once(
    engine: Engine,
    made: Eval,
    query: str,
    grid: tuple[int, int, int] | None,
    at_ms: int = 0,
) -> None:
    try:
        answer = engine.range(query, *grid) if grid else engine.instant(query, at_ms)
    except TocsinError as error:
        _check_failure(made, error)
        return
    if made.wants("fail"):
        raise MismatchError(f"{query}: an error was expected")
    _check_annotations(made, answer)
    _check_value(made, answer, query)


def _check_failure(made: Eval, error: TocsinError) -> None:
    fails = [check for check in made.checks if check[0] == "fail"]
    if not fails:
        raise MismatchError(f"{made.query}: unexpected error: {error}")
    for _, kind, text in fails:
        message = error.message
        if kind == "msg" and text not in message:
            raise MismatchError(f"error {message!r}, expected {text!r}")
        if kind == "regex" and not re.search(text, message):
            raise MismatchError(f"error {message!r}, expected to match {text!r}")


def _check_annotations(made: Eval, answer: Answer) -> None:
    for kind, given in (("warn", answer.warnings), ("info", answer.infos)):
        wanted = [check for check in made.checks if check[0] == kind]
        if made.wants(f"no_{kind}") and given:
            raise MismatchError(f"unexpected {kind}: {given}")
        if wanted and not given:
            raise MismatchError(f"{kind} expected")
        for one in given if wanted else ():
            if not any(_matches(check, one) for check in wanted):
                raise MismatchError(f"unexpected {kind}: {one}")
        for check in wanted:
            if not any(_matches(check, one) for one in given):
                raise MismatchError(f"missing {kind}: {check[2]}; got {given}")


def _matches(check: tuple[str, str, str], text: str) -> bool:
    _, kind, wanted = check
    if kind == "msg":
        return text == wanted
    return kind == "" or re.search(wanted, text) is not None


def _check_value(made: Eval, answer: Answer, query: str) -> None:
    value = answer.value
    match value:
        case Text(value=text):
            if made.text != text:
                raise MismatchError(f"text {text!r}")
        case Scalar(value=number):
            if made.scalar is None or not almost_equal(number, made.scalar):
                raise MismatchError(f"{query}: {number}, expected {made.scalar}")
        case Vector():
            cells = value.values.reshape(-1, 1)
            histograms = value.histograms
            column = None if histograms is None else histograms.reshape(-1, 1)
            got = _rows(Matrix(value.labels, np.zeros(1, np.int64), cells, column))
            _compare(made, query, got)
            if made.wants("ordered") and [one for one, _ in got] != [one for one, _ in made.series]:
                raise MismatchError(f"{query}: order {[one for one, _ in got]}")
        case Matrix():
            _compare(made, query, _rows(value))
        case RawSeries():
            if made.raw_grid is None:
                raise MismatchError("a range vector was not expected")
            _compare(made, query, list(_on_grid(value, made.raw_grid)))


def _rows(matrix: Matrix) -> list[tuple[Labels, list[Cell]]]:
    missing = is_missing(matrix.values)
    rows: list[tuple[Labels, list[Cell]]] = []
    for row, labels in enumerate(matrix.labels):
        cells: list[Cell] = []
        for step in range(matrix.values.shape[1]):
            found = None if matrix.histograms is None else matrix.histograms[row, step]
            if found is not None:
                if not missing[row, step]:
                    raise MismatchError(f"{labels}: float and histogram at one step")
                cells.append(Hist(found))
            else:
                cells.append(None if missing[row, step] else float(matrix.values[row, step]))
        rows.append((labels, cells))
    return rows


def _on_grid(raw: RawSeries, grid: tuple[int, int, int]) -> Iterator[tuple[Labels, list[Cell]]]:
    times = np.arange(grid[0], grid[1] + 1, grid[2])
    for row, (labels, (stamps, values)) in enumerate(zip(raw.labels, raw.samples, strict=True)):
        known: dict[int, Cell] = dict(zip(stamps.tolist(), values.tolist(), strict=True))
        if raw.histograms is not None:
            known.update((time, Hist(found)) for time, found in raw.histograms[row])
        if set(known) - set(times.tolist()):
            raise MismatchError(f"{labels} has samples at {sorted(known)}")
        yield labels, [known.get(int(time)) for time in times]


def _compare(made: Eval, query: str, got: list[tuple[Labels, list[Cell]]]) -> None:
    if made.scalar is not None or made.text is not None:
        raise MismatchError(f"{query}: a vector, expected {made.scalar}")
    wanted = dict(made.series)
    if len(got) != len({labels for labels, _ in got}):
        raise MismatchError(f"{query}: duplicate series")
    for labels, values in got:
        if labels not in wanted:
            raise MismatchError(f"{query}: unexpected {labels} {values}")
        expected = wanted.pop(labels)
        expected = expected + [None] * (len(values) - len(expected))
        if len(expected) != len(values) or not all(map(_same, values, expected)):
            raise MismatchError(f"{query}: {labels} is {values}, expected {expected}")
    if any(any(value is not None for value in values) for values in wanted.values()):
        raise MismatchError(f"{query}: missing {list(wanted)}")


def _same(a: Cell, b: Cell) -> bool:
    if a is None or b is None:
        return a is b
    if isinstance(a, Hist) or isinstance(b, Hist):
        both = isinstance(a, Hist) and isinstance(b, Hist)
        return both and same_histogram(a.value, b.value, b.hinted, almost_equal)
    return almost_equal(a, b)


def almost_equal(a: float, b: float, tolerance: float = 1e-6) -> bool:
    """Equal within the tolerance of the reference (util/almost)."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    size, difference = abs(a) + abs(b), abs(a - b)
    if a == 0 or b == 0 or size < 2.0**-1022:
        return difference < tolerance * 2.0**-1022
    return difference / min(size, 1.7976931348623157e308) < tolerance


def _check_middle(engine: Engine, made: Eval, query: str, at_ms: int) -> None:
    try:
        answer = engine.range(query, at_ms - 60_000, at_ms + 60_000, 60_000)
    except TocsinError as error:
        raise MismatchError(f"{query} as a range: {error}") from error
    matrix = answer.value
    if not isinstance(matrix, Matrix):
        raise MismatchError("no matrix")
    got = [(labels, values[1:2]) for labels, values in _rows(matrix) if values[1] is not None]
    if made.scalar is not None:
        if len(got) != 1 or not _same(got[0][1][0], made.scalar):
            raise MismatchError(f"{query} as a range: {got}, expected {made.scalar}")
        return
    _compare(made, f"{query} as a range", got)
