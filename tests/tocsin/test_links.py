from collections.abc import Sequence

from collector.model.alert import Alert
from collector.model.labels import Labels
from tocsin.links import LinkingSink


class Collected:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts


def linked(alert: Alert) -> Alert:
    collected = Collected()
    LinkingSink(collected, "http://tocsin.example/").emit([alert])
    (found,) = collected.alerts
    return found


def test_an_slos_alert_links_to_its_page() -> None:
    alert = linked(Alert(Labels.of(), evidence={"slo": "availability", "service": "shop"}))
    assert alert.generator_url == "http://tocsin.example/slos/shop/availability"
    assert alert.evidence["dashboard_url"] == alert.generator_url


def test_a_link_that_the_team_wrote_stays() -> None:
    evidence = {"slo": "a", "service": "s", "dashboard_url": "https://grafana.example/d/1"}
    assert (
        linked(Alert(Labels.of(), evidence=evidence))
        .evidence["dashboard_url"]
        .startswith(  # type: ignore[union-attr]
            "https://grafana"
        )
    )


def test_any_other_alert_links_home() -> None:
    assert linked(Alert(Labels.of())).generator_url == "http://tocsin.example/"
