"""Policies step by step, against a plan that is written down whole before it begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.on_call.escalation import Policy, Step, begin, step
from alerts.on_call.incident import NEVER_MS, NO_PROGRESS

policies = st.builds(
    Policy,
    st.just("p"),
    st.lists(st.integers(0, 50).map(lambda ms: Step(ms, (str(ms),))), min_size=1, max_size=4),
    st.integers(0, 3),
    st.integers(1, 40),
)


def planned(policy: Policy) -> list[tuple[int, Step]]:
    """When each step is taken, from the beginning on."""
    found, at_ms = [], 0
    for round_ in range(policy.repeat + 1):
        for number, one in enumerate(policy.steps):
            first_of_later = round_ > 0 and number == 0
            at_ms += policy.repeat_after_ms if first_of_later else one.after_ms
            found.append((at_ms, one))
    return found


@given(policies)
def test_steps_are_taken_when_they_are_planned(policy: Policy) -> None:
    progress, taken = begin(policy, 1), []
    while progress.due_ms:
        now_ms = progress.due_ms
        assert step(policy, progress, now_ms - 1) == (progress, None)
        progress, one = step(policy, progress, now_ms)
        assert one is not None
        taken.append((now_ms - 1, one))
    assert taken == planned(policy)


@given(policies, st.integers(1, 10_000))
def test_time_that_passed_unseen_takes_one_step_and_keeps_the_distance(
    policy: Policy, late_ms: int
) -> None:
    begun = begin(policy, 1)
    progress, one = step(policy, begun, begun.due_ms + late_ms)
    assert one == policy.steps[0]
    if len(policy.steps) > 1:
        assert progress.due_ms == begun.due_ms + late_ms + policy.steps[1].after_ms


def test_no_policy_and_no_steps_never_escalate() -> None:
    assert begin(None, 5) == NO_PROGRESS
    assert begin(Policy("p", ()), 5) == NO_PROGRESS


def test_a_policy_that_became_shorter_ends() -> None:
    two = Policy("p", (Step(1), Step(1)))
    progress = begin(two, 0)
    for now_ms in (1, 2):
        progress, _ = step(two, progress, now_ms)
    assert progress.due_ms == NEVER_MS
    progress, _ = step(two, begin(two, 0), 1)
    shorter, one = step(Policy("p", (Step(1),)), progress, 100)
    assert (shorter.due_ms, one) == (NEVER_MS, None)
