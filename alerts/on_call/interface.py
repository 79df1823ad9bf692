"""`IncidentDesk`: what people may do with an incident, wherever they press the button.

Slack, PagerDuty, signed links, pages, the command line and the API all end here; the desk makes it
durable, tells the story (`alerts.events`) and asks channels that can to change their message.
"""

from __future__ import annotations

from typing import Protocol


class IncidentDesk(Protocol):
    """Acts on an incident by its number; `actor` says who (`slack:U123`, `pagerduty`, `ana`).

    Doing what is done already changes nothing and is no error. Each raises KeyError for an
    unknown number, InputError for what makes no sense, StorageError when it can't be kept.
    """

    def acknowledge(self, incident: int, actor: str) -> None:
        """Someone works on it: escalation stops, repeats stay away."""
        ...

    def unacknowledge(self, incident: int, actor: str) -> None:
        """Nobody works on it any more: escalation begins again."""
        ...

    def assign(self, incident: int, person: str, actor: str) -> None:
        """Make someone its owner."""
        ...

    def snooze(self, incident: int, seconds: float, actor: str) -> None:
        """Say nothing until then; an incident that still is open speaks again after it."""
        ...

    def resolve(self, incident: int, actor: str, text: str = "") -> None:
        """Close it by hand; alerts that go on firing open another one when they start anew."""
        ...

    def comment(self, incident: int, text: str, actor: str) -> None:
        """Add to its story."""
        ...

    def silence(self, incident: int, seconds: float, actor: str) -> str:
        """Silence the labels that its alerts share; returns the silence's id."""
        ...

    def by_group(self, group_key: str) -> int:
        """The number of the open incident of a group; 0 when there is none."""
        ...
