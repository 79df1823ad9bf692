"""Every rule finds its seeded fault, and nothing is found in specifications that are right."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from collector.model.labels import Labels
from collector.model.metadata import Metadata
from slo.burn_rate import Tier
from slo.lint import RULES, findings
from slo.lint.interface import Facts
from slo.lint.store_facts import StoreFacts
from slo.specs import read_all

CASES = sorted((Path(__file__).parents[2] / "cases" / "specs").glob("*.yaml"))
STORE = importlib.import_module("tests.oracles.counting_store").CountingStore
NOW = 1_700_000_000_000
RIGHT = """
version: tocsin/v1
service: shop
slos:
  - name: a
    objective: 99.9%
    bad: requests_total{job="shop", code=~"5.."}
    total: requests_total{job="shop"}
"""
FAULTS = {
    "dead-tier": ("99.9%", "90%"),
    "short-window": ("objective: 99.9%", "objective: 99.9%\n    window: 1d"),
    "percentage": ("99.9%", "0.999"),
    "nobody-told": (
        "objective: 99.9%",
        "objective: 99.9%\n    alert: {page: {disable: true}, ticket: {disable: true}}",
    ),
    "slices": (
        "objective: 99.9%",
        "objective: 99.9%\n    window: 7d\n    slices: {of: 1h, good: 95%}",
    ),
    "rarely-looked-at": (
        'bad: requests_total{job="shop", code=~"5.."}\n    total: requests_total{job="shop"}',
        'look_at: {query: up, good_when: ">= 1", every: 10m}\n    slices: {of: 1m, good: 95%}',
    ),
    "raw-ratio": (
        'bad: requests_total{job="shop", code=~"5.."}\n    total: requests_total{job="shop"}',
        "look_at: {query: avg(up), good_share: true}",
    ),
    "retention": ("objective: 99.9%", "objective: 99.9%\n    window: 90d"),
    "not-a-counter": ("requests_total", "requests_in_flight"),
    "bucket": ("requests_total", "requests_seconds_bucket"),
    "pattern-with-equals": ('code=~"5.."', 'code="5.."'),
    "errors-outside-total": ('job="shop", code', 'job="store", code'),
    "same-on-both-sides": (', code=~"5.."', ""),
    "group-of-one": ("objective: 99.9%", "objective: 99.9%\n    group_by: [job]"),
    "matches-nothing": ("requests_total", "request_total"),
    "good-bucket": (
        'bad: requests_total{job="shop", code=~"5.."}\n    total: requests_total{job="shop"}',
        'good: latency_seconds_bucket{le="0.3"}\n    total: latency_seconds_count',
    ),
    "between-buckets": (
        'bad: requests_total{job="shop", code=~"5.."}\n    total: requests_total{job="shop"}',
        "latency: {histogram: latency_seconds, under: 300ms}",
    ),
    "falls": ("requests_total", "swinging_total"),
    "cardinality": ("requests_total", "crowded_total"),
    "more-errors-than-events": ('total: requests_total{job="shop"}', "total: logins_total"),
    "budget-below-one-event": ("requests_total", "rare_total"),
    "twin": (
        "  - name: a",
        "  - name: b\n    objective: 99.9%\n"
        '    bad: requests_total{job="shop", code=~"5.."}\n'
        '    total: requests_total{job="shop"}\n  - name: a',
    ),
    "spec": ("objective: 99.9%", "objectif: 99.9%"),
}


@pytest.fixture(scope="module")
def facts() -> Facts:
    store = STORE()
    for at in range(NOW - 40_000_000, NOW, 600_000):
        value = at // 600_000 % 2
        store.scrape("shop", at, {Labels.of("swinging_total", job="shop", code="200"): value})
    crowd = {Labels.of("crowded_total", job="shop", user=str(user)): 1 for user in range(10_001)}
    store.scrape("shop", NOW - 90_000_000, crowd)
    for at, count in ((NOW - 80_000_000, 0), (NOW - 1000, 1_000_000)):
        series = {
            Labels.of("requests_total", job="shop", code="200"): count,
            Labels.of("requests_total", job="shop", code="500"): count / 1e4,
            Labels.of("logins_total"): count / 1e5,
            Labels.of("latency_seconds_count"): count,
            Labels.of("rare_total", job="shop", code="200"): count / 1e5,
            Labels.of("rare_total", job="shop", code="500"): 0,
        }
        series |= {
            Labels.of("latency_seconds_bucket", le=le): count for le in ("0.25", "0.5", "+Inf")
        }
        store.scrape("shop", at, series)
    store.set_metadata("requests_total", Metadata("counter", "Requests."))
    return Facts(15_000, 45 * 86_400_000, (), StoreFacts(store, NOW))


def rules_of(text: str, facts: Facts) -> set[str]:
    objectives, errors = read_all(text, "slo.yaml")
    assert all(error.where.line for error in errors)
    found = findings(objectives, facts)
    assert all(one.where.line and one.advice for one in found)
    return {one.rule for one in found} | ({"spec"} if errors else set())


@pytest.mark.parametrize("rule", FAULTS)
def test_a_seeded_fault_is_found(rule: str, facts: Facts) -> None:
    old, new = FAULTS[rule]
    assert old in RIGHT
    assert rule in rules_of(RIGHT.replace(old, new), facts)


def test_every_rule_has_a_seeded_fault() -> None:
    assert set(RULES) - set(FAULTS) == {"tier-past-window"}


def test_a_configured_tier_that_is_longer_than_the_window_is_found(facts: Facts) -> None:
    tiers = (Tier("page", 6 * 3_600_000, 300_000, 6),)
    short = RIGHT.replace("objective: 99.9%", "objective: 99.9%\n    window: 1h")
    assert rules_of(short, replace(facts, tiers=tiers)) == {"tier-past-window"}


def test_a_right_specification_has_nothing_to_say(facts: Facts) -> None:
    assert rules_of(RIGHT, facts) == set()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_right_specifications_of_every_format_raise_no_false_alarm(path: Path) -> None:
    true_ones = {
        "native": {"slices"},
        "openslo_slices": {"raw-ratio"},
        "sloth_resource": {"raw-ratio"},
    }
    assert rules_of(path.read_text(), Facts()) <= true_ones.get(path.stem, set())


def test_a_missing_bucket_is_told_with_those_there_are(facts: Facts) -> None:
    old, new = FAULTS["good-bucket"]
    objectives, _ = read_all(RIGHT.replace(old, new), "slo.yaml")
    (found,) = [one for one in findings(objectives, facts) if one.rule == "good-bucket"]
    assert found.advice == "its bounds are 0.25, 0.5, +Inf"


def test_all_documents_are_read_even_if_one_is_wrong() -> None:
    text = "\n---\n".join((RIGHT, RIGHT.replace("99.9%", "much"), RIGHT.replace("shop", "store")))
    objectives, errors = read_all(text, "slo.yaml")
    assert (len(objectives), len(errors)) == (2, 1)
