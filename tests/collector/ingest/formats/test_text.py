"""The reference is prometheus_client's parser; the scanner must say what it says, faster."""

import contextlib
import math
import re
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from collector.ingest.formats.page import Page
from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.ingest.formats.text import TextParser
from collector.model.errors import InputError
from collector.model.labels import Labels, quote

NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,6}", fullmatch=True)
VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs"))
    | st.sampled_from('\\"\n{},= #'),
    max_size=12,
)
NUMBERS = st.floats() | st.integers(-(10**25), 10**25)
TIMES = st.none() | st.integers(-(10**13), 10**13)
SAMPLES = st.lists(
    st.tuples(NAMES, st.dictionaries(LABEL_NAMES, VALUES, max_size=4), NUMBERS, TIMES), max_size=8
)


def write(samples: list[tuple]) -> str:
    lines = []
    for name, labels, value, time in samples:
        inner = ",".join(f"{key}={quote(text)}" for key, text in labels.items())
        stamp = "" if time is None else f" {time}"
        lines.append(f"{name}{{{inner}}} {value!r}{stamp}" if inner else f"{name} {value!r}{stamp}")
    return "".join(f"{line}\n" for line in lines)


def rows(page: Page) -> list[tuple[Labels, float, int | None]]:
    times = [NO_TIMESTAMP] * len(page) if page.timestamps_ms is None else page.timestamps_ms
    return [
        (
            page.layout.table.labels_of(index),
            float(value),
            None if time == NO_TIMESTAMP else int(time),
        )
        for index, value, time in zip(page.layout.indices, page.values, times, strict=True)
    ]


def reference(text: str) -> list[tuple[Labels, float, int | None]]:
    found = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {"__name__": sample.name, **sample.labels}
            time = None if sample.timestamp is None else round(sample.timestamp * 1000)
            found.append((Labels(labels), float(sample.value), time))
    return found


def assert_same(ours: list[tuple], theirs: list[tuple]) -> None:
    assert [row[0] for row in ours] == [row[0] for row in theirs]
    for (_, value, time), (_, expected, expected_time) in zip(ours, theirs, strict=True):
        assert value == expected or (math.isnan(value) and math.isnan(expected))
        assert time == expected_time


@given(SAMPLES)
def test_reads_what_prometheus_client_reads(samples: list[tuple]) -> None:
    text = write(samples)
    assert_same(rows(TextParser().parse(text.encode())), reference(text))


@given(st.lists(SAMPLES, min_size=2, max_size=5))
def test_what_came_before_does_not_change_what_is_read(bodies: list[list[tuple]]) -> None:
    parser = TextParser()
    for samples in bodies:
        text = write(samples)
        assert_same(rows(parser.parse(text.encode())), reference(text))


@given(st.data())
def test_lines_that_come_go_and_move_are_told_apart(data: st.DataObject) -> None:
    pool = [f'm{{a="{letter * 3}"}}' for letter in string.ascii_letters] + ["m", "mm", "m_total"]
    parser = TextParser()
    for _ in range(4):
        series = data.draw(st.lists(st.sampled_from(pool), max_size=30, unique=True))
        text = "".join(f"{raw} {number}\n" for number, raw in enumerate(series))
        assert_same(rows(parser.parse(text.encode())), reference(text))


@given(st.binary(max_size=60))
def test_garbage_is_an_error_or_samples_and_never_anything_else(body: bytes) -> None:
    parser = TextParser()
    for _ in range(2):
        with contextlib.suppress(InputError):
            page = parser.parse(body)
            assert len(page.values) == len(page.layout.indices)


def test_labels_that_were_let_go_are_read_from_their_bytes_again() -> None:
    page = TextParser().parse('a{x="1",y="ä\\n"} 1\n{"b.c",z="2"} 2\n'.encode())
    table, indices = page.layout.table, page.layout.indices.tolist()
    before = [table.labels_of(index) for index in indices]
    table.let_go()
    assert [table.labels_of(index) for index in indices] == before
    assert before[0] == Labels({"__name__": "a", "x": "1", "y": "ä\n"})


def test_the_layout_stays_the_same_object_while_the_series_stay() -> None:
    parser = TextParser()
    first = parser.parse(b'# TYPE a counter\na{x="1"} 1\na{x="2"} 2\n')
    second = parser.parse(b'# TYPE a counter\na{x="1"} 3\na{x="2"} 4.5\n')
    assert second.layout is first.layout
    assert second.metadata is first.metadata
    assert second.values.tolist() == [3, 4.5]
    third = parser.parse(b'# TYPE a counter\na{x="1"} 3\na{x="3"} 4\n')
    assert third.layout is not first.layout
    assert third.layout.table is first.layout.table


def test_a_bare_name_is_not_taken_for_the_same_name_with_labels() -> None:
    parser = TextParser()
    parser.parse(b"a 1\n")
    page = parser.parse(b'a {x="1"} 2\n')
    assert rows(page) == [(Labels.of("a", x="1"), 2.0, None)]


def test_a_new_help_line_changes_the_metadata_and_not_the_layout() -> None:
    parser = TextParser()
    first = parser.parse(b"# HELP a One.\n# TYPE a gauge\na 1\n")
    second = parser.parse(b"# HELP a Two\\nlines.\n# TYPE a gauge\na 1\n")
    assert second.layout is first.layout
    assert second.metadata is not None
    assert second.metadata["a"].help == "Two\nlines."
    assert second.metadata["a"].type == "gauge"


def test_series_that_are_forgotten_are_read_again() -> None:
    parser = TextParser()
    for start in range(0, 12_000, 500):
        text = "".join(f'm{{id="{i}"}} {i}\n' for i in range(start, start + 500))
        page = parser.parse(text.encode())
        assert len(page.layout.table) <= 4 * 500 + 1000 + 500
        assert rows(page)[0] == (Labels.of("m", id=str(start)), float(start), None)


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ('{"my.metric",a="b"} 1', {"__name__": "my.metric", "a": "b"}),
        ('m{"my.label"="b"} 1', {"__name__": "m", "my.label": "b"}),
        ('m { a = "b" , } 1', {"__name__": "m", "a": "b"}),
        ('m{a="}"} 1', {"__name__": "m", "a": "}"}),
        ('m{a="b" c="d"} 1', {"__name__": "m", "a": "b", "c": "d"}),
        ('m{a="b"c="d"} 1', {"__name__": "m", "a": "b", "c": "d"}),
        ('{a="b" "my.label"="c" "m"} 1', {"__name__": "m", "a": "b", "my.label": "c"}),
        (r'm{a="\\"} 1', {"__name__": "m", "a": "\\"}),
        (r'm{a="\t"} 1', {"__name__": "m", "a": r"\t"}),
        ('m{a="b"}1', {"__name__": "m", "a": "b"}),
        ("\t m \t1", {"__name__": "m"}),
    ],
)
def test_grammar_of_a_series(line: str, labels: dict[str, str]) -> None:
    page = TextParser().parse(line.encode())
    assert rows(page) == [(Labels(labels), 1.0, None)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("1a 1", "no metric name"),
        ("é 1", "no metric name"),
        ('m{a="b 1', "labels do not end"),
        ("m{a} 1", "has no value"),
        ("m{a=b} 1", "not a label"),
        ('m{a="b",,c="d"} 1', "not a label"),
        ('{"m" a="b"} 1', "not a label"),
        ('m{a="b",a="c"} 1', "stands twice"),
        ('m{a="\xff"} 1', "not UTF-8"),
        ('{a="b"} 1', "without a metric name"),
        ("m", "no number"),
        ("m one", "no number"),
        ("m 1_0", "no number"),
        ("m 0x10", "no number"),
        ("m 1e400", "no number"),
        ("m -1e309", "no number"),
        ("m 1\r", "no number"),
        ("m 1 soon", "no timestamp"),
        ("m 1 2 3", "more than a sample"),
    ],
)
def test_a_wrong_line_is_told_with_its_number_its_text_and_advice(line: str, told: str) -> None:
    body = f"good 1\n# a comment\n{line}\nalso_good 2\n".encode(
        "latin-1" if "\xff" in line else "utf-8"
    )
    with pytest.raises(InputError) as caught:
        TextParser().parse(body)
    assert told in caught.value.message
    assert caught.value.where.field == "line 3"
    assert line[:1] in str(caught.value)
    assert caught.value.advice


def test_a_label_cant_pass_for_a_part_of_a_histogram() -> None:
    page = TextParser().parse(b'odd{__histogram__="count"} 1\neven 2\n')
    assert rows(page) == [
        (Labels.of("odd", exported___histogram__="count"), 1.0, None),
        (Labels.of("even"), 2.0, None),
    ]


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("histogram", ["1.0", "1e+06", "many"]),
        ("summary", ["1", "1000000", "many"]),
        ("gauge", ["1", "1000000", "many"]),
        ("untyped", ["1", "1000000", "many"]),
        (None, ["1", "1000000", "many"]),
    ],
)
@pytest.mark.parametrize("name", ["m_bucket", "stranger"])
def test_bounds_are_written_as_floats_below_the_line_of_their_type(
    name: str, kind: str | None, written: list[str]
) -> None:
    """The TYPE line that stands last before a series decides, whatever it is of."""
    comment = "" if kind is None else f"# TYPE m {kind}\n# HELP other Words.\n"
    lines = "".join(f'{name}{{le="{le}"}} 1\n' for le in ("1", "1000000", "many"))
    page = TextParser().parse((comment + lines).encode())
    assert [labels["le"] for labels, _, _ in rows(page)] == written


def test_quantiles_are_written_as_floats_in_a_summary() -> None:
    body = b"""q{quantile="0.50"} 1
# TYPE s summary
s{quantile="0.50",le="1"} 1
# TYPE h histogram
h_bucket{quantile="0.50",le="1"} 1
# TYPE g gauge
g{quantile="0.50"} 1
"""
    page = TextParser().parse(body)
    assert [labels["quantile"] for labels, _, _ in rows(page)] == ["0.50", "0.5", "0.50", "0.50"]
    assert [labels.get("le", "") for labels, _, _ in rows(page)] == ["", "1", "1.0", ""]


@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("# TYPE a gauge ", "gauge"),
        ("# TYPE a gaugehistogram", "gaugehistogram"),
        ("# TYPE a info", "info"),
        ("# HELP a \xff", "unknown"),
    ],
)
def test_what_is_clear_of_a_family_is_taken_though_the_format_forbids_it(
    comment: str, kind: str
) -> None:
    page = TextParser().parse(comment.encode("latin-1") + b"\na 1\n")
    assert page.metadata is not None
    assert page.metadata["a"].type == kind
    assert page.values.tolist() == [1.0]


TYPES = st.sampled_from(
    ["# TYPE m histogram", "# TYPE m summary", "# TYPE m gauge", "# HELP m M.", "# words"]
)
BOUNDED = st.sampled_from(['m{le="1"} 1', 'm{quantile="1"} 1', 'm{le="2",quantile="2"} 1', "m 1"])


@given(st.lists(st.lists(TYPES | BOUNDED, max_size=8), min_size=2, max_size=5), st.booleans())
def test_bounds_go_by_the_types_of_their_own_body(bodies: list[list[str]], let_go: bool) -> None:
    parser = TextParser()
    for lines in bodies:
        page = parser.parse("".join(f"{line}\n" for line in lines).encode())
        if let_go:
            page.layout.table.let_go()
        kind, expected = "", []
        for line in lines:
            if line.startswith("# TYPE m "):
                kind = line.removeprefix("# TYPE m ")
            elif not line.startswith("#"):
                written = {"le": kind == "histogram", "quantile": kind == "summary"}
                found = re.findall(r'(\w+)="(\d)"', line)
                labels = {key: f"{n}.0" if written[key] else n for key, n in found}
                expected.append(Labels({"__name__": "m", **labels}))
        assert [labels for labels, _, _ in rows(page)] == expected


def test_a_body_without_its_last_newline_is_whole() -> None:
    assert TextParser().parse(b"m 12").values.tolist() == [12.0]


def test_an_empty_body_has_no_samples() -> None:
    assert len(TextParser().parse(b"")) == 0


def test_duplicates_are_left_to_the_reader_of_the_page() -> None:
    page = TextParser().parse(b"m 1\nm 2\n")
    assert page.layout.indices.tolist() == [0, 0]
    assert page.values.tolist() == [1, 2]
    assert np.array_equal(page.untimed(), [True, True])
