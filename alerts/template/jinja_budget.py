"""What one rendering of Jinja may cost: steps and characters, counted where either is made.

Jinja compiles to Python and has no limits of its own; so every turn of a loop, call, output and
joined text is counted, by nodes that are put into the parsed template. Counted steps instead of a
clock: a template does the same on a busy machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import nodes
from markupsafe import Markup, escape

from collector.gotemplate.limits import MAX_OUTPUT_CHARS
from collector.model.errors import LimitError

_left: ContextVar[list[int]] = ContextVar("jinja_budget")


@contextmanager
def rendering_budget() -> Iterator[None]:
    """A fresh budget for one rendering."""
    token = _left.set([MAX_OUTPUT_CHARS])
    try:
        yield
    finally:
        _left.reset(token)


def charge(cost: int) -> None:
    """Takes characters or steps from the budget.

    Raises LimitError when it is used up, LookupError outside of a rendering: Jinja then leaves a
    constant to the rendering.
    """
    left = _left.get()
    left[0] -= cost
    if left[0] < 0:
        raise LimitError(
            f"the template makes more than {MAX_OUTPUT_CHARS:,} characters and steps",
            advice="loop over less, or print fewer fields",
        )


def counted(value: object) -> object:
    """A value that is printed, as text of which each character counts."""
    text = value if isinstance(value, str) else str(value)
    charge(len(text) + 1)
    return text


def metered(tree: nodes.Template) -> nodes.Template:
    """The parsed template with what counts put into it."""
    for node in tree.find_all((nodes.For, nodes.Macro, nodes.CallBlock)):
        if isinstance(node, nodes.For | nodes.Macro | nodes.CallBlock):
            node.body.insert(0, _step(node))
    for parent in [tree, *tree.find_all(nodes.Node)]:
        for name, value in parent.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(parent, name, _joined(value))
            elif isinstance(value, list):
                value[:] = [_joined(one) if isinstance(one, nodes.Concat) else one for one in value]
    return tree


def _step(node: nodes.For | nodes.Macro | nodes.CallBlock) -> nodes.ExprStmt:
    cost = 1 + sum(len(text.data) for text in node.find_all(nodes.TemplateData))
    call = _call("meter_step", [nodes.Const(cost)], node.lineno)
    return nodes.ExprStmt(call, lineno=node.lineno)


def _joined(node: nodes.Concat) -> nodes.Call:
    return _call("meter_joined", node.nodes, node.lineno)


def _call(name: str, arguments: list[nodes.Expr], line: int) -> nodes.Call:
    function = nodes.EnvironmentAttribute(name, lineno=line)
    return nodes.Call(function, arguments, [], None, None, lineno=line)


def _join(*values: object) -> str:
    """What `~` does: texts in one, escaped when one of them is markup."""
    marked = any(isinstance(value, Markup) for value in values)
    texts = [escape(value) if marked else str(value) for value in values]
    charge(sum(map(len, texts)))
    joined = "".join(texts)
    return Markup(joined) if marked else joined  # noqa: S704 - its parts were escaped


METERS: Mapping[str, Callable[..., Any]] = {"meter_step": charge, "meter_joined": _join}
"""Attributes of the environment that the nodes call."""
