"""Stretches of time that do not count: those that were made, one more, and taking one back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.model.durations import format_duration
from collector.model.errors import InputError
from slo.correction_desk import CorrectionDesk, Report
from slo.corrections import Selector
from slo.objective import Objective
from tocsin.moments import moment_ms
from tocsin.web import texts
from tocsin.web.forms import required

SHOWN = 200
"""Corrections on one page, the newest; the API has all of them."""
OBJECTIVES_NAMED = 5


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One correction; `state` is lasting, to come, over or revoked."""

    id: str
    of: str
    start_ms: int
    end_ms: int
    long: str
    state: str
    tone: str
    objectives: str
    taken: str
    author: str
    reason: str
    revoked: str

    @property
    def is_in_force(self) -> bool:
        """Whether it can be taken back."""
        return not self.revoked


def corrections_view(
    desk: CorrectionDesk, objectives: Sequence[Objective], chosen: str, now_ms: int
) -> Mapping[str, object]:
    """The values of `corrections.html`; `chosen` is the objective that the form begins with."""
    reports = desk.reports()
    return {
        "rows": [_row(one, now_ms) for one in reports[:SHOWN]],
        "more": max(0, len(reports) - SHOWN),
        "ids": ["*", *sorted(one.id for one in objectives)],
        "services": sorted({one.service for one in objectives}),
        "chosen": chosen,
    }


def exclude(desk: CorrectionDesk, form: Mapping[str, str], now_ms: int) -> None:
    """Make the correction of a form. Raises InputError for a field that is missing or wrong."""
    author, reason, since = required(form, "author", "reason", "from")
    slo, service = form.get("slo", "").strip(), form.get("service", "").strip()
    if not (slo or service):
        raise InputError("no objective is named", advice="give an objective or a service")
    start_ms = moment_ms(since, "from", now_ms)
    end_ms = moment_ms(form.get("to", ""), "to", now_ms)
    desk.exclude(Selector(slo, service, {}), start_ms, end_ms, author, reason)


def revoke(desk: CorrectionDesk, form: Mapping[str, str]) -> None:
    """Take the correction of a form back, likewise."""
    desk.revoke(*required(form, "id", "author", "reason"))


def _row(report: Report, now_ms: int) -> CorrectionRow:
    one, taken = report.correction, report.taken.values()
    state, tone = _state(report, now_ms)
    named = list(report.objectives[:OBJECTIVES_NAMED])
    more = len(report.objectives) - len(named)
    selector = (one.selector.slo, one.selector.service, *map("=".join, one.selector.labels.items()))
    bad, total = sum(of.bad for of in taken), sum(of.total for of in taken)
    return CorrectionRow(
        id=one.id,
        of=" ".join(filter(None, selector)),
        start_ms=one.start_ms,
        end_ms=one.end_ms,
        long=format_duration(one.end_ms - one.start_ms),
        state=state,
        tone=tone,
        objectives=", ".join(named) + (f" and {more} more" if more else ""),
        taken=f"{texts.count(bad)} bad of {texts.count(total)}" if taken else "",
        author=one.made.author,
        reason=one.made.reason,
        revoked=f"{one.revoked.author}: {one.revoked.reason}" if one.revoked else "",
    )


def _state(report: Report, now_ms: int) -> tuple[str, str]:
    one = report.correction
    if one.revoked is not None:
        return "revoked", ""
    if now_ms < one.start_ms:
        return "to come", "none"
    return ("lasts", "warn") if now_ms < one.end_ms else ("over", "good")
