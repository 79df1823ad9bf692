"""The JSON of Alertmanager's API v2: bodies that come in, values that go out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from alerts.alertmanager_json import timestamp
from alerts.limits import check_alert
from alerts.silence import Silence
from alerts.views import AlertView, GroupView
from collector.model.alert import Alert
from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.model.matchers import Matcher

Json = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)


class AlertBody(BaseModel):
    """One alert as Prometheus posts it."""

    labels: dict[str, str]
    annotations: dict[str, str] = Field(default_factory=dict)
    startsAt: AwareDatetime | None = None  # noqa: N815 - the API's name
    endsAt: AwareDatetime | None = None  # noqa: N815 - the API's name
    generatorURL: str = ""  # noqa: N815 - the API's name

    def alert(self, now_ms: int) -> Alert:
        """The alert; raises InputError for one without labels, or that ends before it starts.

        Raises LimitError for one that is too large.
        """
        check_alert(self.labels, self.annotations, self.generatorURL)
        labels = Labels(self.labels)
        if not labels:
            raise InputError("at least one label pair required")
        if "" in self.labels:
            raise InputError("a label has no name")
        start, end = milliseconds(self.startsAt), milliseconds(self.endsAt)
        if start is None:
            start = end if end is not None else now_ms
        if end is not None and end < start:
            raise InputError("start time must be before end time")
        return Alert(labels, self.annotations, start, end, self.generatorURL)


class MatcherBody(BaseModel):
    """One matcher of a silence."""

    name: str = Field(min_length=1)
    value: str
    isRegex: bool  # noqa: N815 - the API's name
    isEqual: bool = True  # noqa: N815 - the API's name

    def matcher(self) -> Matcher:
        """The matcher; raises InputError for a regular expression that is none."""
        if self.isRegex:
            return Matcher("=~" if self.isEqual else "!~", self.name, self.value)
        return Matcher("=" if self.isEqual else "!=", self.name, self.value)


class SilenceBody(BaseModel):
    """A silence that someone wants."""

    id: str = ""
    matchers: list[MatcherBody]
    startsAt: AwareDatetime  # noqa: N815 - the API's name
    endsAt: AwareDatetime  # noqa: N815 - the API's name
    createdBy: str  # noqa: N815 - the API's name
    comment: str
    annotations: dict[str, str] = Field(default_factory=dict)

    def silence(self) -> Silence:
        """The silence, unchecked."""
        return Silence(
            id=self.id,
            matchers=tuple(one.matcher() for one in self.matchers),
            starts_at_ms=milliseconds(self.startsAt) or 0,
            ends_at_ms=milliseconds(self.endsAt) or 0,
            created_by=self.createdBy,
            comment=self.comment,
            annotations=self.annotations,
        )


def milliseconds(time: datetime | None) -> int | None:
    """Milliseconds since 1970; None for none, and for Go's zero time.

    A zone can put a time past the year 9999, which nothing could show: it becomes the last one.
    """
    if time is None or time.year == 1:
        return None
    return min((time - _EPOCH) // timedelta(milliseconds=1), _LAST_MS)


def alert_json(view: AlertView) -> Json:
    """`gettableAlert`."""
    stored = view.stored
    url = stored.alert.generator_url
    return {
        "labels": dict(stored.alert.labels.pairs),
        "annotations": dict(stored.alert.annotations),
        "startsAt": timestamp(stored.alert.starts_at_ms),
        "endsAt": timestamp(stored.ends_at_ms),
        "updatedAt": timestamp(stored.updated_at_ms),
        **({"generatorURL": url} if url else {}),
        "fingerprint": stored.fingerprint,
        "receivers": [{"name": name} for name in view.receivers],
        "status": {
            "state": view.state,
            "silencedBy": list(view.silenced_by),
            "inhibitedBy": list(view.inhibited_by),
            "mutedBy": list(view.muted_by),
        },
    }


def group_json(group: GroupView) -> Json:
    """`alertGroup`."""
    return {
        "labels": dict(group.labels.pairs),
        "receiver": {"name": group.receiver},
        "alerts": [alert_json(view) for view in group.alerts],
    }


def silence_json(silence: Silence, now_ms: int) -> Json:
    """`gettableSilence`; like Alertmanager's, without annotations where there are none."""
    annotations = {"annotations": dict(silence.annotations)} if silence.annotations else {}
    return {
        "id": silence.id,
        "status": {"state": silence.state(now_ms)},
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": "~" in matcher.kind,
                "isEqual": "!" not in matcher.kind,
            }
            for matcher in silence.matchers
        ],
        "startsAt": timestamp(silence.starts_at_ms),
        "endsAt": timestamp(silence.ends_at_ms),
        "updatedAt": timestamp(silence.updated_at_ms),
        "createdBy": silence.created_by,
        "comment": silence.comment,
        **annotations,
    }
