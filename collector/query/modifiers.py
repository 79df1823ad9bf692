"""A selector or subquery with `offset`, `@` or an extension put on it."""

from __future__ import annotations

from collector.query.ast import At, DurationExpr, Extension, Subquery, VectorSelector
from collector.query.positions import Span


def modified(
    holder: VectorSelector | Subquery,
    span: Span,
    offset: DurationExpr | None = None,
    at: At | None = None,
    extension: Extension = "",
) -> VectorSelector | Subquery:
    """A copy of `holder` over `span` with what is given set; the rest stays as it is."""
    new_offset = offset if offset is not None else holder.offset
    new_at = at if at is not None else holder.at
    if isinstance(holder, Subquery):
        return Subquery(holder.expr, holder.range, holder.step, new_offset, new_at, span)
    new_extension = extension or holder.extension
    return VectorSelector(holder.name, holder.matchers, new_offset, new_at, new_extension, span)
