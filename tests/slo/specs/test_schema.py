"""The published schema takes what the readers take, and refuses what is wrong in structure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from collector.model.errors import ConfigError
from slo.specs import READERS, native, openslo, openslo_v1alpha, pyrra, read_all, sloth
from slo.specs.schema import FORMATS, json_schema

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "tests" / "cases" / "specs").glob("*.yaml"))
EXAMPLES = [
    path
    for path in sorted((*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tocsin/packs/**/*.yaml")))
    if "prometheus/v1" in path.read_text() or "openslo/" in path.read_text()
]
DOCUMENTED = [
    block
    for block in re.findall(
        r"^```yaml\n(.*?)^```$",
        (ROOT / "docs" / "slos.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
    if "ersion:" in block.split("\n", 3)[0]
]
VALIDATOR = Draft202012Validator(json_schema())


def errors(document: object) -> list[str]:
    plain = json.loads(json.dumps(document, default=str))  # YAML has dates, JSON has not
    return [error.message for error in VALIDATOR.iter_errors(plain)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json_schema())
    assert set(FORMATS) == set(READERS)


@pytest.mark.parametrize("path", [*CASES, *EXAMPLES], ids=lambda path: path.name)
def test_every_example_is_taken(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        assert errors(document) == []


@pytest.mark.parametrize("text", DOCUMENTED, ids=range(len(DOCUMENTED)))
def test_every_documented_example_is_taken(text: str) -> None:
    for document in yaml.safe_load_all(text):
        assert errors(document) == []


def test_fields_are_those_of_the_readers() -> None:
    def names(of: dict, *path: str) -> set[str]:
        for step in path:
            of = of["properties"][step]
            of = of["anyOf"][0] if "anyOf" in of and "properties" not in of else of
            of = of["items"] if of.get("type") == "array" else of
        return set(of["properties"])

    assert names(FORMATS["tocsin/v1"]) == set(native._SHARED)
    assert names(FORMATS["tocsin/v1"], "slos") == set(native._SLO)
    assert names(FORMATS["prometheus/v1"]) == set(sloth._DOCUMENT)
    assert names(FORMATS["prometheus/v1"], "slos") == set(sloth._SLO)
    assert names(FORMATS["sloth.slok.dev/v1"], "spec") == {
        sloth.CAMEL.get(name, name) for name in sloth._DOCUMENT
    }
    assert names(FORMATS["pyrra.dev/v1alpha1"], "spec") == set(pyrra._SPEC)
    assert names(FORMATS["pyrra.dev/v1alpha1"], "spec", "indicator") == set(pyrra._INDICATORS)
    spec = FORMATS["openslo/v1"]["allOf"][0]["then"]
    assert names(spec, "spec") == set(openslo._SLO)
    assert names(spec, "spec", "objectives") == set(openslo._OBJECTIVE)
    old = FORMATS["openslo/v1alpha"]["allOf"][0]["then"]
    assert names(old, "spec") == set(openslo_v1alpha._SPEC)


RIGHT = """
version: tocsin/v1
service: shop
objective: 99.9%
bad: a_total{code="500"}
total: a_total
"""
FAULTS = {
    "an unknown field": ("objective:", "objectif:"),
    "no service": ("service: shop\n", ""),
    "a name that is none": ("service: shop", "service: a shop"),
    "no percentage": ("99.9%", "much"),
    "over 100": ("99.9%", "101"),
    "only one side": ("total: a_total\n", ""),
    "three sides": ("total: a_total", "total: a_total\ngood: b_total"),
    "two indicators": ("total: a_total", "total: a_total\navailable: up"),
    "slos beside one": ("total: a_total", "total: a_total\nslos: []"),
    "a window that is none": ("total: a_total", "total: a_total\nwindow: some days"),
    "no comparison": (
        'bad: a_total{code="500"}\ntotal: a_total',
        "look_at: {query: up, good_when: 1}",
    ),
    "labels of lists": ("total: a_total", "total: a_total\nlabels: {a: [b]}"),
    "a list of one": ("total: a_total", "total: a_total\ngroup_by: route"),
    "no groups": ("total: a_total", "total: a_total\ngroup_by: [a]\nmax_groups: 0"),
    "slices of nothing": ("total: a_total", "total: a_total\nslices: {good: 95%}"),
    "an empty slice": ("total: a_total", "total: a_total\nslices: {of: 1m, empty: maybe}"),
    "a flag": ("total: a_total", "total: a_total\nalert: {page: {disable: please}}"),
    "an unknown version": ("tocsin/v1", "tocsin/v9"),
    "no version": ("version: tocsin/v1\n", ""),
}
OTHERS = {
    "sloth.yaml": [("objective: 99.9", "objective: 100.5"), ("error_query", "errors_query")],
    "pyrra.yaml": [("errors: {", "error: {"), ('target: "99"', 'target: "x"')],
    "openslo_inline.yaml": [("target: 0.", "target: 1."), ("isRolling", "rolling")],
    "sloth_resource.yaml": [("kind: PrometheusServiceLevel", "kind: Service")],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_structural_fault_is_refused_by_schema_and_reader(fault: str) -> None:
    old, new = FAULTS[fault]
    assert old in RIGHT
    text = RIGHT.replace(old, new)
    assert errors(yaml.safe_load(text))
    assert read_all(text, "slo.yaml")[1]
    assert errors(yaml.safe_load(RIGHT)) == []


@pytest.mark.parametrize(
    ("file", "fault"), [(file, fault) for file, faults in OTHERS.items() for fault in faults]
)
def test_so_it_is_in_the_other_formats(file: str, fault: tuple[str, str]) -> None:
    text = (ROOT / "tests" / "cases" / "specs" / file).read_text()
    assert fault[0] in text
    wrong = text.replace(*fault, 1)
    assert any(errors(one) for one in yaml.safe_load_all(wrong))
    assert read_all(wrong, file)[1]


def test_what_the_reader_can_not_place_is_no_schema_error() -> None:
    text = RIGHT.replace("a_total", "avg(a)")
    assert errors(yaml.safe_load(text)) == []
    found = read_all(text, "slo.yaml")[1]
    assert all(isinstance(one, ConfigError) for one in found)
    assert found
