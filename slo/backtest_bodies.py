"""What a backtest tells over HTTP, and `tocsin slo backtest --output json` prints."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from slo.known_incidents import Incident, detections, false_alarms
from slo.objective import Severity
from slo.replay import Day, Replay, Sent
from slo.verdict import whole
from slo.window import window_text


class IncidentBody(BaseModel):
    """A known incident."""

    model_config = ConfigDict(extra="forbid")

    name: str = "incident"
    start_ms: int
    end_ms: int

    def incident(self) -> Incident:
        """As it is compared."""
        return Incident(self.name, self.start_ms, self.end_ms)

    @classmethod
    def of(cls, one: Incident) -> IncidentBody:
        """From a value."""
        return cls(name=one.name, start_ms=one.start_ms, end_ms=one.end_ms)


class BacktestAsk(BaseModel):
    """Specifications (`spec`: YAML of any format), the stretch, and what is known of it.

    `tick_ms` is how often the running tocsin judges when it is left out.
    """

    model_config = ConfigDict(extra="forbid")

    spec: str
    start_ms: int
    end_ms: int
    tick_ms: int | None = None
    incidents: list[IncidentBody] | None = None


class SentBody(BaseModel):
    """A page or ticket; `is_false` is null without a list of incidents."""

    severity: Severity
    tier: str
    begins_ms: int
    ends_ms: int | None
    burn_rate: float
    bad: float | int
    spent_ratio: float
    is_false: bool | None

    @classmethod
    def of(cls, one: Sent, incidents: Sequence[Incident] | None) -> SentBody:
        """From a value."""
        return cls(
            severity=one.severity,
            tier=one.tier.text,
            begins_ms=one.begins_ms,
            ends_ms=one.ends_ms,
            burn_rate=one.burn_rate,
            bad=whole(one.bad),
            spent_ratio=one.spent_ratio,
            is_false=None if incidents is None else bool(false_alarms([one], incidents)),
        )


class DayBody(BaseModel):
    """One UTC day of the budget."""

    start_ms: int
    bad: float | int
    total: float | int
    spent_ratio: float
    left_ratio: float

    @classmethod
    def of(cls, one: Day) -> DayBody:
        """From a value."""
        return cls(
            start_ms=one.start_ms,
            bad=whole(one.bad),
            total=whole(one.total),
            spent_ratio=one.spent_ratio,
            left_ratio=one.left_ratio,
        )


class DetectionBody(IncidentBody):
    """An incident, and how long after its beginning it was told of (null: it was not)."""

    page_seconds: float | None
    ticket_seconds: float | None


class ReplayBody(BaseModel):
    """One objective; `incidents` is null without a list of them."""

    id: str
    objective: float
    window: str
    start_ms: int
    end_ms: int
    since_ms: int | None
    bad: float | int
    total: float | int
    left_ratio: float
    sent: list[SentBody]
    days: list[DayBody]
    incidents: list[DetectionBody] | None

    @classmethod
    def of(cls, one: Replay, incidents: Sequence[Incident] | None) -> ReplayBody:
        """From a value."""
        found = None if incidents is None else detections(one.sent, incidents)
        return cls(
            id=one.objective.id,
            objective=one.objective.ratio,
            window=one.objective.window.text,
            start_ms=one.start_ms,
            end_ms=one.end_ms,
            since_ms=one.since_ms if one.since_ms >= 0 else None,
            bad=whole(one.bad),
            total=whole(one.total),
            left_ratio=one.left_ratio,
            sent=[SentBody.of(sent, incidents) for sent in one.sent],
            days=[DayBody.of(day) for day in one.days],
            incidents=None
            if found is None
            else [
                DetectionBody(
                    **IncidentBody.of(detection.incident).model_dump(),
                    page_seconds=detection.page_seconds,
                    ticket_seconds=detection.ticket_seconds,
                )
                for detection in found
            ],
        )


class BacktestBody(BaseModel):
    """All objectives of the specifications, judged every `tick` (a duration)."""

    tick: str
    slos: list[ReplayBody]

    @classmethod
    def of(
        cls, tick_ms: int, replays: Sequence[Replay], incidents: Sequence[Incident] | None
    ) -> BacktestBody:
        """From values."""
        return cls(tick=window_text(tick_ms), slos=[ReplayBody.of(x, incidents) for x in replays])
