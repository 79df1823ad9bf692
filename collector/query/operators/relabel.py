"""`label_replace` and `label_join`: new labels, same values."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.regex import RegexError, compile_regex, expander
from collector.query.block import Block, merged
from collector.query.operators.interface import Context, Operator, text, vector


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
        expand = expander(replacement)
        block = vector(self.inner, context)
        labels, dropped = [], block.dropped.copy()
        for row, one in enumerate(block.labels):
            match = pattern.fullmatch(one.get(source, ""))
            if match is None:
                labels.append(one)
                continue
            labels.append(one.merged({destination: expand(match)}))
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
    try:
        return compile_regex(regex)
    except RegexError as error:
        raise EvaluationError(
            f"invalid regular expression in label_replace(): {regex}: {error.reason}"
        ) from error
