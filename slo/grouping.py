"""One objective, a budget for each group of label values: by tenant, by route.

An objective with `group_by` is a template. The groups are the values that the series of its total
events have; each becomes an objective of its own, whose selectors name the values, so that all that
is true of one objective is true of a group. A group that appears is counted from its beginning, as
any new objective is. Past `max_groups` groups are not judged, and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.interface import Querier
from slo.objective import CounterTerm, Indicator, Objective

Values = tuple[str, ...]


@dataclass(slots=True)
class _Template:
    objective: Objective
    groups: dict[Values, None]
    left_out: set[Values]
    last_seen: int = -1


class Groups:
    """The objectives that are judged: those of the specs, and one for each group of a template."""

    def __init__(self, specified: Sequence[Objective]) -> None:
        self._specified = tuple(specified)
        self._templates = {one.id: _Template(one, {}, set()) for one in specified if one.group_by}
        self._version = -1

    @property
    def specified(self) -> tuple[Objective, ...]:
        """What the specs say, templates among them."""
        return self._specified

    @property
    def left_out(self) -> dict[str, int]:
        """How many groups of each template are past its limit."""
        return {id_: len(one.left_out) for id_, one in self._templates.items() if one.left_out}

    def update(self, querier: Querier) -> bool:
        """Look for new groups; whether there are any that are judged."""
        version = querier.series_version()
        if not self._templates or version == self._version:
            return False
        self._version = version
        found = 0
        for template in self._templates.values():
            found += _look(template, querier)
        return found > 0

    def objectives(self) -> list[Objective]:
        """Every objective to judge, in the order of the specs; groups sorted by their values."""
        found: list[Objective] = []
        for one in self._specified:
            template = self._templates.get(one.id)
            if template is None:
                found.append(one)
            else:
                found += [_of_group(template, values) for values in sorted(template.groups)]
        return found


def _look(template: _Template, querier: Querier) -> int:
    """Take in the groups of series born since the last look; how many are judged."""
    indicator = template.objective.indicator
    newest, before = template.last_seen, len(template.groups)
    for term in indicator.total:
        refs = querier.match(term.matchers)
        refs = refs[refs > template.last_seen]
        if len(refs):
            newest = max(newest, int(refs[-1]))
            _take(template, querier.labels_of(refs))
    template.last_seen = newest
    return len(template.groups) - before


def _take(template: _Template, series: Sequence[Labels]) -> None:
    names, limit = template.objective.group_by, template.objective.max_groups
    for labels in series:
        values = tuple(labels.get(name, "") for name in names)
        if values in template.groups:
            continue
        if len(template.groups) < limit:
            template.groups[values] = None
        else:
            template.left_out.add(values)


def _of_group(template: _Template, values: Values) -> Objective:
    one = template.objective
    group = tuple(zip(one.group_by, values, strict=True))
    narrower = tuple(Matcher("=", name, value) for name, value in group)
    assert isinstance(one.indicator, Indicator)  # noqa: S101 # `Objective` refuses others
    indicator = replace(
        one.indicator,
        bad=_narrowed(one.indicator.bad, narrower),
        total=_narrowed(one.indicator.total, narrower),
    )
    notes = one.notes
    if template.left_out:
        more = f"{len(template.left_out)} more groups than max_groups are not judged"
        notes = (*notes, more)
    return replace(one, indicator=indicator, group_by=(), group=group, notes=notes)


def _narrowed(terms: tuple[CounterTerm, ...], more: tuple[Matcher, ...]) -> tuple[CounterTerm, ...]:
    return tuple(replace(term, matchers=(*term.matchers, *more)) for term in terms)
