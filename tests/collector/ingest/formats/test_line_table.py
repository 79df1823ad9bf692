"""Whatever becomes of a target's lines, a series keeps its index and its labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.formats.text import TextParser
from collector.model.errors import InputError
from collector.model.labels import Labels

BODIES = st.lists(st.lists(st.integers(0, 30), max_size=25), max_size=12)


def body_of(numbers: list[int]) -> bytes:
    return "".join(f'series{{n="{n}",of="ä"}} {n}\n' for n in numbers).encode()


def labels_of(number: int) -> Labels:
    return Labels({"__name__": "series", "n": str(number), "of": "ä"})


@given(BODIES, st.booleans())
def test_every_line_has_its_labels_in_every_body(bodies: list[list[int]], let_go: bool) -> None:
    parser = TextParser()
    for numbers in bodies:
        page = parser.parse(body_of(numbers))
        table, indices = page.layout.table, page.layout.indices.tolist()
        if let_go:
            table.let_go()
        assert [table.labels_of(index) for index in indices] == [labels_of(n) for n in numbers]


@given(BODIES)
def test_a_series_that_went_and_came_has_the_index_it_had(bodies: list[list[int]]) -> None:
    parser, known = TextParser(), dict[int, int]()
    for numbers in ([*dict.fromkeys(body)] for body in bodies):
        layout = parser.parse(body_of(numbers)).layout
        for number, index in zip(numbers, layout.indices.tolist(), strict=True):
            assert known.setdefault(number, index) == index
    assert sorted(known.values()) == list(range(len(known)))


def test_the_labels_of_a_series_that_is_gone_are_still_told() -> None:
    parser = TextParser()
    gone = parser.parse(body_of([1, 2])).layout
    parser.parse(body_of([2, 3]))
    gone.table.let_go()
    assert gone.table.labels_of(int(gone.indices[0])) == labels_of(1)


@pytest.mark.parametrize("wrong", ["# TYPE series sorcery\n", "series{n=} 1\n"])
def test_a_body_that_is_refused_changes_nothing(wrong: str) -> None:
    parser = TextParser()
    parser.parse(body_of([1, 2, 3]))
    with pytest.raises(InputError):
        parser.parse(body_of([3, 1]) + wrong.encode())
    page = parser.parse(body_of([2, 3, 4]))
    table, indices = page.layout.table, page.layout.indices.tolist()
    table.let_go()
    assert [table.labels_of(index) for index in indices] == [labels_of(n) for n in (2, 3, 4)]


def test_a_body_that_is_refused_when_much_was_to_be_forgotten_changes_nothing() -> None:
    parser = TextParser()
    for start in range(0, 4000, 100):
        parser.parse(body_of([*range(start, start + 100)]))
    with pytest.raises(InputError):
        parser.parse(body_of([3901]) + b"series{n=} 1\n")
    page = parser.parse(body_of([3902, 3901]))
    table, indices = page.layout.table, page.layout.indices.tolist()
    assert [table.labels_of(index) for index in indices] == [labels_of(3902), labels_of(3901)]


def test_only_what_is_gone_is_kept_beside_the_last_body() -> None:
    parser = TextParser()
    table = parser.parse(body_of(list(range(20)))).layout.table
    table.let_go()
    assert not table._gone
    assert not table._fresh
    parser.parse(body_of(list(range(5, 25))))
    assert sorted(table._gone.values()) == list(range(5))
    parser.parse(body_of(list(range(25))))
    assert not table._gone
    assert len(table) == len(np.unique(parser.parse(body_of(list(range(25)))).layout.indices)) == 25
