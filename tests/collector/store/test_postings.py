"""The index against trying every matcher on every series, while series are added and forgotten."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Labels, Matcher
from collector.model.matchers import matches_all
from collector.store.postings import Postings
from collector.store.series_table import SeriesTable

LABELS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["", "1", "2", "10", "x"]), max_size=3
).map(Labels)
MATCHERS = st.builds(
    Matcher,
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from(["a", "b", "c", "none"]),
    st.sampled_from(["", "1", "2", "1|2", "1.*", ".*", ".+", "x?", "[12]"]),
)


def slow(series: dict[int, Labels], matchers: list[Matcher]) -> list[int]:
    return [ref for ref, labels in series.items() if matches_all(matchers, labels)]


@given(
    series=st.lists(LABELS, max_size=20),
    later=st.lists(LABELS, max_size=5),
    ended=st.sets(st.integers(0, 20), max_size=10),
    queries=st.lists(st.lists(MATCHERS, max_size=3), min_size=1, max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_matchers_select_as_they_do_one_by_one(
    series: list[Labels], later: list[Labels], ended: set[int], queries: list[list[Matcher]]
) -> None:
    table = SeriesTable()
    postings = Postings(table)
    known: dict[int, Labels] = {}
    for batch in (series, later, [], series):
        for labels in batch:
            if labels not in table.ref_of:
                ref = table.add(labels)
                postings.add(ref, labels)
                known[ref] = labels
        for matchers in queries:
            assert postings.match(matchers).tolist() == slow(known, matchers)
        if not batch:
            gone = ended & known.keys()
            postings.forget(table.bury(np.array(sorted(gone), np.int64)))
            known = {ref: labels for ref, labels in known.items() if ref not in gone}
            for matchers in queries:
                assert postings.match(matchers).tolist() == slow(known, matchers)


def test_few_series_left_of_a_label_with_many_values_are_asked_one_by_one() -> None:
    table = SeriesTable()
    postings = Postings(table)
    for i in range(3000):
        labels = Labels.of("x", job=f"j{i % 100}", path=f"/{'api' if i % 2 else 'web'}/{i}")
        postings.add(table.add(labels), labels)
    found = postings.match([Matcher("=~", "path", "/api/.*"), Matcher("=", "job", "j7")])
    assert found.tolist() == list(range(7, 3000, 100))
    assert not len(postings.match([Matcher("=~", "path", "/api/.*"), Matcher("=", "job", "j8")]))


def test_a_pair_that_no_series_has_is_gone_and_a_dead_series_still_has_its_labels() -> None:
    table = SeriesTable()
    postings = Postings(table)
    kept, ended = Labels.of("x", a="1"), Labels.of("x", a='"\n\u00fc' * 3000, b="2")
    for labels in (kept, ended):
        postings.add(table.add(labels), labels)
    gone = postings.forget(table.bury(np.array([1])))
    assert sorted(gone) == [pair for pair in ended.pairs if pair[0] != "__name__"]
    assert list(table) == [kept]
    assert [table[0], table[1]] == [kept, ended]
    assert (len(table), table.living) == (2, 1)
    assert table.add(ended) == 2
    assert table.is_dead(np.array([0, 1, 2])).tolist() == [False, True, False]
