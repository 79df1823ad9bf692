"""The rules by which spans and log records are counted for objectives, as they come in."""

from __future__ import annotations

from collections.abc import Sequence

from collector.model.record_rule import RecordRule
from slo.objective import Indicator, Objective


def record_rules(objectives: Sequence[Objective]) -> list[RecordRule]:
    """Each rule that an objective asks for, once."""
    found = (one.indicator for one in objectives)
    rules = (one.rule for one in found if isinstance(one, Indicator))
    return list(dict.fromkeys(one for one in rules if one is not None))
