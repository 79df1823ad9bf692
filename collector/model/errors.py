"""Every error that tocsin raises on purpose, in one tree; each says what the reader can do.

TocsinError
├── ConfigError       the configuration is wrong: file, line and field are known
├── InputError        bytes or parameters from outside are wrong; the sender must change them
│   ├── QueryError    a PromQL text is wrong, with its position
│   └── TemplateError a Go template is wrong, or fails on its data, with line and column
├── EvaluationError   a well-formed query has no answer on these samples
├── LimitError        a documented limit was reached; the limit's name and value are told
├── CancelledError    somebody ended it on purpose
├── StorageError      the disk or the files on it are not as they should be
└── UnavailableError  a peer or a part is not there now; trying again may help
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """The place of an error: `file`, 1-based `line`, dotted `field`; each may be unknown."""

    file: str = ""
    line: int = 0
    field: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.field) if part)


NOWHERE = Where()


class TocsinError(Exception):
    """Root of the tree: `message` says what is wrong, `where` the place, `advice` what to do."""

    def __init__(self, message: str, *, where: Where = NOWHERE, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if str(self.where) else self.message
        return f"{text} ({self.advice})" if self.advice else text


class ConfigError(TocsinError):
    """The configuration can't be used as it is written."""


class InputError(TocsinError):
    """What came from outside can't be understood; the sender must change it (HTTP 400)."""


class QueryError(InputError):
    """A PromQL text is wrong; `position` is the 0-based offset into it, or -1.

    `picture` is the line of the text with a caret below the place, for terminals; or "".
    """

    def __init__(
        self, message: str, *, position: int = -1, advice: str = "", picture: str = ""
    ) -> None:
        super().__init__(message, advice=advice)
        self.position = position
        self.picture = picture


class TemplateError(InputError):
    """A Go template is wrong, or fails on its data; `line` and `column` count from 1."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.line = line
        self.column = column


class EvaluationError(TocsinError):
    """A well-formed query has no answer on these samples, such as duplicate series (HTTP 422)."""


class LimitError(TocsinError):
    """A documented limit was reached; the message names it and its value (HTTP 413, 422 or 429)."""


class CancelledError(TocsinError):
    """Somebody ended what was running, on purpose (HTTP 499)."""


class StorageError(TocsinError):
    """The disk, or a file on it, is not as it should be (HTTP 500)."""


class UnavailableError(TocsinError):
    """A peer or a part is not there now; trying again may help (HTTP 503)."""
