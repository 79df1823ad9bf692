"""`Correction`: a stretch of time that objectives do not count, who says so, and why.

Corrections are only ever added: one is taken back by a record of its own, so that the file (a JSON
object a line) is the audit trail. What the excluded events are is none of this module's business.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from collector.model.errors import InputError, StorageError
from slo.objective import Objective
from slo.window import DAY_MS, window_text

NAME = "corrections.jsonl"
MAX_EXCLUDED_MS = 35 * DAY_MS
"""One correction: what is wrong for longer than a month is the objective itself."""
MAX_CORRECTIONS = 10_000
"""In force at one time: a maintenance window every day for 27 years."""
MAX_TEXT = 1000
"""Characters of an author or a reason."""
BY_SCHEDULE = "configuration"
"""The author of maintenance windows."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which objectives: by id (of a template: all of its groups), service, labels; all must fit.

    Raises InputError when it names nothing: `slo` "*" means every objective.
    """

    slo: str = ""
    service: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.slo or self.service or self.labels):
            raise InputError(
                "no objective is named",
                advice="give slo (service/name, or * for all), service or labels",
            )

    def matches(self, objective: Objective) -> bool:
        """Whether it is one of them."""
        ids = ("", "*", objective.id, f"{objective.service}/{objective.name}")
        labels = {**objective.labels, **dict(objective.group)}
        return (
            self.slo in ids
            and self.service in ("", objective.service)
            and all(labels.get(name) == value for name, value in self.labels.items())
        )


@dataclass(frozen=True, slots=True)
class Act:
    """Who did something, when and why. Raises InputError without an author or a reason."""

    author: str
    reason: str
    at_ms: int

    def __post_init__(self) -> None:
        for what, text in (("author", self.author), ("reason", self.reason)):
            if not text.strip():
                raise InputError(f"a correction without its {what}", advice=f"give {what}")
            if len(text) > MAX_TEXT:
                raise InputError(f"the {what} is longer than {MAX_TEXT:,} characters")


@dataclass(frozen=True, slots=True)
class Correction:
    """Events in `(start_ms, end_ms]` of the selected objectives do not count.

    `revoked` says by whom it was taken back. Raises InputError for a stretch that can't be.
    """

    id: str
    selector: Selector
    start_ms: int
    end_ms: int
    made: Act
    revoked: Act | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start_ms < self.end_ms:
            raise InputError("a correction ends after it begins", advice="check start and end")
        if self.end_ms - self.start_ms > MAX_EXCLUDED_MS:
            raise InputError(
                f"a correction lasts {window_text(MAX_EXCLUDED_MS)} at most",
                advice="change the objective, or write several",
            )


class Corrections:
    """All corrections that ever were, by id, and their file."""

    def __init__(self, directory: Path) -> None:
        """Raises StorageError when the file of a former run can't be read."""
        self._path = directory / NAME
        self._all: dict[str, Correction] = {}
        self.version = 0
        for record in read_lines(self._path):
            self._apply(record)

    @property
    def all(self) -> tuple[Correction, ...]:
        """Every one, revoked ones too, in the order in which they were made."""
        return tuple(self._all.values())

    @property
    def in_force(self) -> tuple[Correction, ...]:
        """Those that were not revoked."""
        return tuple(one for one in self._all.values() if one.revoked is None)

    def add(
        self, selector: Selector, start_ms: int, end_ms: int, made: Act, id_: str = ""
    ) -> Correction:
        """Make one and write it down.

        Raises InputError for what can't be, StorageError when the disk fails: then it is not made.
        """
        id_ = id_ or f"c{len(self._all) + 1}"
        correction = Correction(id_, selector, start_ms, end_ms, made)
        if id_ in self._all:
            raise InputError(f"there is a correction {id_!r} already")
        if len(self.in_force) >= MAX_CORRECTIONS:
            raise InputError(f"{MAX_CORRECTIONS:,} corrections are in force", advice="revoke some")
        self._write(
            {
                "action": "add",
                "id": id_,
                "slo": selector.slo,
                "service": selector.service,
                "labels": dict(selector.labels),
                "start_ms": start_ms,
                "end_ms": end_ms,
                **_act_record(made),
            }
        )
        return correction

    def revoke(self, id_: str, act: Act) -> Correction:
        """Take one back. Raises InputError for an unknown or revoked one, StorageError."""
        found = self._all.get(id_)
        if found is None:
            raise InputError(f"there is no correction {id_!r}", advice="list them first")
        if found.revoked is not None:
            raise InputError(f"{found.revoked.author} revoked {id_!r} already")
        self._write({"action": "revoke", "id": id_, **_act_record(act)})
        return self._all[id_]

    def __contains__(self, id_: object) -> bool:
        return id_ in self._all

    def _write(self, record: Mapping[str, Any]) -> None:
        append_line(self._path, json.dumps(record, ensure_ascii=False))
        self._apply(record)

    def _apply(self, record: Mapping[str, Any]) -> None:
        act = Act(record["author"], record["reason"], record["at_ms"])
        id_ = record["id"]
        if record["action"] == "add":
            selector = Selector(record["slo"], record["service"], record["labels"])
            self._all[id_] = Correction(id_, selector, record["start_ms"], record["end_ms"], act)
        else:
            old = self._all[id_]
            self._all[id_] = Correction(
                id_, old.selector, old.start_ms, old.end_ms, old.made, revoked=act
            )
        self.version += 1


def append_line(path: Path, line: str) -> None:
    """Add a line to a file and sync it; a torn last line is ended first. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            if _is_torn(file):
                file.write(b"\n")
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(
            f"{path} can't be written: {error.strerror}",
            advice="check the disk's space and the mode",
        ) from error


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line; [] without a file.

    A line that a crash tore was never promised and is passed over. Raises StorageError.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror}") from error
    found: list[dict[str, Any]] = []
    for line in lines:
        if line.strip():
            try:
                found.append(json.loads(line))
            except ValueError:
                continue  # torn by a crash: `append_line` ends such a line and writes on
    return found


def _is_torn(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def _act_record(act: Act) -> dict[str, Any]:
    return {"author": act.author, "reason": act.reason, "at_ms": act.at_ms}
