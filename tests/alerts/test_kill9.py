"""kill -9 at random moments loses no page, and doubles one only within the documented gap."""

import os
from pathlib import Path

import pytest

from bench.kill9_alerts import torture
from collector.model.secrets import Secret

ROUNDS = int(os.environ.get("TOCSIN_ALERT_KILLS", "4"))
"""TOCSIN_ALERT_KILLS=200 for the long proof."""


@pytest.mark.slow
@pytest.mark.timeout(60 + 30 * ROUNDS)
def test_kill_9_in_the_middle_of_paging_loses_nothing(
    tmp_path: Path, address: Path | Secret
) -> None:
    database = address.reveal() if isinstance(address, Secret) else ""
    outcome = torture(tmp_path, ROUNDS, seed=20_261, database=database)
    assert outcome.alerts > ROUNDS
    assert outcome.problems == ()
    assert outcome.lost == 0, outcome
    assert outcome.repeated == 0, outcome
    assert outcome.unexplained == 0, outcome
    assert outcome.doubled <= 2 * outcome.kills, outcome
