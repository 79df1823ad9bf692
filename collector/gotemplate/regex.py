"""`reReplaceAll` and `match` on RE2 with Go's references, which rules and notifications share."""

from __future__ import annotations

import re

import re2

_GROUP = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def re_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match of an RE2 pattern replaced; `$1` and `${name}` are its groups."""
    compiled = _compiled(pattern)
    parts: list[str] = []
    at, begun = 0, False
    for match in compiled.finditer(text):
        if begun and match.start() == match.end() == at:
            continue  # Go sees no empty match right after another one
        begun = True
        parts += (text[at : match.start()], _expanded(replacement, match))
        at = match.end()
    return "".join((*parts, text[at:]))


def _expanded(replacement: str, match: re.Match[str]) -> str:
    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        if name.isdigit():
            return (match.group(int(name)) or "") if int(name) <= match.re.groups else ""
        return match.groupdict().get(name) or ""

    return _GROUP.sub(group, replacement)


def _compiled(pattern: str) -> re.Pattern[str]:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: re.Pattern[str] = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"error parsing regexp: {pattern}") from error
    return compiled


def match(pattern: str, text: str) -> bool:
    """Whether an RE2 pattern is found anywhere in the text."""
    return _compiled(pattern).search(text) is not None
