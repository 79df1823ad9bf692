"""The field `policy` of our own form -> steps of an error-budget policy."""

from __future__ import annotations

from fractions import Fraction

from slo.policy import PolicyStep
from slo.specs.fields import Fields

_STEP = ("left", "notify", "freeze", "webhook")


def policy_of(fields: Fields) -> tuple[PolicyStep, ...]:
    """Steps, the one that comes first (the most left) first; () when none is written."""
    if "policy" not in fields:
        return ()
    steps = [_step(one) for one in fields.items("policy", _STEP)]
    found = {step.left_ratio for step in steps}
    if len(found) < len(steps):
        raise fields.error("policy", "two steps are at the same share", "write them as one")
    return tuple(sorted(steps, key=lambda step: -step.left_ratio))


def _step(fields: Fields) -> PolicyStep:
    text = fields.text("left").removesuffix("%").strip()
    try:
        left = Fraction(text) / 100
    except (ValueError, ZeroDivisionError) as error:
        raise fields.error("left", f"{text!r} is not a percentage", "write it as 25%") from error
    webhook = fields.text("webhook") if "webhook" in fields else ""
    return fields.made(
        "left",
        lambda: PolicyStep(left, fields.flag("notify"), fields.flag("freeze"), webhook),
    )
