"""The index against trying every matcher on every series, also while series are added."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Labels, Matcher
from collector.model.matchers import matches_all
from collector.store.postings import Postings

LABELS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "1", "2", "10", "x"]), max_size=3
).map(Labels)
MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["a", "b", "c", "none"]),
    st.sampled_from(["", "1", "2", "1|2", "1.*", ".*", ".+", "x?", "[12]"]),
)


def slow(series: list[Labels], matchers: list[Matcher]) -> list[int]:
    return [ref for ref, labels in enumerate(series) if matches_all(matchers, labels)]


@given(
    series=st.lists(LABELS, max_size=20),
    later=st.lists(LABELS, max_size=5),
    queries=st.lists(st.lists(MATCHERS, max_size=3), min_size=1, max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_matchers_select_as_they_do_one_by_one(
    series: list[Labels], later: list[Labels], queries: list[list[Matcher]]
) -> None:
    postings = Postings()
    known: list[Labels] = []
    for batch in (series, later, []):
        for labels in batch:
            postings.add(labels)
            known.append(labels)
        for matchers in queries:
            assert postings.match(matchers).tolist() == slow(known, matchers)
