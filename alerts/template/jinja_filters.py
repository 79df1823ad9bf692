"""The filters of Jinja texts: those of Jinja that can't grow what they get, and three of ours.

`replace`, `join` and `tojson` are bounded here; `humanize`, `duration` and `percent` say numbers
as Prometheus's templates do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import pass_eval_context
from jinja2.filters import FILTERS as BUILT_IN
from jinja2.nodes import EvalContext
from markupsafe import escape

from alerts.template.jinja_budget import charge
from collector.gotemplate import humanize as human

_PLAIN = (
    "abs", "capitalize", "d", "default", "dictsort", "e", "escape", "first", "float",
    "forceescape", "groupby", "int", "items", "last", "length", "list", "lower", "map", "max",
    "min", "reject", "rejectattr", "reverse", "round", "safe", "select", "selectattr", "sort",
    "string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode",
    "wordcount",
)  # fmt: skip


@pass_eval_context
def join(context: EvalContext, values: Iterable[Any], separator: str = "") -> str:
    """Texts with the separator between them."""
    texts: list[str] = []
    for value in values:
        text = escape(value) if context.autoescape else str(value)
        charge(len(text) + len(separator))
        texts.append(text)
    if context.autoescape:
        return escape(separator).join(texts)
    return separator.join(texts)


def replace(text: str, old: str, new: str) -> str:
    """The text with every `old` made `new`."""
    plain = text if isinstance(text, str) else str(text)
    charge(plain.count(old) * len(new) + len(plain))
    return plain.replace(old, new)


@pass_eval_context
def tojson(context: EvalContext, value: object) -> str:
    """The value as JSON; where values are escaped, fit for HTML."""
    text = json.dumps(value, ensure_ascii=False)
    charge(len(text))
    return str(text) if not context.autoescape else escape(text)


def _charged(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, of which each use and each character or member of the result counts."""

    @wraps(function)
    def charged(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        charge(1 + (len(result) if isinstance(result, str | list | tuple) else 0))
        return result

    return charged


def percent(ratio: object) -> str:
    """0.042 as `4.2%`."""
    return human.humanize_percentage(ratio)


FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: _charged(BUILT_IN[name]) for name in _PLAIN},
    "join": join,
    "replace": replace,
    "tojson": tojson,
    "humanize": human.humanize,
    "duration": human.humanize_duration,
    "percent": percent,
}
