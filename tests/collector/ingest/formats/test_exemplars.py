"""Exemplars, created lines and UTF-8 names, held to prometheus_client's OpenMetrics parser."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.page import ExposedExemplar, Page
from collector.model.errors import InputError
from collector.model.labels import Labels, quote

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Cs"))
    | st.sampled_from('\\"\n{},= #'),
    max_size=8,
)
UTF8_NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs", "Cs")),
    min_size=1,
    max_size=6,
).filter(lambda name: name != "__name__")
UTF8_LABELS = st.dictionaries(UTF8_NAMES, TEXT, max_size=3)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SECONDS = st.integers(0, 4 * 10**12).map(lambda ms: ms / 1000)
# prometheus_client's reader of exemplars does not know escapes and braces in values
PLAIN = TEXT.map(lambda text: "".join(char for char in text if char not in '\\"\n{}#'))
EXEMPLAR_LABELS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,4}", fullmatch=True), PLAIN, max_size=3
)
EXEMPLARS = st.none() | st.tuples(EXEMPLAR_LABELS, NUMBERS, st.none() | SECONDS)
BUCKETS = st.lists(
    st.tuples(st.sampled_from([0.1, 1.0, 2.5]), st.integers(0, 9), EXEMPLARS),
    unique_by=lambda bucket: bucket[0],
    max_size=3,
)


def braces(labels: dict[str, str], *, quoted: bool = False) -> str:
    names = {name: quote(name) if quoted else name for name in labels}
    inner = ",".join(f"{names[name]}={quote(value)}" for name, value in labels.items())
    return f"{{{inner}}}"


def exemplar(told: tuple | None) -> str:
    if told is None:
        return ""
    labels, value, seconds = told
    return f" # {braces(labels)} {value!r}" + ("" if seconds is None else f" {seconds!r}")


def ours(page: Page) -> list[tuple]:
    return [
        (one.series.metric_name, one.series.get("le", ""), one.labels, one.value, one.timestamp_ms)
        for one in page.exemplars
    ]


def theirs(text: str) -> list[tuple]:
    found = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            one = sample.exemplar
            if one is not None:
                at_ms = None if one.timestamp is None else round(float(one.timestamp) * 1000)
                le = sample.labels.get("le", "")
                found.append((sample.name, le, Labels(one.labels), float(one.value), at_ms))
    return found


def histogram(buckets: list[tuple], created: float | None) -> str:
    lines, running = ["# TYPE h histogram"], 0
    for bound, count, told in sorted(buckets, key=lambda bucket: bucket[0]):
        running += count
        lines.append(f'h_bucket{{le="{bound}"}} {running}{exemplar(told)}')
    lines.append(f'h_bucket{{le="+Inf"}} {running}')
    lines += [f"h_count {running}", "h_sum 0"]
    if created is not None:
        lines.append(f"h_created {created!r}")
    return "\n".join([*lines, "# EOF\n"])


def is_short(told: tuple | None) -> bool:
    """prometheus_client refuses exemplars over 128 characters; here the store does."""
    return told is None or sum(len(name) + len(text) for name, text in told[0].items()) <= 128


@settings(deadline=None)
@given(BUCKETS, st.none() | st.integers(1, 10**12).map(lambda ms: ms / 1000))
def test_exemplars_and_created_lines_are_prometheus_clients(
    buckets: list[tuple], created: float | None
) -> None:
    buckets = [bucket for bucket in buckets if is_short(bucket[2])]
    text = histogram(buckets, created)
    page = OpenMetricsParser().parse(text.encode())
    assert ours(page) == theirs(text)
    if created is None:
        assert page.start_ms is None
    else:
        assert page.start_ms is not None
        assert set(page.start_ms.tolist()) == {math.floor(created * 1000 + 0.5)}


@given(st.dictionaries(UTF8_NAMES, TEXT, max_size=3), NUMBERS, st.none() | SECONDS)
def test_exemplars_with_any_text_come_back(
    labels: dict[str, str], value: float, seconds: float | None
) -> None:
    names = ",".join(f"{quote(name)}={quote(text)}" for name, text in labels.items())
    stamp = "" if seconds is None else f" {seconds!r}"
    text = f"x_total 1 # {{{names}}} {value!r}{stamp}\n# EOF\n"
    (one,) = OpenMetricsParser().parse(text.encode()).exemplars
    at_ms = None if seconds is None else math.floor(seconds * 1000 + 0.5)
    assert (one.labels, one.value, one.timestamp_ms) == (Labels(labels), value, at_ms)


@settings(deadline=None)
@given(st.lists(st.tuples(BUCKETS, st.just(None)), min_size=2, max_size=4))
def test_a_parser_with_a_past_tells_what_is_new(pages: list[tuple]) -> None:
    parser, before = OpenMetricsParser(), set[ExposedExemplar]()
    for buckets, created in pages:
        text = histogram(buckets, created).encode()
        fresh = set(OpenMetricsParser().parse(text).exemplars)
        assert set(parser.parse(text).exemplars) == fresh - before
        before = fresh


@pytest.mark.parametrize("wrong", [b'{a="\xff"} 1', b'{a="b"} 1e400'])
def test_a_wrong_exemplar_is_wrong_the_second_time_too(wrong: bytes) -> None:
    parser = OpenMetricsParser()
    for _ in range(2):
        with pytest.raises(InputError):
            parser.parse(b"x_total 1 # " + wrong + b"\n# EOF\n")


@settings(deadline=None)
@given(UTF8_NAMES, UTF8_LABELS, NUMBERS)
def test_quoted_names_are_prometheus_clients(
    name: str, labels: dict[str, str], value: float
) -> None:
    inner = ",".join([quote(name), *([braces(labels, quoted=True)[1:-1]] if labels else [])])
    text = f"# TYPE {quote(name)} gauge\n{{{inner}}} {value!r}\n# EOF\n"
    page = OpenMetricsParser().parse(text.encode())
    (found,) = (page.layout.table.labels_of(index) for index in page.layout.indices.tolist())
    assert found == Labels({**labels, "__name__": name}) or "le" in labels or "quantile" in labels
    (family,) = text_string_to_metric_families(text)
    (sample,) = family.samples
    assert (sample.name, Labels(sample.labels)) == (found.metric_name, found.without("__name__"))
