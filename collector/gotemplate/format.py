"""Go's fmt: `print`, `println` and `printf` with every verb and flag that a template can reach.

Source: https://pkg.go.dev/fmt. Mistakes are printed into the text as Go does
(`%!d(string=x)`, `%!v(MISSING)`), never raised.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from collector.gotemplate.floats import float_text
from collector.gotemplate.limits import MAX_OUTPUT_CHARS, output_limit
from collector.gotemplate.values import StringMap, Typed, plain, type_name

MAX_WIDTH = 1_000_000
"""A wider field is an error in Go too (`%!(BADWIDTH)`)."""

_DIRECTIVE = re.compile(
    r"%(?P<flags>[+\-# 0]*)(?P<width_index>\[\d+\])?(?P<width>\*|\d+)?"
    r"(?P<dot>\.(?P<precision_index>\[\d+\])?(?P<precision>\*|\d+)?)?"
    r"(?P<index>\[[^\]]*\])?(?P<verb>.)?",
    re.DOTALL,
)
_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": "\\\\",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """Flags, width and precision of one directive; None where not written."""

    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None


_PLAIN = Spec()


def sprint(values: Sequence[object]) -> str:
    """`print`: a space between two values of which neither is a string."""
    parts: list[str] = []
    was_text = True
    for position, value in enumerate(values):
        is_text = isinstance(plain(value), str)
        if position and not is_text and not was_text:
            parts.append(" ")
        parts.append(value_text(value))
        was_text = is_text
    return "".join(parts)


def sprintln(values: Sequence[object]) -> str:
    """`println`: a space between any two, a newline at the end."""
    return " ".join(map(value_text, values)) + "\n"


def value_text(value: object) -> str:
    """`%v` of a value. Raises LimitError when it is past the limit of a template's output."""
    return _formatted("v", _PLAIN, value)


def sprintf(form: str, values: Sequence[object]) -> str:
    """`printf`. Raises LimitError when the text is past the limit of a template's output."""
    return _Printf(form, values).text()


class _Printf:
    def __init__(self, form: str, values: Sequence[object]) -> None:
        self._form = form
        self._values = values
        self._next = 0
        self._reordered = False
        self._bad_index = False

    def text(self) -> str:
        parts: list[str] = []
        at = size = 0
        while (percent := self._form.find("%", at)) >= 0:
            match = _DIRECTIVE.match(self._form, percent)
            if match is None:
                break
            parts.append(self._form[at:percent])
            parts.append(self._directive(match))
            size += len(parts[-1])
            if size > MAX_OUTPUT_CHARS:
                raise output_limit()
            at = match.end()
        parts.append(self._form[at:])
        if not self._reordered and self._next < len(self._values):
            rest = self._values[self._next :]
            parts.append(f"%!(EXTRA {', '.join(map(_with_type, rest))})")
        return "".join(parts)

    def _directive(self, match: re.Match[str]) -> str:
        self._bad_index = False
        spec, notes = self._spec(match)
        self._index(match["index"])
        verb = match["verb"]
        if verb is None:
            return notes + "%!(NOVERB)"
        if verb == "%":
            return notes + "%"
        if self._bad_index:
            return f"{notes}%!{verb}(BADINDEX)"
        if self._next >= len(self._values):
            return f"{notes}%!{verb}(MISSING)"
        value = self._values[self._next]
        self._next += 1
        return notes + _formatted(verb, spec, value)

    def _spec(self, match: re.Match[str]) -> tuple[Spec, str]:
        flags = match["flags"]
        spec = Spec(
            plus="+" in flags,
            minus="-" in flags,
            sharp="#" in flags,
            space=" " in flags,
            zero="0" in flags and "-" not in flags,
        )
        self._index(match["width_index"])
        width, notes = self._size(match["width"], "WIDTH")
        if width is not None and width < 0:
            width, spec = -width, replace(spec, minus=True, zero=False)
        precision = None
        if match["dot"]:
            self._index(match["precision_index"])
            precision, note = self._size(match["precision"] or "0", "PREC")
            notes += note
            precision = None if precision is not None and precision < 0 else precision
        return replace(spec, width=width, precision=precision), notes

    def _index(self, written: str | None) -> None:
        if written is None:
            return
        self._reordered = True
        number = written[1:-1]
        if number.isdigit() and 0 < int(number) <= len(self._values):
            self._next = int(number) - 1
        else:
            self._bad_index = True

    def _size(self, written: str | None, what: str) -> tuple[int | None, str]:
        if written is None:
            return None, ""
        if written != "*":
            size = int(written) if len(written) < 9 else MAX_WIDTH + 1
            return (size, "") if size <= MAX_WIDTH else (None, f"%!(BAD{what})")
        value = self._values[self._next] if self._next < len(self._values) else None
        self._next += 1
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_WIDTH:
            return None, f"%!(BAD{what})"
        return value, ""


def _with_type(value: object) -> str:
    return "<nil>" if value is None else f"{type_name(value)}={value_text(value)}"


def _formatted(verb: str, spec: Spec, value: object) -> str:
    """One value by one verb, to its width."""
    if verb == "T":
        return _padded(type_name(value), spec)
    if value is None:
        return _padded("<nil>", spec) if verb == "v" else f"%!{verb}(<nil>)"
    pieces: list[str] = []
    size = 0
    for piece in _pieces(verb, spec, value, depth=0):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_OUTPUT_CHARS:
            raise output_limit()
    return "".join(pieces)


MAX_VALUE_DEPTH = 50
"""Values inside each other that are printed: a value that holds itself ends here."""


def _pieces(verb: str, spec: Spec, value: object, depth: int) -> Iterator[str]:
    if depth > MAX_VALUE_DEPTH:
        raise output_limit()
    if isinstance(value, Typed):
        if value.text is not None and verb in "vsqxX" and not (verb == "v" and spec.sharp):
            yield _text("s" if verb == "v" else verb, spec, value.text)
            return
        if value.fields is None:
            yield from _pieces(verb, spec, value.value, depth + 1)
            return
        yield from _struct(verb, spec, value, depth)
        return
    match value:
        case None:
            yield _padded("<nil>", spec)
        case bool():
            yield _boolean(verb, spec, value)
        case int():
            yield _integer(verb, spec, value)
        case float():
            yield _float(verb, spec, value)
        case str():
            yield _text(verb, spec, value)
        case Mapping():
            yield from _map(verb, spec, value, depth)
        case Sequence():
            yield from _slice(verb, spec, value, depth)
        case _:
            yield _text(verb, spec, str(value))


def _struct(verb: str, spec: Spec, value: Typed, depth: int) -> Iterator[str]:
    detailed = verb == "v" and spec.sharp
    yield f"{value.type_name}{{" if detailed else "{"
    for position, (name, one) in enumerate((value.fields or {}).items()):
        if position:
            yield ", " if detailed else " "
        if detailed or (verb == "v" and spec.plus):
            yield f"{name}:"
        yield from _pieces(verb, spec, one, depth + 1)
    yield "}"


def _map(verb: str, spec: Spec, value: Mapping[object, object], depth: int) -> Iterator[str]:
    detailed = verb == "v" and spec.sharp
    yield f"{type_name(value)}{{" if detailed else "map["
    for position, key in enumerate(sorted_keys(value)):
        if position:
            yield ", " if detailed else " "
        yield from _pieces(verb, spec, key, depth + 1)
        yield ":"
        yield from _pieces(verb, spec, value[key], depth + 1)
    yield "}" if detailed else "]"


def sorted_keys(value: Mapping[object, object]) -> list[object]:
    """A map's keys in the order in which Go ranges over and prints them."""
    if isinstance(value, StringMap):
        return sorted(value, key=str)
    return sorted(value, key=lambda key: (isinstance(key, str), key))


def _slice(verb: str, spec: Spec, value: Sequence[object], depth: int) -> Iterator[str]:
    detailed = verb == "v" and spec.sharp
    yield f"{type_name(value)}{{" if detailed else "["
    for position, one in enumerate(value):
        if position:
            yield ", " if detailed else " "
        yield from _pieces(verb, spec, one, depth + 1)
    yield "}" if detailed else "]"


def _bad(verb: str, value: object) -> str:
    return f"%!{verb}({type_name(value)}={value_text(value)})"


def _boolean(verb: str, spec: Spec, value: bool) -> str:
    if verb not in "tv":
        return _bad(verb, value)
    return _padded("true" if value else "false", spec)


_BASES = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_PREFIXES = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}


def _integer(verb: str, spec: Spec, value: int) -> str:
    if verb in "cqU":
        return _character(verb, spec, value)
    if verb in "eEfFgG" or verb not in _BASES:
        return _bad(verb, value)
    digits = format(abs(value), _BASES[verb])
    if spec.precision is not None:
        digits = "" if spec.precision == 0 and value == 0 else digits.zfill(spec.precision)
    sign = "-" if value < 0 else _positive(verb, spec)
    prefix = "0o" if verb == "O" else _PREFIXES.get(verb, "") if spec.sharp else ""
    if spec.zero and spec.precision is None and spec.width is not None:
        digits = digits.zfill(spec.width - len(sign) - len(prefix))
    return _padded(sign + prefix + digits, replace(spec, zero=False))


def _positive(verb: str, spec: Spec) -> str:
    """What stands before a number that is not negative; the + of `%+v` is about structs."""
    return "+" if spec.plus and verb != "v" else " " if spec.space else ""


def _character(verb: str, spec: Spec, value: int) -> str:
    known = 0 <= value <= 0x10FFFF and not 0xD800 <= value <= 0xDFFF
    char = chr(value) if known else "\ufffd"
    if verb == "c":
        return _padded(char, spec)
    if verb == "q":
        inner = r"\'" if char == "'" else _escaped(char, spec.plus, "'")
        return _padded(f"'{inner}'", spec)
    text = f"U+{max(value, 0):04X}"
    return _padded(f"{text} '{char}'" if spec.sharp and char.isprintable() else text, spec)


def _float(verb: str, spec: Spec, value: float) -> str:
    if verb not in "vbeEfFgGxX":
        return _bad(verb, value)
    text = float_text(value, "g" if verb == "v" else verb, spec.precision)
    text = _sharpened(text, verb, spec) if spec.sharp and verb != "v" else text
    sign = text[0] if text[0] in "+-" else _positive(verb, spec)
    digits = text.lstrip("+-")
    if not math.isfinite(value):
        sign = "+" if spec.plus and not sign else sign
        bare = "+Inf" if value > 0 else f"{sign}{digits}"
        return _padded(bare, replace(spec, zero=False))
    if spec.zero and spec.width is not None:
        digits = digits.zfill(spec.width - len(sign))
    return _padded(sign + digits, replace(spec, zero=False))


def _sharpened(text: str, verb: str, spec: Spec) -> str:
    """`#`: always a decimal point, and for %g the trailing zeros."""
    mantissa, mark, exponent = text.partition("e")
    if "." not in mantissa and mantissa[-1].isdigit():
        mantissa += "."
    if verb in "gG":
        digits = sum(char.isdigit() for char in mantissa.lstrip("-0."))
        mantissa += "0" * max(0, (6 if spec.precision is None else spec.precision) - digits)
    return mantissa + mark + exponent


def _text(verb: str, spec: Spec, value: str) -> str:
    cut = value if spec.precision is None else value[: spec.precision]
    match verb:
        case "v" if spec.sharp:
            return _padded(go_quote(cut), spec)
        case "v" | "s":
            return _padded(cut, spec)
        case "q":
            raw = "`" not in cut and cut.isprintable()
            return _padded(f"`{cut}`" if spec.sharp and raw else go_quote(cut, spec.plus), spec)
        case "x" | "X":
            data = value.encode("utf-8", "surrogateescape")[: spec.precision]
            text = data.hex(" ") if spec.space else data.hex()
            return _padded(text.upper() if verb == "X" else text, spec)
    return _bad(verb, value)


def go_quote(text: str, ascii_only: bool = False) -> str:
    """A Go string literal in double quotes (strconv.Quote)."""
    return '"' + "".join(_escaped(char, ascii_only, '"') for char in text) + '"'


def _escaped(char: str, ascii_only: bool, quote: str) -> str:
    if char == quote:
        return "\\" + char
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable() and not (ascii_only and code > 126):
        return char
    if code < 128:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _padded(text: str, spec: Spec) -> str:
    if spec.width is None or len(text) >= spec.width:
        return text
    if spec.minus:
        return text.ljust(spec.width)
    return text.rjust(spec.width, "0" if spec.zero else " ")
