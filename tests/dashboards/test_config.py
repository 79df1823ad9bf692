import pytest
from pydantic import ValidationError

from dashboards.config import DashboardsConfig


def test_everything_may_be_left_out() -> None:
    config = DashboardsConfig()
    assert (config.grafana.url, config.grafana.folder, config.datasource) == ("", "tocsin", None)


def test_a_token_is_never_shown() -> None:
    config = DashboardsConfig.model_validate({"grafana": {"token": "glsa_secret"}})
    assert "glsa_secret" not in f"{config!r} {config}"
    assert config.grafana.token is not None
    assert config.grafana.token.reveal() == "glsa_secret"


@pytest.mark.parametrize(
    "wrong",
    [
        {"grafana": {"token": "a", "token_file": "b"}},
        {"grafana": {"tokn": "a"}},
        {"datasource": {"name": "Prometheus"}},
        {"datasource": {"name": "Prometheus", "uid": ""}},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        DashboardsConfig.model_validate(wrong)
