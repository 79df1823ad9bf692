"""HTTP routes of corrections: those that were made, one more, and its revocation."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from collector.model.errors import InputError, StorageError
from slo.correction_desk import CorrectionDesk, Report
from slo.corrections import Act, Selector
from slo.verdict import whole


class ExclusionRequest(BaseModel):
    """What to leave out: `(start_ms, end_ms]` of the objectives that fit all that is given."""

    model_config = ConfigDict(extra="forbid")

    slo: str = ""
    service: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    start_ms: int
    end_ms: int
    author: str
    reason: str


class ActBody(BaseModel):
    """Who did it, why and when."""

    author: str
    reason: str
    at_ms: int

    @classmethod
    def of(cls, act: Act) -> ActBody:
        """The body of an act."""
        return cls(author=act.author, reason=act.reason, at_ms=act.at_ms)


class TakenBody(BaseModel):
    """Events that it takes out of one objective."""

    bad: float
    total: float
    exact: bool


class CorrectionBody(BaseModel):
    """A correction; `taken` has the objectives whose events were read from the store already."""

    id: str
    slo: str
    service: str
    labels: dict[str, str]
    start_ms: int
    end_ms: int
    made: ActBody
    revoked: ActBody | None
    objectives: list[str]
    taken: dict[str, TakenBody]

    @classmethod
    def of(cls, report: Report) -> CorrectionBody:
        """The body of a report."""
        one = report.correction
        return cls(
            id=one.id,
            slo=one.selector.slo,
            service=one.selector.service,
            labels=dict(one.selector.labels),
            start_ms=one.start_ms,
            end_ms=one.end_ms,
            made=ActBody.of(one.made),
            revoked=None if one.revoked is None else ActBody.of(one.revoked),
            objectives=list(report.objectives),
            taken={
                id_: TakenBody(bad=whole(of.bad), total=whole(of.total), exact=of.is_exact)
                for id_, of in report.taken.items()
            },
        )


class CorrectionsBody(BaseModel):
    """Every correction that was ever made, the newest first."""

    corrections: list[CorrectionBody]


def add_corrections(routes: APIRouter, desk: CorrectionDesk) -> None:
    """Add the routes to those of objectives."""

    @routes.get("/corrections")
    def corrections() -> CorrectionsBody:
        """Every correction, revoked ones too, the newest first."""
        return CorrectionsBody(corrections=[CorrectionBody.of(one) for one in desk.reports()])

    @routes.post("/corrections", status_code=201)
    def exclude(body: ExclusionRequest) -> CorrectionBody:
        """Leave a stretch of time out of objectives; their budgets are right when this answers."""
        try:
            selector = Selector(body.slo, body.service, body.labels)
            found = desk.exclude(selector, body.start_ms, body.end_ms, body.author, body.reason)
        except InputError as error:
            raise HTTPException(400, str(error)) from error
        except StorageError as error:
            raise HTTPException(500, str(error)) from error
        return CorrectionBody.of(found)

    @routes.delete("/corrections/{correction_id:path}")
    def revoke(correction_id: str, author: str, reason: str) -> CorrectionBody:
        """Take a correction back: what it left out counts again."""
        try:
            return CorrectionBody.of(desk.revoke(correction_id, author, reason))
        except InputError as error:
            raise HTTPException(400, str(error)) from error
        except StorageError as error:
            raise HTTPException(500, str(error)) from error
