"""The table of Prometheus's documentation of relabel_config, an action at a time."""

import hashlib

import pytest

from collector.ingest.relabel import Action, Rule, compile_rules
from collector.model.errors import InputError
from collector.model.labels import Labels

GIVEN = Labels({"__name__": "m", "a": "foo", "b": "bar", "c": "baz"})


def relabelled(*rules: Rule, labels: Labels = GIVEN) -> dict[str, str] | None:
    found = compile_rules(rules)(labels)
    return None if found is None else dict(found.pairs)


CASES = [
    ("replace copies", Rule(source_labels=("a",), target_label="d"), {"d": "foo"}),
    ("replace groups", Rule(source_labels=("a",), regex="f(.*)", target_label="d"), {"d": "oo"}),
    (
        "replace joins with the separator",
        Rule(source_labels=("a", "b"), regex="foo;(.*)", target_label="d"),
        {"d": "bar"},
    ),
    (
        "replace with another separator",
        Rule(source_labels=("a", "b"), separator="-", target_label="d"),
        {"d": "foo-bar"},
    ),
    ("replace without a match", Rule(source_labels=("a",), regex="o", target_label="d"), {}),
    ("replace is anchored", Rule(source_labels=("a",), regex="fo", target_label="a"), {}),
    (
        "replace with nothing removes",
        Rule(source_labels=("a",), target_label="a", replacement=""),
        {"a": ""},
    ),
    (
        "replace computes its target",
        Rule(source_labels=("a",), regex="f(.*)", target_label="x_$1", replacement="$0!"),
        {"x_oo": "foo!"},
    ),
    (
        "named groups and braces",
        Rule(
            source_labels=("a",),
            regex="(?P<first>.)(.*)",
            target_label="d",
            replacement="${2}_${first}$$",
        ),
        {"d": "oo_f$"},
    ),
    (
        "an unknown group is empty",
        Rule(source_labels=("a",), target_label="d", replacement="$1x-$9"),
        {"d": "-"},
    ),
    ("a constant needs no source", Rule(target_label="d", replacement="v"), {"d": "v"}),
    ("an empty target changes nothing", Rule(source_labels=("a",), target_label="$2"), {}),
    ("lowercase", Rule(action="lowercase", source_labels=("a",), target_label="d"), {"d": "foo"}),
    ("uppercase", Rule(action="uppercase", source_labels=("a",), target_label="a"), {"a": "FOO"}),
    (
        "hashmod",
        Rule(action="hashmod", source_labels=("c",), target_label="d", modulus=1000),
        {"d": str(int.from_bytes(hashlib.md5(b"baz").digest()[8:], "big") % 1000)},
    ),
    (
        "labelmap",
        Rule(action="labelmap", regex="(a|b)", replacement="x_$1"),
        {"x_a": "foo", "x_b": "bar"},
    ),
    ("labeldrop", Rule(action="labeldrop", regex="(a|b).*"), {"a": "", "b": ""}),
    ("labelkeep", Rule(action="labelkeep", regex="__name__|a"), {"b": "", "c": ""}),
]


@pytest.mark.parametrize(
    ("rule", "changes"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_action_changes_labels(rule: Rule, changes: dict[str, str]) -> None:
    assert relabelled(rule) == dict(GIVEN.merged(changes).pairs)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (Rule(action="keep", source_labels=("a",), regex="foo"), True),
        (Rule(action="keep", source_labels=("a",), regex="fo"), False),
        (Rule(action="keep", source_labels=("absent",), regex=""), True),
        (Rule(action="drop", source_labels=("a", "b"), regex="foo;bar"), False),
        (Rule(action="drop", source_labels=("a",), regex="bar"), True),
        (Rule(action="keepequal", source_labels=("a",), target_label="a"), True),
        (Rule(action="keepequal", source_labels=("a",), target_label="b"), False),
        (Rule(action="dropequal", source_labels=("a",), target_label="a"), False),
        (Rule(action="dropequal", source_labels=("a",), target_label="b"), True),
    ],
)
def test_action_keeps_or_drops(rule: Rule, kept: bool) -> None:
    assert (relabelled(rule) is not None) is kept


def test_hashmod_is_prometheus_s_own() -> None:
    """The value is the one in Prometheus's own test of the action."""
    rule = Rule(action="hashmod", source_labels=("c",), target_label="d", modulus=1000)
    assert relabelled(rule)["d"] == "976"  # type: ignore[index]


@pytest.mark.parametrize(
    ("action", "given", "made"),
    [
        ("uppercase", "größe", "GRÖßE"),
        ("uppercase", "ᾳ", "ᾼ"),
        ("lowercase", "ΟΔΟΣ", "οδοσ"),
        ("lowercase", "İ", "i"),
    ],
)
def test_each_character_has_its_own_case_as_in_go(action: Action, given: str, made: str) -> None:
    relabel = compile_rules([Rule(action=action, source_labels=("a",), target_label="a")])
    assert relabel(Labels({"a": given})) == Labels({"a": made})


def test_steps_see_what_the_steps_before_made() -> None:
    rules = (
        Rule(target_label="d", replacement="v"),
        Rule(action="drop", source_labels=("d",), regex="v"),
        Rule(target_label="never", replacement="x"),
    )
    assert relabelled(*rules[:1]) is not None
    assert relabelled(*rules) is None


def test_a_dot_matches_a_newline() -> None:
    rule = Rule(action="keep", source_labels=("a",), regex="x.y")
    assert relabelled(rule, labels=Labels({"a": "x\ny"})) is not None


def test_no_steps_leave_the_same_object() -> None:
    assert compile_rules([])(GIVEN) is GIVEN


def test_a_regex_that_is_not_re2_is_told() -> None:
    with pytest.raises(InputError, match="RE2"):
        compile_rules([Rule(regex="(?=a)")])
