"""`label_replace` and `label_join`: new labels, same values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import re2

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.query.block import Block, merged
from collector.query.operators.interface import Context, Operator, text, vector

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


@dataclass(frozen=True, slots=True)
class LabelReplace:
    """`label_replace(v, destination, replacement, source, regex)`."""

    inner: Operator
    args: tuple[Operator, ...]

    def run(self, context: Context) -> Block:
        """The same rows under the new labels."""
        destination, replacement, source, regex = (text(arg, context) for arg in self.args)
        check_label_name(destination, "destination label name in label_replace():")
        pattern = _compile(regex)
        template = _template(replacement)
        block = vector(self.inner, context)
        labels, dropped = [], block.dropped.copy()
        for row, one in enumerate(block.labels):
            match = pattern.fullmatch(one.get(source, ""))
            if match is None:
                labels.append(one)
                continue
            labels.append(one.merged({destination: _expand(template, match)}))
            if destination == METRIC_NAME:
                dropped[row] = False
        return merged(block.with_labels(labels, dropped))

    def explain(self) -> str:
        """The function."""
        return "label_replace"


@dataclass(frozen=True, slots=True)
class LabelJoin:
    """`label_join(v, destination, separator, sources…)`."""

    inner: Operator
    args: tuple[Operator, ...]

    def run(self, context: Context) -> Block:
        """The same rows under the new labels."""
        destination, separator, *sources = (text(arg, context) for arg in self.args)
        check_label_name(destination, "destination label name in label_join():")
        for source in sources:
            check_label_name(source, "source label name in label_join():")
        block = vector(self.inner, context)
        labels: list[Labels] = [
            one.merged({destination: separator.join(one.get(source, "") for source in sources)})
            for one in block.labels
        ]
        dropped = block.dropped & np.bool_(destination != METRIC_NAME)
        return merged(block.with_labels(labels, dropped))

    def explain(self) -> str:
        """The function."""
        return "label_join"


def check_label_name(name: str, what: str) -> None:
    """Raises EvaluationError for what can't be a label's name: empty, or not UTF-8."""
    try:
        valid = bool(name.encode("utf-8"))
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise EvaluationError(f"invalid {what} {go_quoted(name)}")


def go_quoted(name: str) -> str:
    """A text in double quotes; bytes that are not UTF-8 as `\\xNN`."""
    raw = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return f'"{raw}"'


def _compile(regex: str) -> re.Pattern[str]:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        pattern: re.Pattern[str] = re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace")  # RE2 gives it in bytes
        raise EvaluationError(
            f"invalid regular expression in label_replace(): {regex}: {reason}"
        ) from error
    return pattern


def _template(replacement: str) -> list[tuple[str, str]]:
    """Go's replacement as (literal, reference) pairs; `$1x` is the group named `1x`."""
    parts, at = [], 0
    for match in _REFERENCE.finditer(replacement):
        literal = replacement[at : match.start()] + (match.group(1) or "")
        parts.append((literal, match.group(2) or match.group(3) or ""))
        at = match.end()
    return [*parts, (replacement[at:], "")]


def _expand(template: list[tuple[str, str]], match: re.Match[str]) -> str:
    return "".join(literal + _group(match, reference) for literal, reference in template)


def _group(match: re.Match[str], reference: str) -> str:
    if not reference:
        return ""
    key: int | str = int(reference) if reference.isdecimal() else reference
    try:
        return match.group(key) or ""
    except (IndexError, KeyError):
        return ""
