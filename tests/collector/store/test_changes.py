from hypothesis import given
from hypothesis import strategies as st

from collector.store import changes
from collector.store.changes import GRAIN_MS, NOTHING_CHANGED_MS, Changes


@given(st.lists(st.integers(-50_000, 50_000), max_size=40), st.integers(0, 40))
def test_a_reader_learns_of_the_earliest_write_since_it_looked(times: list[int], at: int) -> None:
    told = Changes()
    for time_ms in times[:at]:
        told.note(time_ms)
    version, _ = told.since(-1)
    for time_ms in times[at:]:
        told.note(time_ms)
    _, earliest_ms = told.since(version)
    later = times[at:]
    if not later:
        assert earliest_ms == NOTHING_CHANGED_MS
    else:
        assert min(later) - GRAIN_MS < earliest_ms <= min(later)


def test_old_writes_are_told_as_earlier_not_later_when_there_are_too_many() -> None:
    told = Changes()
    versions = []
    for second in range(changes.MAX_MARKS + 500):
        versions.append(told.since(-1)[0])
        told.note(second * 1000)
    for second, version in enumerate(versions):
        earliest_ms = told.since(version)[1]
        assert earliest_ms <= second * 1000
        if second > 600:
            assert earliest_ms == second * 1000
    assert len(told._times) <= changes.MAX_MARKS
