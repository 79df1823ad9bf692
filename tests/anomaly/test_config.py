"""The section `anomaly`."""

import pytest
from pydantic import ValidationError

from anomaly.config import AnomalyConfig
from anomaly.track import Watch


def test_an_empty_section_is_whole() -> None:
    config = AnomalyConfig()
    assert (config.enabled, config.interval, config.max_series) == (True, 5000, 1000)
    assert config == AnomalyConfig.model_validate({})


def test_durations_are_written_with_units() -> None:
    config = AnomalyConfig.model_validate(
        {
            "interval": "10s",
            "history": "2d",
            "watches": [{"name": "cpu", "query": "x", "expected_false_alarms_per_week": 0.5}],
        }
    )
    assert (config.interval, config.history) == (10_000, 172_800_000)
    assert config.watches[0].watch() == Watch("cpu", "x", False, 0.5)


@pytest.mark.parametrize(
    "section",
    [
        {"interval": "0s"},
        {"interval": 5},
        {"max_series": 0},
        {"watch": []},
        {"watches": [{"name": "a"}]},
        {"watches": [{"name": "a", "query": "x"}, {"name": "a", "query": "y"}]},
        {"watches": [{"name": "a", "query": "x", "expected_false_alarms_per_week": 0}]},
    ],
)
def test_what_makes_no_sense_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AnomalyConfig.model_validate(section)
