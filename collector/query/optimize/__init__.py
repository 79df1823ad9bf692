"""`OPTIMIZERS`: rewrites of a plan, in order. Each gives the same answer with and without it."""

from __future__ import annotations

from collections.abc import Callable

from collector.query.optimize.hoist_invariant import hoist_invariant
from collector.query.optimize.project_labels import project_labels
from collector.query.optimize.share_common import share_common
from collector.query.plan import Plan

OPTIMIZERS: tuple[Callable[[Plan], Plan], ...] = (hoist_invariant, project_labels, share_common)

__all__ = ["OPTIMIZERS"]
