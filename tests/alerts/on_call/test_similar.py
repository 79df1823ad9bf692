"""Which past incidents are like one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.on_call.incident import Incident
from alerts.on_call.similar import MAX_SIMILAR, likeness_ratio, similar
from collector.model import Labels

labels = st.dictionaries(
    st.sampled_from(["alertname", "service", "job", "instance", "zone"]), st.sampled_from("ab")
).map(Labels)


def incident(number: int, **pairs: str) -> Incident:
    return Incident(number, "resolved", "critical", "t", number, Labels(pairs))


@given(labels, labels)
def test_likeness_is_mutual_and_whole_only_for_equal_labels(one: Labels, other: Labels) -> None:
    ratio = likeness_ratio(one, other)
    assert ratio == likeness_ratio(other, one)
    assert 0 <= ratio <= 1
    assert (ratio == 1) <= (one.pairs == other.pairs)


def test_the_most_like_come_first_and_the_newest_among_equals() -> None:
    mine = incident(9, alertname="Down", service="shop", zone="a")
    past = [
        incident(1, alertname="Down", service="shop", zone="a"),
        incident(2, alertname="Down", service="shop", zone="b"),
        incident(3, alertname="Down", service="shop", zone="a"),
        incident(4, alertname="Slow", service="cart", zone="a"),
        incident(10, alertname="Down", service="shop", zone="a"),
    ]
    assert [one.incident.number for one in similar(mine, past)] == [3, 1, 2]


def test_only_some_are_told() -> None:
    past = [incident(number, alertname="Down") for number in range(1, 20)]
    assert len(similar(incident(99, alertname="Down"), past)) == MAX_SIMILAR
