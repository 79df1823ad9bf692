"""Text made safe for HTML and JavaScript, as Go's text/template and html/template do it."""

from __future__ import annotations

_HTML = str.maketrans(
    {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_JS = {
    "\\": r"\\",
    "'": r"\'",
    '"': r"\"",
    "<": r"\u003C",
    ">": r"\u003E",
    "&": r"\u0026",
    "=": r"\u003D",
}


def html_text(text: str) -> str:
    """For HTML's text and quoted attributes."""
    return text.translate(_HTML)


def html_output(text: str) -> str:
    """What html/template prints for a value in text: `+` is escaped too, against UTF-7."""
    return html_text(text).replace("+", "&#43;")


def js_text(text: str) -> str:
    """For the inside of a JavaScript string."""
    return "".join(_js_char(char) for char in text)


def _js_char(char: str) -> str:
    if char in _JS:
        return _JS[char]
    if char < " " or not char.isprintable():
        return f"\\u{ord(char):04X}"
    return char
