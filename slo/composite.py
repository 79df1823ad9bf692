"""Objectives made of objectives: what a specification says of them, and what they then count.

Two kinds count events, and so become an indicator of counters like any other, exact to the event:

- `sum`: the events of all parts together, one of a part as many times as its weight;
- `funnel`: journeys that begin with an event of the first part and end at their first failure:
  bad are the failures of all parts, total the events of the first.

The others look at slices of time, since what several services did to one person can't be known from
their counters, but what they did in the same minute can:

- `all_of`: a slice is good when every part was; `any_of`: when at least one was (redundancy);
- `weighted`: a slice is bad by the mean share of bad events of the parts, by weight;
- `journey`: the chain rule. The share of a step's events that were good is that of the people who
  got so far, so their product is the share that got through; it counts as many journeys as the
  busiest step of the slice had events.

Sources: OpenSLO v1 (weights), Google's Site Reliability Workbook, chapter 3 (modelling user
journeys), Elsayed, Reliability Engineering, chapter 2 (series and parallel systems).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from collector.model.errors import NOWHERE, ConfigError, Where

if TYPE_CHECKING:
    from slo.objective import CounterTerm, Indicator, Objective, Timeslices

Combination = Literal["sum", "funnel", "all_of", "any_of", "weighted", "journey"]
COMBINATIONS: tuple[Combination, ...] = (
    "sum",
    "funnel",
    "all_of",
    "any_of",
    "weighted",
    "journey",
)
COUNTED: tuple[Combination, ...] = ("sum", "funnel")
WEIGHTED: tuple[Combination, ...] = ("sum", "weighted")
MAX_PARTS = 100
"""A composite of more parts explains nothing to the person who is paged."""
MAX_WEIGHT = 10_000
DEFAULT_SLICE_MS = 60_000
SETTLE_MS = 30_000
"""A slice is counted so long after its end, when its last samples have come."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part by its id, `service/name`; `where` is its place in the specification.

    Raises ConfigError for a weight that is none.
    """

    id: str
    weight: int = 1
    where: Where = field(default=NOWHERE, compare=False)

    def __post_init__(self) -> None:
        if not 1 <= self.weight <= MAX_WEIGHT:
            raise ConfigError(
                f"a weight is a whole number from 1 to {MAX_WEIGHT:,}, not {self.weight}",
                where=self.where,
            )


@dataclass(frozen=True, slots=True)
class Composite:
    """How an objective is made of others; `slices` is None for those that count events.

    `counted` has the id of each part of those, and what it counts here. Raises ConfigError for no
    parts, too many, or the same one twice.
    """

    combination: Combination
    parts: tuple[Part, ...]
    slices: Timeslices | None = None
    counted: tuple[tuple[str, Indicator], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise ConfigError(f"a composite has 1 to {MAX_PARTS} parts, not {len(self.parts)}")
        if len({part.id for part in self.parts}) < len(self.parts):
            raise ConfigError("a part is named twice", advice="give it a weight instead")

    @property
    def text(self) -> str:
        """`journey of shop/cart, shop/pay`; weights where they are not 1."""
        parts = (one.id if one.weight == 1 else f"{one.weight} x {one.id}" for one in self.parts)
        name = self.combination.replace("_", " ").removesuffix(" of")
        return f"{name} of {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class CompositeIndicator:
    """A slice of time each `every_ms`, good or bad by what `parts` counted in it.

    `weights` run along `parts`.
    """

    kind: Combination
    parts: tuple[Objective, ...]
    weights: tuple[int, ...]
    slices: Timeslices
    queries: tuple[tuple[str, str], ...]

    bad: ClassVar[tuple[CounterTerm, ...]] = ()
    total: ClassVar[tuple[CounterTerm, ...]] = ()

    @property
    def every_ms(self) -> int:
        """How often there is something to count."""
        return self.slices.slice_ms


def services_of(objective: Objective, known: Sequence[Objective] = ()) -> list[str]:
    """The services that an objective is about: its own, and those of its parts."""
    by_id = {f"{one.service}/{one.name}": one for one in known}
    found: dict[str, None] = {}
    waiting = [objective]
    while waiting:
        one = waiting.pop()
        found[one.service] = None
        parts = one.composite.parts if one.composite else ()
        waiting += [by_id[part.id] for part in parts if part.id in by_id]
        found.update(dict.fromkeys(part.id.partition("/")[0] for part in parts))
    return list(found)
