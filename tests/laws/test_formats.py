"""Laws for every entry of PARSERS: what is remembered must never show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats import PARSERS
from collector.ingest.formats.page import Page
from collector.model.errors import InputError
from tests.oracles.metric_families import GAUGE, delimited, family, metric, number

PROTOBUF = "application/vnd.google.protobuf"
END = {"application/openmetrics-text": "# EOF\n", "text/plain": ""}
LINES = st.lists(
    st.sampled_from(
        ["a 1", 'a{x="1"} 2', 'a{x="2"} 3', "b NaN", "# TYPE b gauge", "# HELP a A.", "c 4 5"]
    ),
    max_size=8,
)


def told(page: Page) -> tuple[object, ...]:
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices]
    times = None if page.timestamps_ms is None else page.timestamps_ms.tolist()
    return labels, page.values.tobytes(), times, page.metadata


def body_of(media_type: str, lines: list[str]) -> bytes:
    """The same samples in every format."""
    if media_type != PROTOBUF:
        return ("".join(f"{line}\n" for line in lines) + END[media_type]).encode()
    samples = [line.split()[:2] for line in lines if not line.startswith("#")]
    gauges = [
        family(
            name[0], GAUGE, [metric({"x": name[4]} if name[1:] else {}, **number(GAUGE, float(v)))]
        )
        for name, v in samples
    ]
    return delimited(*gauges)


@pytest.mark.parametrize("media_type", PARSERS)
@settings(deadline=None)
@given(bodies=st.lists(LINES, min_size=1, max_size=4))
def test_a_parser_with_a_past_says_what_a_fresh_one_says(
    media_type: str, bodies: list[list[str]]
) -> None:
    parser = PARSERS[media_type]()
    for lines in bodies:
        body = body_of(media_type, lines)
        assert told(parser.parse(body)) == told(PARSERS[media_type]().parse(body))


@pytest.mark.parametrize("media_type", PARSERS)
def test_the_same_body_again_is_the_same_layout(media_type: str) -> None:
    body = body_of(media_type, ["# TYPE a gauge", 'a{x="1"} 1', "b 2"])
    parser = PARSERS[media_type]()
    first, second = parser.parse(body), parser.parse(body)
    assert first.layout is second.layout
    assert first.metadata is second.metadata


@pytest.mark.parametrize("media_type", PARSERS)
def test_an_error_leaves_the_parser_as_it_was(media_type: str) -> None:
    body = body_of(media_type, ["a 1", "b 2"])
    parser = PARSERS[media_type]()
    first = parser.parse(body)
    with pytest.raises(InputError):
        parser.parse(b"a 1\nb{\n")
    assert parser.parse(body).layout is first.layout


@pytest.mark.parametrize("media_type", END)
def test_errors_have_line_and_advice(media_type: str) -> None:
    with pytest.raises(InputError) as caught:
        PARSERS[media_type]().parse(b"a 1\nb c\n# EOF\n")
    assert caught.value.where.field == "line 2"
    assert caught.value.advice
