"""The section `alerting`, in Prometheus's words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from alerts.external.config import AlertingConfig


def test_addresses_become_urls() -> None:
    config = AlertingConfig.model_validate(
        {
            "alertmanagers": [
                {"static_configs": [{"targets": ["am1:9093", "am2:9093"]}]},
                {
                    "scheme": "https",
                    "path_prefix": "/am/",
                    "timeout": "3s",
                    "basic_auth": {"username": "u", "password": "p"},
                    "static_configs": [{"targets": ["am3"]}],
                },
            ]
        }
    )
    assert [url for one in config.alertmanagers for url in one.urls()] == [
        "http://am1:9093/api/v2/alerts",
        "http://am2:9093/api/v2/alerts",
        "https://am3/am/api/v2/alerts",
    ]
    assert "'p'" not in repr(config)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"static_configs": [{"targets": ["http://am:9093"]}]}, "is no host:port"),
        ({"api_version": "v1"}, "v2"),
        ({"dns_sd_configs": [{}]}, "not"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_what_is_wrong_is_said(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        AlertingConfig.model_validate({"alertmanagers": [wrong]})
