"""The tree of a template: what the parser makes and the evaluator walks. Values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of 0-based character offsets into the template's source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dot:
    """`.`"""

    span: Span


@dataclass(frozen=True, slots=True)
class Constant:
    """`nil`, a bool, a string, a character (int) or a number; `is_number`: may become a float."""

    value: object
    span: Span
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """`.A.B`: names looked up from dot, one after another."""

    names: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.A.B`; `$` alone is the data that the template was given."""

    name: str
    names: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).A.B`, or a word before the fields."""

    operand: Operand
    names: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Function:
    """The name of a function."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Command:
    """A first word and its arguments."""

    args: tuple[Operand, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands joined by `|`; the last value goes into `names` (declared or assigned), if any."""

    commands: tuple[Command, ...]
    span: Span
    names: tuple[str, ...] = ()
    assigns: bool = False


Operand = Dot | Constant | Field | Variable | Chain | Function | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """Text between actions."""

    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """`{{pipeline}}`: printed unless it only sets variables."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range` with its body and its `else`."""

    kind: Literal["if", "with", "range"]
    pipeline: Pipeline
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Invoke:
    """`{{template "name" pipeline}}`."""

    name: str
    pipeline: Pipeline | None
    span: Span


@dataclass(frozen=True, slots=True)
class Leave:
    """`break` or `continue` of the loop around it."""

    kind: Literal["break", "continue"]


Node = Text | Action | Branch | Invoke | Leave


@dataclass(frozen=True, slots=True)
class Definition:
    """One named template: its nodes, and the source that their spans point into."""

    name: str
    nodes: tuple[Node, ...]
    source: str
