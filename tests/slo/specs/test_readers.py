"""Specs as people write them become objectives; wrong ones say where and what to write."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from collector.model.errors import ConfigError
from slo.objective import DEFAULT_ALERT_NAME, Timeslices
from slo.specs import load_objectives, objectives_of
from slo.verdict import alert_labels
from slo.window import DAY_MS

CASES = Path(__file__).parents[2] / "cases" / "specs"


def terms(side) -> list[tuple[int, list[str]]]:
    return [(term.coefficient, sorted(map(str, term.matchers))) for term in side]


def test_sloth_availability() -> None:
    (one,) = load_objectives([CASES / "sloth.yaml"])
    assert (one.id, one.target) == ("checkout/requests-availability", Fraction(9995, 10000))
    assert one.window.duration_ms == 30 * DAY_MS
    assert terms(one.indicator.bad) == [
        (1, ['__name__="http_requests_total"', 'code=~"5..|429"', 'job="checkout"'])
    ]
    assert terms(one.indicator.total) == [(1, ['__name__="http_requests_total"', 'job="checkout"'])]
    assert one.owner == "payments"
    assert one.runbook_url == "https://runbooks.example/checkout"
    assert one.alerting.ticket.disabled
    assert dict(alert_labels(one, "page")) == {
        "alertname": "CheckoutErrors",
        "slo": "requests-availability",
        "service": "checkout",
        "severity": "critical",
        "sloth_severity": "page",
        "routing_key": "payments",
        "category": "availability",
        "owner": "payments",
        "tier": "1",
    }


def test_sloth_latency_is_a_difference_of_counters() -> None:
    (one,) = load_objectives([CASES / "sloth_latency.yaml"])
    assert terms(one.indicator.bad) == [
        (1, ['__name__="search_seconds_count"']),
        (-1, ['__name__="search_seconds_bucket"', 'le="0.3"']),
    ]
    assert alert_labels(one, "page")["severity"] == "page"
    assert alert_labels(one, "page")["alertname"] == DEFAULT_ALERT_NAME


def test_openslo_with_an_inline_indicator() -> None:
    (one,) = load_objectives([CASES / "openslo_inline.yaml"])
    assert (one.id, one.target, one.window.text) == (
        "web/web-availability",
        Fraction(995, 1000),
        "28d",
    )
    assert terms(one.indicator.bad) == [
        (1, ['__name__="http_requests_total"']),
        (-1, ['__name__="http_requests_total"', 'code!~"5.."']),
    ]
    assert one.runbook_url == "https://runbooks.example/web"
    assert "alertPolicies" in one.notes[0]


def test_openslo_with_a_named_indicator_and_two_objectives() -> None:
    found = load_objectives([CASES / "openslo_referenced.yaml"])
    assert [(one.id, one.target) for one in found] == [
        ("orders/orders-success-1", Fraction(999, 1000)),
        ("orders/orders-success-2", Fraction(99, 100)),
    ]


def test_an_objective_that_is_defined_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="checkout/requests-availability is already defined"):
        load_objectives([CASES / "sloth.yaml", CASES / "sloth.yaml"])


SLOTH = """version: prometheus/v1
service: shop
slos:
  - name: up
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(errors_total[{{.window}}]))
        total_query: sum(rate(requests_total[{{.window}}]))
"""
OPENSLO = (CASES / "openslo_inline.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("objective: 99.9", "objectiv: 99.9", 5, "did you mean 'objective'"),
        ("    objective: 99.9\n", "", 4, "objective is missing"),
        ("objective: 99.9", "objective: 100", 5, "not between 0 and 100"),
        ("objective: 99.9", "objective: high", 5, "must be a number"),
        ("objective: 99.9", "objective: .nan", 5, "finite"),
        ("name: up", "name: is it up?", 4, "is not a name"),
        ("version: prometheus/v1", "version: prometheus/v2", 1, "known: tocsin/v1, openslo/v1"),
        ("sum(rate(errors_total[{{.window}}]))", "sum(rate(errors_total[5m])", 8, "not PromQL"),
        (
            "sum(rate(errors_total[{{.window}}]))",
            "sum by (route) (rate(errors_total[5m]))",
            8,
            "sum by \\(route\\) can't be counted",
        ),
        (
            "sum(rate(errors_total[{{.window}}]))",
            "avg(rate(errors_total[5m]))",
            8,
            "avg\\(\\) can't be counted",
        ),
        (
            "sum(rate(requests_total[{{.window}}]))",
            "sum(rate(requests_total[5m])) > 0",
            9,
            "without traffic leaves the budget untouched",
        ),
        (
            "sum(rate(requests_total[{{.window}}]))",
            "sum(max_over_time(requests_total[5m]))",
            9,
            "max_over_time\\(\\) can't be counted",
        ),
        ("sum(rate(errors_total[{{.window}}]))", "'{job=\"x\"}'", 8, "without a metric name"),
        ("events:", "raw: {error_ratio_query: 'x('}\n      events:", 7, "not PromQL"),
    ],
)
def test_a_wrong_sloth_spec_says_where_and_why(old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        objectives_of(SLOTH.replace(old, new, 1), "slo.yaml")
    assert (caught.value.where.file, caught.value.where.line) == ("slo.yaml", line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: SLO", "kind: Slo", "has no kind 'Slo'"),
        ("Occurrences", "Timeslices", "timeSliceTarget is missing"),
        ("Occurrences", "Timeslots", "there is no method 'Timeslots'"),
        ("target: 0.995", "target: 99.5", "targetPercent takes 99.5|targetPercent takes 99.9"),
        ("isRolling: true", "isRolling: false", "does not roll needs a calendar"),
        ("28d", "2fortnights", "not a valid duration"),
        ("28d", "500d", "not in 0 to 400d"),
        ("ratioMetric:", "thresholdMetric:", "metricSource is missing"),
        ("counter: true", "counter: false", "only counters"),
        ("  service: web\n", "", "service is missing"),
        ("timeWindow:", "timeWindows:", "no such field: 'timeWindows'"),
    ],
)
def test_a_wrong_openslo_spec_says_where_and_why(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        objectives_of(OPENSLO.replace(old, new, 1), "slo.yaml")
    assert caught.value.where.line > 0


@pytest.mark.parametrize(
    ("start", "text", "phrase"),
    [
        ("2026-01-01 00:00:00", "month", "this month (Europe/Berlin)"),
        ("2026-01-31", "month", "this month (Europe/Berlin)"),
    ],
)
def test_openslo_with_a_calendar(start: str, text: str, phrase: str) -> None:
    calendar = f"isRolling: false\n      calendar: {{startTime: {start}, timeZone: Europe/Berlin}}"
    spec = OPENSLO.replace("28d", "1M", 1).replace("isRolling: true", calendar, 1)
    (one,) = objectives_of(spec, "slo.yaml")
    assert (one.window.text, one.window.phrase) == (text, phrase)


@pytest.mark.parametrize(
    ("duration", "zone", "message"),
    [("30d", "Mars/Olympus", "no time zone"), ("1x", "UTC", "a number and a unit")],
)
def test_a_wrong_calendar_says_what_it_takes(duration: str, zone: str, message: str) -> None:
    calendar = f"isRolling: false\n      calendar: {{startTime: 2026-01-01, timeZone: {zone}}}"
    spec = OPENSLO.replace("28d", duration, 1).replace("isRolling: true", calendar, 1)
    with pytest.raises(ConfigError, match=message) as caught:
        objectives_of(spec, "slo.yaml")
    assert caught.value.where.line > 0


def test_a_named_indicator_that_does_not_exist_is_told_with_those_that_do() -> None:
    text = (CASES / "openslo_referenced.yaml").read_text()
    with pytest.raises(ConfigError, match="there is: order-results"):
        objectives_of(text.replace("indicatorRef: order", "indicatorRef: odder"), "slo.yaml")


def test_a_document_of_no_known_kind_is_told_what_to_begin_with() -> None:
    with pytest.raises(ConfigError, match="begin it with one of tocsin/v1, openslo/v1"):
        objectives_of("a: 1", "slo.yaml")


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: can't be read: No such file"):
        load_objectives([tmp_path / "none.yaml"])


def test_openslo_by_slices_thresholds_and_ratios() -> None:
    slices, queue, probe = load_objectives([CASES / "openslo_slices.yaml"])
    assert slices.budgeting == Timeslices(60_000, Fraction(9, 10))
    assert queue.budgeting == Timeslices(300_000)
    assert (queue.indicator.query, queue.indicator.operator, queue.indicator.threshold) == (
        'queue_length{job="edge"}',
        "lt",
        100,
    )
    assert queue.indicator.every_ms == 300_000
    assert queue.window.text == "quarter"
    assert (probe.indicator.operator, probe.budgeting) == ("success", None)


def test_five_lines_are_an_slo() -> None:
    one, tenants, fast, reachable = load_objectives([CASES / "native.yaml"])
    assert (one.id, one.target, one.window.text) == (
        "shop/availability",
        Fraction(999, 1000),
        "30d",
    )
    assert terms(one.indicator.bad)[0][1][0] == '__name__="http_requests_total"'
    assert (tenants.window.phrase, tenants.group_by, tenants.max_groups) == (
        "this month (Europe/Berlin)",
        ("tenant",),
        50,
    )
    assert (fast.id, fast.window.text, fast.labels) == ("store/latency", "7d", {"team": "store"})
    assert (reachable.indicator.threshold, reachable.indicator.every_ms) == (1, 30_000)
    assert reachable.budgeting == Timeslices(300_000, Fraction(1), "bad")
    assert reachable.alerting.ticket.disabled


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("objective: 99.9%", "objective: 100%", "not between 0 and 100 percent"),
        ("objective: 99.9%", "objective: most", "is not a percentage"),
        ("bad: http", "latency: {histogram: x, under: 1s}\nbad: http", "one indicator"),
        ("bad: http", "godo: http", "did you mean 'good'"),
        ("month in Europe/Berlin", "month in Atlantis", "no time zone"),
        ("month in Europe/Berlin", "forever", "not a valid duration"),
        ("group_by: [tenant]", "group_by: tenant", "list of texts"),
        ("max_groups: 50", "max_groups: 0", "whole number over 0"),
        ('good_when: ">= 1"', "good_when: often", "a comparison is expected"),
        ('good_when: ">= 1", ', "", "say when it is good"),
        ("empty: bad", "empty: sad", "known: ignore, good, bad"),
        ("service: store", "service: store\nbad: x", "stands beside slos"),
    ],
)
def test_a_wrong_spec_of_ours_says_where_and_why(old: str, new: str, message: str) -> None:
    text = (CASES / "native.yaml").read_text().replace(old, new, 1)
    with pytest.raises(ConfigError, match=message) as caught:
        objectives_of(text, "slo.yaml")
    assert caught.value.where.line > 0


def test_pyrra_resources() -> None:
    errors, slow, native, up = load_objectives([CASES / "pyrra.yaml"])
    assert (errors.id, errors.target, errors.window.text) == (
        "monitoring/api-errors",
        Fraction(99, 100),
        "14d",
    )
    assert errors.group_by == ("route",)
    assert errors.labels == {"team": "platform"}
    assert errors.alerting.name == "ApiErrors"
    assert terms(slow.indicator.bad)[1] == (
        -1,
        ['__name__="http_request_duration_seconds_bucket"', 'job="api"', 'le="0.1"'],
    )
    assert native.indicator.kind == "native_latency"
    assert (up.indicator.query, up.indicator.operator) == ('up{job="api"}', "gte")


def test_sloth_resources_are_sloth_in_camel_case() -> None:
    cart, jobs = load_objectives([CASES / "sloth_resource.yaml"])
    assert alert_labels(cart, "page")["severity"] == "critical"
    assert cart.alerting.ticket.disabled
    assert (jobs.indicator.operator, jobs.indicator.query) == ("failure", "1 - avg(job_success)")
    text = (CASES / "sloth_resource.yaml").read_text()
    with pytest.raises(ConfigError, match="errorQuery is missing") as caught:
        objectives_of(text.replace("errorQuery:", "#"), "slo.yaml")
    assert caught.value.where.line == 11


def test_openslo_before_its_first_version() -> None:
    search, heap = load_objectives([CASES / "openslo_v1alpha.yaml"])
    assert (search.id, search.target, search.window.text) == (
        "search/search",
        Fraction(99, 100),
        "30d",
    )
    assert terms(search.indicator.total) == [(1, ['__name__="searches_total"'])]
    assert heap.window.text == "month"
    assert heap.budgeting == Timeslices(60_000, Fraction(1))
    assert (heap.indicator.operator, heap.indicator.threshold) == ("lt", 0.8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("unit: Day", "unit: Moon", "no such unit"),
        ("Occurrences", "RatioTimeslices", "there is no method"),
        ("target: 0.99", "target: 99", "not between 0 and 1"),
        ("op: lt", "op: less", "no such comparison"),
        ("kind: SLO", "kind: Slo", "no kind"),
    ],
)
def test_a_wrong_v1alpha_spec_says_where_and_why(old: str, new: str, message: str) -> None:
    text = (CASES / "openslo_v1alpha.yaml").read_text().replace(old, new, 1)
    with pytest.raises(ConfigError, match=message) as caught:
        objectives_of(text, "slo.yaml")
    assert caught.value.where.line > 0


NO_DATA = """
version: tocsin/v1
service: shop
no_data: bad
slos:
  - {name: a, objective: 99%, bad: a, total: b}
  - {name: b, objective: 99%, bad: a, total: b, no_data: good}
  - {name: c, objective: 99%, bad: a, total: b, slices: {of: 1m}}
  - {name: d, objective: 99%, bad: a, total: b, slices: {of: 1m, empty: ignore}}
  - {name: e, objective: 99%, all_of: [shop/a, shop/b]}
"""


def test_time_without_samples_is_what_the_objective_or_its_file_says() -> None:
    found = objectives_of(NO_DATA, "shop.yaml")
    assert [one.no_data for one in found] == ["bad", "good", "ignore", "ignore", "ignore"]
    assert [one.budgeting.empty for one in found if one.budgeting] == ["bad", "ignore"]
    with pytest.raises(ConfigError, match="'worse' is no policy"):
        objectives_of(NO_DATA.replace("no_data: good", "no_data: worse"), "shop.yaml")
    with pytest.raises(ConfigError, match="the data of its parts"):
        objectives_of(NO_DATA.replace("shop/b]}", "shop/b], no_data: bad}"), "shop.yaml")
