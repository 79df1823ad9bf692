"""Where in a template something stands: line and column, both from 1, in every error."""

from __future__ import annotations

from collector.model.errors import TemplateError


def line_column(source: str, offset: int) -> tuple[int, int]:
    """Line and column (characters, both from 1) of a 0-based offset."""
    before = source[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def template_error(source: str, name: str, offset: int, reason: str) -> TemplateError:
    """A TemplateError `template: name:line:column: reason`."""
    line, column = line_column(source, offset)
    return TemplateError(f"template: {name}:{line}:{column}: {reason}", line=line, column=column)
