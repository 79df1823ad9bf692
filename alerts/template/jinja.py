"""Jinja2 for the texts of notifications: sandboxed, strict, and bounded in what it may do.

A text that begins with `{# jinja #}` is Jinja, and so is a file of `templates:` that ends in `.j2`,
which such texts include or import by its name. What a template can't name is an error at load.
Source: https://jinja.palletsprojects.com/en/stable/sandbox/
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, TemplateNotFound, meta
from jinja2 import Template as Compiled
from jinja2 import TemplateSyntaxError as JinjaSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from alerts.notification import Notification
from alerts.template.jinja_budget import METERS, charge, counted, metered, rendering_budget
from alerts.template.jinja_data import NAMES, jinja_data
from alerts.template.jinja_filters import FILTERS
from collector.model.errors import LimitError, TemplateError

JINJA_MARK = "{# jinja #}"
"""What a text begins with that is Jinja: a comment there, and no Go template."""
JINJA_SUFFIX = ".j2"
METHODS = frozenset(
    {"items", "keys", "values", "get", "upper", "lower", "title", "strip", "lstrip", "rstrip",
     "startswith", "endswith", "removeprefix", "removesuffix", "split", "splitlines"}
)  # fmt: skip
"""What may be called on a value: none makes more of it than there was."""
_BOUNDED = frozenset({"+", "*", "**", "%"})


class Escaping(Enum):
    """What the values in a text are made harmless for; what the template itself says stays."""

    NONE = auto()
    HTML = auto()
    SLACK = auto()


@dataclass(frozen=True, slots=True)
class JinjaTemplate:
    """A text that was found right, compiled with values as they are and with values escaped."""

    name: str
    plain: Compiled = field(repr=False)
    escaped: Compiled = field(repr=False)

    def render(self, notification: Notification, escaping: Escaping = Escaping.NONE) -> str:
        """The text of a notification; raises TemplateError with its line, LimitError."""
        compiled = self.plain if escaping is Escaping.NONE else self.escaped
        try:
            with rendering_budget():
                text = compiled.render(jinja_data(notification))
        except LimitError:
            raise
        except Exception as error:  # whatever an expression raises on its data
            line = _line_of(error, self.name)
            told = f"template: {self.name}:{line}: {_reason(error)}"
            raise TemplateError(told, line=line) from None
        # Slack reads back only the entities of <, > and &
        return _quotes(text) if escaping is Escaping.SLACK else text


def is_jinja(text: str) -> bool:
    """Whether a text says that it is Jinja."""
    return text.startswith(JINJA_MARK)


def compile_jinja(text: str, name: str, files: Mapping[str, str]) -> JinjaTemplate:
    """A text that may include or import `files`; raises TemplateError with its line.

    Names that no notification has, unknown filters, tests and files are errors here.
    """
    sources = {**files, name: text}
    try:
        plain, escaped = (_Sandbox(sources, autoescape=on) for on in (False, True))
        tree = plain.parse(text, name)
        _refuse_unknown(meta.find_undeclared_variables(tree), name, text)
        for other in meta.find_referenced_templates(tree):
            if other is not None and other not in sources:
                raise TemplateError(
                    f"template: {name}: no file {other!r}",
                    line=1,
                    advice=f"name a {JINJA_SUFFIX} file that `templates` finds",
                )
        return JinjaTemplate(name, plain.get_template(name), escaped.get_template(name))
    except JinjaSyntaxError as error:
        told = f"template: {name}:{error.lineno}: {error.message}"
        raise TemplateError(told, line=error.lineno, column=1) from None
    except RecursionError:
        raise TemplateError(f"template: {name}: nested too deep", line=1, column=1) from None


class _Sandbox(ImmutableSandboxedEnvironment):
    """An environment without files, clocks or Python's own attributes; all that it makes counts."""

    intercepted_binops = _BOUNDED

    def __init__(self, sources: Mapping[str, str], autoescape: bool) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=autoescape,
            finalize=counted,
            loader=FunctionLoader(lambda name: _found(sources, name)),
            keep_trailing_newline=False,
        )
        self.filters = dict(FILTERS)
        self.globals = {"namespace": self.globals["namespace"], "dict": dict}
        for name, meter in METERS.items():
            setattr(self, name, meter)

    def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
        return metered(super()._parse(source, name, filename))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A label or annotation by its name, also where a dict has a method of that name."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the methods of METHODS on plain values, and what Jinja's own objects have."""
        if isinstance(obj, str | Mapping | list | tuple | int | float):
            return attr in METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """`format` is not served: a width in it could make any length."""

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        charge(1)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator whose result may be larger than what it is given."""
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise TypeError(f"`{operator}` is not served here")
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | list | tuple):
                charge(len(one) * max(other, 0) if isinstance(other, int) else len(one))
            elif isinstance(one, int):
                charge(one.bit_length() // 64)
        return super().call_binop(context, operator, left, right)


def _found(sources: Mapping[str, str], name: str) -> tuple[str, str, None]:
    if name not in sources:
        raise TemplateNotFound(name)
    return sources[name], name, None


def _refuse_unknown(names: set[str], place: str, text: str) -> None:
    unknown = sorted(names - NAMES - {"namespace", "dict"})
    if unknown:
        line = next((i for i, one in enumerate(text.split("\n"), 1) if unknown[0] in one), 1)
        raise TemplateError(
            f"template: {place}:{line}: {unknown[0]} is not defined",
            line=line,
            column=1,
            advice=f"there are: {', '.join(sorted(NAMES))}",
        )


def _line_of(error: Exception, name: str) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno or 1 for frame in frames if frame.filename == name]
    return lines[-1] if lines else 1


def _reason(error: Exception) -> str:
    return str(error) if not isinstance(error, RecursionError) else "it calls itself too often"


def _quotes(text: str) -> str:
    return text.replace("&#34;", '"').replace("&#39;", "'")
