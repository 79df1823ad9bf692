"""Label names in the `U__` form, by which clients that can't send UTF-8 write any name.

Source: `UnescapeName` in model/metric.go of prometheus/common: after the prefix `U__`, `__` stands
for `_` and `_2e_` for the character with that code point, in hexadecimal.
"""

from __future__ import annotations

import re

PREFIX = "U__"
_PART = re.compile(r"_([0-9a-fA-F]{0,6})_|([^_])")
_MAX_CODE_POINT = 0x10FFFF


def unescaped(name: str) -> str:
    """The name that was meant; as it is when it does not follow the form, or says no character."""
    if not name.startswith(PREFIX):
        return name
    out, at, body = "", 0, name[len(PREFIX) :]
    while at < len(body):
        part = _PART.match(body, at)
        if part is None:
            return name
        character = _character(part[1], part[2])
        if character is None:
            return name
        out += character
        at = part.end()
    return out


def _character(digits: str | None, plain: str | None) -> str | None:
    if plain is not None:
        return plain
    if not digits:
        return "_"
    code = int(digits, 16)
    is_surrogate = 0xD800 <= code <= 0xDFFF
    return None if is_surrogate or code > _MAX_CODE_POINT else chr(code)
