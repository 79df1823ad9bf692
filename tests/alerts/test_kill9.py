"""kill -9 at random moments loses no page, and doubles one only within the documented gap."""

from pathlib import Path

import pytest

from bench.kill9_alerts import torture

ROUNDS = 6


@pytest.mark.slow
def test_kill_9_in_the_middle_of_paging_loses_nothing(tmp_path: Path) -> None:
    outcome = torture(tmp_path, ROUNDS, seed=20_261)
    assert outcome.alerts > ROUNDS
    assert outcome.problems == ()
    assert outcome.lost == 0, outcome
    assert outcome.unexplained == 0, outcome
    assert outcome.doubled <= 2 * outcome.kills, outcome
