"""Laws for every entry of PARSERS: what is remembered must never show."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats import PARSERS
from collector.ingest.formats.page import Page
from collector.model.errors import InputError

END = {"application/openmetrics-text": "# EOF\n", "text/plain": ""}
LINES = st.lists(
    st.sampled_from(
        ["a 1", 'a{x="1"} 2', 'a{x="2"} 3', "b NaN", "# TYPE b gauge", "# HELP a A.", "c 4 5"]
    ),
    max_size=8,
)


def told(page: Page) -> tuple[object, ...]:
    labels = [page.layout.table.labels[index] for index in page.layout.indices]
    times = None if page.timestamps_ms is None else page.timestamps_ms.tolist()
    return labels, page.values.tobytes(), times, page.metadata


@pytest.mark.parametrize("media_type", PARSERS)
@settings(deadline=None)
@given(bodies=st.lists(LINES, min_size=1, max_size=4))
def test_a_parser_with_a_past_says_what_a_fresh_one_says(
    media_type: str, bodies: list[list[str]]
) -> None:
    parser = PARSERS[media_type]()
    for lines in bodies:
        body = ("".join(f"{line}\n" for line in lines) + END[media_type]).encode()
        assert told(parser.parse(body)) == told(PARSERS[media_type]().parse(body))


@pytest.mark.parametrize("media_type", PARSERS)
def test_the_same_body_again_is_the_same_layout(media_type: str) -> None:
    body = f'# TYPE a gauge\na{{x="1"}} 1\nb 2\n{END[media_type]}'.encode()
    parser = PARSERS[media_type]()
    first, second = parser.parse(body), parser.parse(body)
    assert first.layout is second.layout
    assert first.metadata is second.metadata


@pytest.mark.parametrize("media_type", PARSERS)
def test_an_error_leaves_the_parser_as_it_was(media_type: str) -> None:
    body = f"a 1\nb 2\n{END[media_type]}".encode()
    parser = PARSERS[media_type]()
    first = parser.parse(body)
    with pytest.raises(InputError):
        parser.parse(b"a 1\nb{\n")
    assert parser.parse(body).layout is first.layout


@pytest.mark.parametrize("media_type", PARSERS)
def test_errors_have_line_and_advice(media_type: str) -> None:
    with pytest.raises(InputError) as caught:
        PARSERS[media_type]().parse(b"a 1\nb c\n# EOF\n")
    assert caught.value.where.field == "line 2"
    assert caught.value.advice
