"""Composites -> indicators: the parts that a composite names are found, once all specs are read.

A name without a slash is of the same service. Raises ConfigError with the place of a name that
nothing has, of a circle, or of a part that can't be counted as its kind needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from collector.model.errors import ConfigError
from slo.composite import (
    COUNTED,
    DEFAULT_SLICE_MS,
    WEIGHTED,
    Combination,
    Composite,
    CompositeIndicator,
    Part,
)
from slo.objective import CounterTerm, Indicator, Objective, Timeslices
from slo.specs.fields import Fields


def composite_of(
    slo: Fields, kind: Combination, service: str, slices: Timeslices | None
) -> Composite:
    """What one of `sum`, `funnel`, … of a specification says."""
    if kind in COUNTED and slices is not None:
        raise slo.error("slices", f"{kind} counts events, not slices", "leave slices out")
    parts = tuple(_parts(slo, kind, service))
    found = None if kind in COUNTED else slices or Timeslices(DEFAULT_SLICE_MS)
    return slo.made(kind, lambda: Composite(kind, parts, found))


def _parts(slo: Fields, kind: Combination, service: str) -> Iterable[Part]:
    if slo.is_mapping(kind):
        if kind not in WEIGHTED:
            raise slo.error(kind, f"the parts of {kind} have no weights", "write a list of them")
        weights = slo.mapping(kind)
        for name in weights.names():
            yield Part(_id(name, service), weights.whole(name, 1), weights.where(name))
        return
    for name in slo.words(kind):
        yield Part(_id(name, service), 1, slo.where(kind))


def _id(name: str, service: str) -> str:
    return name if "/" in name else f"{service}/{name}"


def resolved(objectives: Iterable[Objective]) -> list[Objective]:
    """The same, in order, each composite with the indicator that its parts make."""
    found = list(objectives)
    by_id = {one.id: one for one in found}
    done: dict[str, Objective] = {}
    return [_resolved(one, by_id, done, ()) for one in found]


def _resolved(
    one: Objective,
    by_id: Mapping[str, Objective],
    done: dict[str, Objective],
    path: tuple[str, ...],
) -> Objective:
    if one.composite is None:
        return one
    if one.id not in done:
        parts = [_part(part, by_id, done, (*path, one.id)) for part in one.composite.parts]
        try:
            done[one.id] = _made(one, one.composite, parts)
        except ConfigError as error:
            where = one.where if not str(error.where) else error.where
            raise ConfigError(error.message, where=where, advice=error.advice) from error
    return done[one.id]


def _part(
    part: Part, by_id: Mapping[str, Objective], done: dict[str, Objective], path: tuple[str, ...]
) -> Objective:
    if part.id in path:
        circle = " -> ".join((*path[path.index(part.id) :], part.id))
        raise ConfigError(
            f"the composite is made of itself: {circle}",
            where=part.where,
            advice="take one of them out",
        )
    if part.id not in by_id:
        raise ConfigError(
            f"there is no SLO {part.id}",
            where=part.where,
            advice="write it as service/name; all files must be read together",
        )
    return _resolved(by_id[part.id], by_id, done, path)


def _made(one: Objective, composite: Composite, parts: list[Objective]) -> Objective:
    queries = ((composite.combination, composite.text),)
    if composite.combination in COUNTED:
        counted = _counted(composite, parts)
        totals = counted[:1] if composite.combination == "funnel" else counted
        indicator = Indicator(
            composite.combination,
            tuple(term for _, found in counted for term in found.bad),
            tuple(term for _, found in totals for term in found.total),
            queries,
        )
        made = replace(composite, counted=tuple(counted))
        return replace(one, indicator=indicator, composite=made)
    assert composite.slices is not None  # noqa: S101 # those that are not counted have slices
    slices = CompositeIndicator(
        composite.combination,
        tuple(replace(part, group_by=()) for part in parts),
        tuple(part.weight for part in composite.parts),
        composite.slices,
        queries,
    )
    return replace(one, indicator=slices)


def _counted(composite: Composite, parts: list[Objective]) -> list[tuple[str, Indicator]]:
    """What each part counts, as often as it weighs."""
    found = []
    for part, one in zip(composite.parts, parts, strict=True):
        if not isinstance(one.indicator, Indicator) or one.budgeting is not None:
            raise ConfigError(
                f"{part.id} counts no events, so {composite.combination} can't add them up",
                where=part.where,
                advice="journey, all_of, any_of and weighted take any part",
            )
        bad, total = (
            tuple(_times(term, part.weight) for term in side)
            for side in (one.indicator.bad, one.indicator.total)
        )
        found.append((part.id, Indicator(composite.combination, bad, total)))
    return found


def _times(term: CounterTerm, weight: int) -> CounterTerm:
    return replace(term, coefficient=term.coefficient * weight)
