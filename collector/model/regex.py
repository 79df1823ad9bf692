"""RE2 as Prometheus compiles it, and Go's references to groups in a replacement.

Source: https://github.com/google/re2/wiki/Syntax and `Regexp.Expand` of Go's regexp
"""

from __future__ import annotations

import re
from collections.abc import Callable

import re2

from collector.model.errors import InputError

_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


class RegexError(InputError):
    """A text that is no RE2; `reason` is RE2's own."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(
            f"not a valid regular expression: {text!r}: {reason}",
            advice="RE2 syntax as in Prometheus: no look-ahead, no back-reference",
        )
        self.reason = reason


def compile_regex(text: str, *, dot_matches_newline: bool = True) -> re.Pattern[str]:
    """The pattern, with the methods of Python's own. Raises RegexError."""
    options = re2.Options()
    options.dot_nl = dot_matches_newline
    options.log_errors = False
    try:
        pattern: re.Pattern[str] = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        told = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RegexError(text, told) from error
    return pattern


def expander(replacement: str) -> Callable[[re.Match[str]], str]:
    """What a match makes of `$1`, `${1}`, `$name`, `${name}` and `$$`: an unknown group is empty.

    A name is as long as it can be: `$1x` is the group named `1x`.
    """
    parts, at = list[tuple[str, str]](), 0
    for reference in _REFERENCE.finditer(replacement):
        literal = replacement[at : reference.start()] + (reference[1] or "")
        parts.append((literal, reference[2] or reference[3] or ""))
        at = reference.end()
    if not parts:
        return lambda _: replacement
    rest = replacement[at:]
    return lambda match: "".join(text + _group(match, name) for text, name in parts) + rest


def _group(match: re.Match[str], name: str) -> str:
    if not name:
        return ""
    try:
        return match[int(name) if name.isascii() and name.isdecimal() else name] or ""
    except (IndexError, KeyError):
        return ""
