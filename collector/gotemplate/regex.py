"""`reReplaceAll` and `match` on RE2 with Go's references, which rules and notifications share."""

from __future__ import annotations

import re

from collector.model.regex import RegexError, compile_regex, expander


def re_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match of an RE2 pattern replaced; `$1` and `${name}` are its groups."""
    compiled, expand = _compiled(pattern), expander(replacement)
    parts: list[str] = []
    at, begun = 0, False
    for match in compiled.finditer(text):
        if begun and match.start() == match.end() == at:
            continue  # Go sees no empty match right after another one
        begun = True
        parts += (text[at : match.start()], expand(match))
        at = match.end()
    return "".join((*parts, text[at:]))


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return compile_regex(pattern, dot_matches_newline=False)
    except RegexError as error:
        raise ValueError(f"error parsing regexp: {pattern}") from error


def match(pattern: str, text: str) -> bool:
    """Whether an RE2 pattern is found anywhere in the text."""
    return _compiled(pattern).search(text) is not None
