"""The routing tree against a slow and obvious one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.config import RouteConfig
from alerts.matchers import parse_all
from alerts.route import build_route
from collector.model import Labels
from collector.model.matchers import matches_all

NAMES, VALUES = ["a", "b", "c"], ["", "1", "2", "3"]
matcher_texts = st.builds(
    lambda name, kind, value: f'{name}{kind}"{value}"',
    st.sampled_from(NAMES),
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.sampled_from([*VALUES, "1|2", "[12]", ".*", ".+"]),
)
nodes: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.fixed_dictionaries(
        {"matchers": st.lists(matcher_texts, max_size=2), "continue": st.booleans()}
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "matchers": st.lists(matcher_texts, max_size=2),
            "continue": st.booleans(),
            "routes": st.lists(inner, max_size=4),
        }
    ),
    max_leaves=12,
)
label_sets = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)).map(Labels)


def oracle(config: RouteConfig, labels: Labels, id_: str) -> list[str]:
    """Alertmanager's description of matching, word by word."""
    if not matches_all(parse_all(config.matchers), labels):
        return []
    taken: list[str] = []
    for position, child in enumerate(config.routes):
        inside = oracle(child, labels, f"{id_}/{position}")
        taken += inside
        if inside and not child.continue_:
            break
    return taken or [id_]


@given(st.lists(nodes, max_size=5), st.lists(label_sets, min_size=1, max_size=5))
def test_the_indexed_tree_takes_the_nodes_that_the_slow_one_takes(
    routes: list[dict[str, Any]], asked: list[Labels]
) -> None:
    config = RouteConfig.model_validate({"receiver": "r", "routes": routes})
    root = build_route(config)
    for labels in asked:
        assert [route.id for route in root.match(labels)] == oracle(config, labels, "0")


def build(**root: Any) -> Any:
    return build_route(RouteConfig.model_validate({"receiver": "r", **root}))


def test_a_child_has_what_it_does_not_say_from_its_parent() -> None:
    root = build(
        group_by=["x"],
        group_wait="1s",
        routes=[{"receiver": "s", "routes": [{"repeat_interval": "1m", "group_by": ["..."]}]}],
    )
    child = root.children[0].children[0]
    assert child.receiver == "s"
    assert (child.timers.wait_ms, child.timers.interval_ms) == (1_000, 300_000)
    assert child.timers.repeat_ms == 60_000
    labels = Labels({"x": "1", "y": "2"})
    assert child.group_labels(labels) == labels
    assert root.group_labels(labels) == Labels({"x": "1"})


def test_an_empty_group_by_is_as_none_and_at_the_root_makes_one_group_of_all() -> None:
    """As in Alertmanager, where a child can't take back what its parent groups by."""
    root = build(group_by=["x"], routes=[{"group_by": []}])
    assert root.children[0].group_labels(Labels({"x": "1"})) == Labels({"x": "1"})
    assert build(group_by=[]).group_labels(Labels({"x": "1"})) == Labels()


def test_group_keys_are_alertmanagers() -> None:
    """As in its nflog and its webhook's groupKey, so that a migration repeats nothing."""
    root = build(
        group_by=["alertname", "job"],
        routes=[{"match": {"severity": "page"}, "matchers": ['env=~"p.*"']}],
    )
    labels = Labels({"alertname": "X", "job": "y", "pod": "z"})
    assert root.group_key(root.group_labels(labels)) == '{}:{alertname="X", job="y"}'
    child = root.children[0]
    key = child.group_key(child.group_labels(labels))
    assert key == '{}/{env=~"p.*",severity="page"}:{alertname="X", job="y"}'
