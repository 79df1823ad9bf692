"""`Deploy`: a service got another version at a time; and `Deploys`, where one asks for them.

They live at the bottom so that whoever explains a change (objectives, incidents, pages) can name
them without knowing who keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.model.errors import InputError

MAX_TEXT = 1000
"""Characters of each text of a deploy."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """`version` of `service` was put out at `at_ms`; `url` and `note` lead to more.

    Raises InputError without a service or a version, and for texts that are too long.
    """

    id: str
    service: str
    version: str
    at_ms: int
    url: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        texts = {name: getattr(self, name) for name in ("service", "version", "url", "note")}
        for name, text in texts.items():
            if len(text) > MAX_TEXT:
                raise InputError(f"{name} is longer than {MAX_TEXT:,} characters")
        for name in ("service", "version"):
            if not texts[name].strip():
                raise InputError(f"a deploy without its {name}", advice=f"give {name}")
        if self.at_ms < 0:
            raise InputError("a deploy before 1970", advice="`at` is RFC 3339 or Unix seconds")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise InputError(f"{self.url!r} is no link", advice="http:// and https:// are taken")

    @property
    def title(self) -> str:
        """`shop 1.4.2`."""
        return f"{self.service} {self.version}"


class Deploys(Protocol):
    """What was deployed; safe to call from any thread."""

    def between(self, after_ms: int, until_ms: int, service: str = "") -> Sequence[Deploy]:
        """Deploys in `(after_ms, until_ms]`, of one service or of all, oldest first."""
        ...


class NoDeploys:
    """`Deploys` where nobody tells of any."""

    def between(self, after_ms: int, until_ms: int, service: str = "") -> Sequence[Deploy]:
        """None."""
        return ()


NO_DEPLOYS = NoDeploys()
