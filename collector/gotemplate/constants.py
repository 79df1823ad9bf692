"""Go's literals: strings, raw strings, characters and numbers (Go specification, "Literals")."""

from __future__ import annotations

import re

_SIMPLE = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.)|$)", re.DOTALL
)
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|\d(?:_?\d)*)"
)
_FLOAT = re.compile(r"[+-]?(?:\d(?:_?\d)*)?(?:\.(?:\d(?:_?\d)*)?)?(?:[eE][+-]?\d(?:_?\d)*)?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][+-]?\d+")
_MAX_INT, _MIN_INT = 2**63 - 1, -(2**63)


def unquote(text: str) -> str | int:
    """The value of a quoted string, a raw string or (as an int) a character.

    Raises ValueError for an escape that Go does not have.
    """
    quote, inner = text[0], text[1:-1]
    if quote == "`":
        return inner.replace("\r", "")
    plain = _plain(inner, quote)
    if quote == '"':
        return plain
    if len(plain) != 1:
        raise ValueError(f"malformed character constant: {text}")
    return ord(plain)


def _plain(inner: str, quote: str) -> str:
    raw = bytearray()
    at = 0
    for match in _ESCAPE.finditer(inner):
        raw += inner[at : match.start()].encode("utf-8", "surrogateescape")
        raw += _escaped(match, quote)
        at = match.end()
    raw += inner[at:].encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "replace")


def _escaped(match: re.Match[str], quote: str) -> bytes:
    hexadecimal, octal, short, long, simple = match.groups()
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    if octal is not None and int(octal, 8) < 256:
        return bytes([int(octal, 8)])
    if (code := short or long) is not None and _is_character(int(code, 16)):
        return chr(int(code, 16)).encode()
    other_quote = "'" if quote == '"' else '"'
    if simple in _SIMPLE and simple != other_quote:
        return _SIMPLE[simple].encode()
    raise ValueError(f"invalid escape in a string: {match.group()}")


def _is_character(code: int) -> bool:
    return code < 0xD800 or 0xDFFF < code <= 0x10FFFF


def number(text: str) -> int | float:
    """An int where Go's untyped constant is one, else a float.

    Raises ValueError for what is no number, a complex one, or one that 64 bits don't hold.
    """
    if text.endswith("i") and not text.lower().startswith("0x"):
        raise ValueError(f"complex numbers are not supported: {text}")
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(text):
        value = _integer(plain)
        if not _MIN_INT <= value <= _MAX_INT:
            raise ValueError(f"integer overflow: {text}")
        return value
    if _HEX_FLOAT.fullmatch(text):
        return float.fromhex(plain)
    if _FLOAT.fullmatch(text) and any(char.isdigit() for char in text):
        return float(plain)
    raise ValueError(f"bad number syntax: {text!r}")


def _integer(plain: str) -> int:
    digits = plain.lstrip("+-")
    old_octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
    magnitude = int(digits, 8) if old_octal else int(digits, 0)
    return -magnitude if plain.startswith("-") else magnitude
