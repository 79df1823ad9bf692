"""`compile_template` and `Template`: text once parsed, rendered many times.

A template never sees a clock, a file or a Python attribute: only its data and the functions that
the caller passes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from collector.gotemplate.builtins import BUILTINS, SHORT_CIRCUIT
from collector.gotemplate.escape import html_output
from collector.gotemplate.evaluate import Rendering
from collector.gotemplate.nodes import Definition
from collector.gotemplate.parser import parse

Functions = Mapping[str, Callable[..., object]]
NOTHING_DEFINED: Mapping[str, Definition] = {}


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was found right; `defined` has it and all that it may call, by name."""

    name: str
    defined: Mapping[str, Definition] = field(repr=False)

    def render(
        self,
        data: object,
        functions: Functions = {},  # noqa: B006 - never changed
        variables: Mapping[str, object] = {},
        *,
        html: bool = False,
    ) -> str:
        """The text for `data` (`.` and `$`).

        `functions` by name are Python functions whose annotations `str`, `int`, `float`, `bool` are
        checked as Go checks types; they raise ValueError to say what is wrong. `variables` are set
        before it starts (`$labels`). `html`: every printed value is escaped for HTML's text, as
        html/template does there; in scripts, styles and unquoted attributes it is not enough.
        Raises TemplateError with line and column, LimitError past a limit.
        """
        escape = html_output if html else None
        rendering = Rendering(self.defined, functions, escape)
        return rendering.text_of(self.defined[self.name], data, variables)

    def named(self, name: str) -> Template | None:
        """A template that this one's text (or what it was compiled with) defines."""
        return Template(name, self.defined) if name in self.defined else None


def compile_template(
    text: str,
    name: str,
    *,
    functions: Collection[str] | None = None,
    variables: Collection[str] = (),
    defined: Mapping[str, Definition] = NOTHING_DEFINED,
) -> Template:
    """Parse a template. Raises TemplateError with line and column for what can't work.

    `functions` are the caller's names that may be called beside the built-in ones; None leaves
    them to be found when it runs. `variables` (`$labels`) will be given to `render`. `defined` are
    the templates of other files (`Template.defined`) that it may call; its own of the same name
    replace them, unless they are empty.
    """
    known = None if functions is None else {*functions, *BUILTINS, *SHORT_CIRCUIT}
    own = parse(text, name, known, variables)
    kept = {key: one for key, one in own.items() if one.nodes or key not in defined}
    return Template(name, {**defined, **kept, name: own[name]})
