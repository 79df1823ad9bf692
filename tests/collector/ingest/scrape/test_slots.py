"""Targets fall into groups, stay where they were, and never all at once."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.scrape.slots import FEWEST, PLACES, TOGETHER, Slots

INTERVALS_MS = st.integers(100, 86_400_000)
SIZES = st.integers(0, 5_000_000)


def slots_for(targets: int) -> Slots:
    slots = Slots()
    slots.make_room(targets)
    return slots


@given(SIZES, st.integers(0, PLACES - 1), INTERVALS_MS)
def test_an_offset_is_within_the_interval(targets: int, place: int, interval_ms: int) -> None:
    assert 0 <= slots_for(targets).offset_ms(place, interval_ms) < interval_ms


@given(SIZES, SIZES, st.integers(0, PLACES - 1), INTERVALS_MS)
def test_more_targets_move_none_by_more_than_a_slot(
    few: int, more: int, place: int, interval_ms: int
) -> None:
    slots = slots_for(few)
    before, width_ms = slots.offset_ms(place, interval_ms), interval_ms / slots.count
    slots.make_room(few + more)
    assert 0 <= slots.offset_ms(place, interval_ms) - before < width_ms + 1


@given(SIZES)
def test_groups_are_small_and_there_are_not_more_than_that_needs(targets: int) -> None:
    count = slots_for(targets).count
    assert targets <= count * TOGETHER
    assert count == FEWEST or targets > count * TOGETHER / 2


def test_fewer_targets_later_move_nobody() -> None:
    slots = slots_for(10_000)
    count = slots.count
    slots.make_room(10)
    assert slots.count == count


def test_ten_thousand_targets_load_each_second_of_the_interval_alike() -> None:
    slots = slots_for(10_000)
    places = np.random.default_rng(1).integers(0, PLACES, 10_000, np.uint64).tolist()
    seconds = Counter(slots.offset_ms(place, 15_000) // 1000 for place in places)
    assert len(seconds) == 15
    assert all(560 < count < 780 for count in seconds.values())
