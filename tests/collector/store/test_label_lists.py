import numpy as np

from collector.model.labels import Labels
from collector.store.label_lists import LabelLists

ALL = [Labels.of("x", i=str(i)) for i in range(50)]


def test_the_same_refs_give_the_same_list() -> None:
    lists = LabelLists(ALL)
    refs = np.array([3, 7, 11], np.int64)
    found = lists.of(refs)
    assert found == [ALL[3], ALL[7], ALL[11]]
    assert lists.of(refs.copy()) is found
    assert lists.of(np.array([3, 7], np.int64)) == [ALL[3], ALL[7]]


def test_memory_is_bounded_and_the_least_recently_used_goes_first() -> None:
    lists = LabelLists(ALL, max_refs=10)
    first = np.arange(4, dtype=np.int64)
    kept = lists.of(first)
    for start in range(4, 40, 4):
        assert lists.of(first) is kept
        lists.of(np.arange(start, start + 4, dtype=np.int64))
        assert sum(map(len, lists._lists.values())) <= 10
