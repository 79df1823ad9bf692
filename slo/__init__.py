"""Service level objectives: specs to objectives, events to budgets, budgets to verdicts."""

from slo.budget import Budget
from slo.objective import Indicator, Objective
from slo.verdict import Verdict
from slo.window import Window

__all__ = ["Budget", "Indicator", "Objective", "Verdict", "Window"]
