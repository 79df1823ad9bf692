"""An instance that does not act: what is done on it is done for all, and it shows what is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.on_call.incident_store import load_incident
from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock
from collector.model.secrets import Secret

pytestmark = pytest.mark.peer


@pytest.fixture
def pair(postgres: Any, pager: Any, clock: ManualClock) -> Iterator[list[AlertService]]:
    """The one that acts, and the one that does not."""
    address = Secret(postgres.new_url())
    config = AlertsConfig.model_validate(
        {
            "route": {"receiver": "team", "group_by": ["alertname"], "group_wait": "1s"},
            "receivers": [{"name": "team", "webhook_configs": [{"url": f"{pager.url}/webhook"}]}],
        }
    )
    made = [
        AlertService(config, address, clock, CollectorRegistry(), instance=name)
        for name in ("acts", "stands by")
    ]
    if made[1].leadership.acts:  # so busy a machine that the first one's lease was over
        made.reverse()
    yield made
    for one in made:
        one.close()


def test_an_incident_is_acknowledged_on_either(
    pair: list[AlertService], clock: ManualClock
) -> None:
    acts, stands_by = pair
    stands_by.emit([Alert(Labels({"alertname": "Down"}))])
    assert acts.alerts() == []
    for _ in range(5):
        clock.advance(1_000)
        acts.step()
        stands_by.step()
    assert [view.stored.alert.name for view in stands_by.alerts()] == ["Down"]
    assert [one.queued for one in stands_by.channel_health()] == [0]
    assert [one.queued for one in acts.channel_health()] == [1]
    (group,) = acts.groups()
    number = stands_by.on_call.desk.by_group(group.key)
    assert number > 0
    stands_by.on_call.desk.acknowledge(number, "ana")
    assert acts.on_call.desk.by_group(group.key) == number
    with acts.database.read() as connection:
        assert load_incident(connection, number).status == "acknowledged"
