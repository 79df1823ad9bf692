"""Alerts of a message stand as Alertmanager puts them."""

from __future__ import annotations

import itertools

from alerts.alert_order import place_in_message
from collector.model.labels import Labels

ORDERED = [
    Labels({"job": "a", "instance": "1", "x": "9", "y": "9"}),
    Labels({"job": "a", "instance": "2"}),
    Labels({"job": "a"}),
    Labels({"job": "b"}),
    Labels({"instance": "1", "zone": "z"}),
    Labels({"x": "9"}),
    Labels({"b": "1", "c": "1"}),
    Labels({"a": "1", "c": "1"}),
    Labels({"a": "1", "c": "2"}),
    Labels({"a": "2", "b": "1"}),
    Labels({"a": "1", "b": "1", "c": "1"}),
]


def test_by_job_by_instance_then_short_ones_then_those_that_lack_the_first_name() -> None:
    for mixed in itertools.islice(itertools.permutations(ORDERED), 0, 40_000, 797):
        assert sorted(mixed, key=place_in_message) == ORDERED
