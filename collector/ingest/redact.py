"""Secrets and personal data out of logs before they are stored: a table of patterns with checks.

Every pattern is RE2, whose time is linear in the text: a hostile log line can't hang the receiver.
One combined pattern is tried first, so a harmless text costs one search. What is found becomes
`<redacted:name>`, and is counted by name. What can't be told from harmless text (a password in
prose, nine bare digits) stays: see `personal_numbers` and the table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import re2

from collector.ingest.personal_numbers import RUN, find
from collector.model.records import LogBatch, LogRecord

SECRET = "secret"  # noqa: S105 - the name of a pattern

_KEYWORDS = (
    r"(?:(?:\b|[_.\-])pass(?:word|wd|phrase)?|password|passwd|passphrase|pwd|secret|token"
    r"|api[_\-]?key|access[_\-]?key|account[_\-]?key|private[_\-]?key|credentials?|session[_\-]?id)"
)
_VALUE = (
    r'(?:"(?:[^"\\]|\\.)*"'  # in double quotes
    r'|\\"(?:[^"\\])*\\"'  # in escaped double quotes, as JSON inside of JSON has them
    r"|'(?:[^'\\]|\\.)*'"  # in single quotes
    r"""|[^\s"',;&|(){}\[\]\\]+)"""  # bare
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What `regex` finds is replaced, save the groups `keep` before it and `rest` after it.

    Quotes around a group `value` stay too, so that JSON stays JSON.
    """

    name: str
    regex: str


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private_key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
    ),
    Pattern("url_password", r"(?P<keep>\b[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@]*:)[^\s/]+(?P<rest>@)"),
    Pattern("jwt", r"\beyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]{5,}(?:\.[A-Za-z0-9_\-]*)?"),
    Pattern(
        "authorization",
        r"""(?i)(?P<keep>\b(?:proxy-)?authorization\\?["']?\s*[:=]\s*\\?["']?)[^\s"'\\][^\r\n"'\\]*""",
    ),
    Pattern("bearer", r"(?i)(?P<keep>\bbearer\s+)[A-Za-z0-9._~+/\-]{6,}=*"),
    Pattern(
        "api_key",
        r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}"
        r"|glpat-[A-Za-z0-9_\-]{20,}|xox[abeprs]-[A-Za-z0-9\-]{10,}|[rs]k_(?:live|test)_\w{16,}"
        r"|sk-[A-Za-z0-9_\-]{20,}|AIza[A-Za-z0-9_\-]{35})",
    ),
    Pattern("webhook", r"(?P<keep>hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_\-]+"),
    Pattern(
        SECRET,
        rf"""(?i)(?P<keep>{_KEYWORDS}\\?["']?\s*(?:=>|[:=])\s*)(?P<value>{_VALUE})""",
    ),
    Pattern("email", r"[\pL\pN._%+'\-]+@(?:[\pL\pN\-]+\.)+\pL{2,}"),
)
"""In the order in which they are tried: what holds another comes before it."""


_NUMBERS_HINT = r"[0-9](?:[ .\-]?[0-9]){12}|[0-9]{3}[ \-][0-9]{2}[ \-][0-9]{4}"
_HINT = (
    r"(?i)@|://|eyj|akia|asia|gh[pousr]_|github_pat|glpat|xox|k_live|k_test|sk-|aiza|hooks\."
    r"|-----begin|bearer|authorization|pass|pwd|secret|token|key|credential|session"
    rf"|{_NUMBERS_HINT}"
)
_QUOTE = re.compile(r"""\\?["']""")
_SENSITIVE_KEY = rf"(?i)(?:{_KEYWORDS}|authorization|cookie)$"


def _compile(regex: str) -> re.Pattern[str]:
    compiled: re.Pattern[str] = re2.compile(regex)
    return compiled


class Redactor:
    """Replaces what the table finds; safe to call from any thread."""

    def __init__(self) -> None:
        self._hint = _compile(_HINT)
        self._numbers_hint = _compile(_NUMBERS_HINT)
        self._run = _compile(RUN)
        self._sensitive_key = _compile(_SENSITIVE_KEY)
        self._steps = [(pattern.name, _compile(pattern.regex)) for pattern in PATTERNS]

    def redact(self, text: str, counts: Counter[str]) -> str:
        """The text without what the table finds; each find is counted under its pattern's name."""
        if not self._hint.search(text):
            return text
        for name, pattern in self._steps:
            if pattern.search(text):
                text = pattern.sub(_replacing(name, counts), text)
        if self._numbers_hint.search(text):
            text = self._run.sub(lambda match: _without_numbers(match[0], counts), text)
        return text

    def redact_batch(self, batch: LogBatch) -> tuple[LogBatch, Counter[str]]:
        """Every body and attribute redacted, and how often each pattern was found."""
        counts: Counter[str] = Counter()
        return LogBatch(tuple(self._record(record, counts) for record in batch.records)), counts

    def _record(self, record: LogRecord, counts: Counter[str]) -> LogRecord:
        body = self.redact(record.body, counts)
        attributes = self._attributes(record.attributes, counts)
        if body is record.body and attributes == record.attributes:
            return record
        return replace(record, body=body, attributes=attributes)

    def _attributes(self, attributes: Mapping[str, str], counts: Counter[str]) -> dict[str, str]:
        return {key: self._attribute(key, value, counts) for key, value in attributes.items()}

    def _attribute(self, key: str, value: str, counts: Counter[str]) -> str:
        if value and self._sensitive_key.search(key):
            counts[SECRET] += 1
            return marker(SECRET)
        return self.redact(value, counts)


def marker(name: str) -> str:
    """What stands in the place of a find."""
    return f"<redacted:{name}>"


def _replacing(name: str, counts: Counter[str]) -> Callable[[re.Match[str]], str]:
    def replacement(match: re.Match[str]) -> str:
        counts[name] += 1
        groups = match.groupdict(default="")
        quote = _QUOTE.match(groups.get("value", ""))
        around = quote[0] if quote else ""
        before, after = groups.get("keep", ""), groups.get("rest", "")
        return f"{before}{around}{marker(name)}{around}{after}"

    return replacement


def _without_numbers(run: str, counts: Counter[str]) -> str:
    parts, position = [], 0
    for found in find(run):
        counts[found.kind] += 1
        parts += [run[position : found.start], marker(found.kind)]
        position = found.end
    return "".join([*parts, run[position:]])
