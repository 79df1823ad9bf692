import pytest

from collector.model.errors import ConfigError
from collector.model.yaml_document import dotted, path_of, read_yaml


def test_every_value_knows_its_line() -> None:
    (document,) = read_yaml("a: 1\nb:\n  - x\n  - c: 2\n", "f.yaml")
    assert document.data == {"a": 1, "b": ["x", {"c": 2}]}
    assert str(document.where(("b", 1, "c"))) == "f.yaml:4: b[1].c"


def test_a_missing_field_is_placed_at_its_parent() -> None:
    (document,) = read_yaml("a:\n  b: 1\n", "f.yaml")
    assert document.where(("a", "nothing")).line == 1


def test_several_documents_and_empty_ones() -> None:
    assert [d.data for d in read_yaml("a: 1\n---\n---\nb: 2\n", "f")] == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\na: 2\n", 2, "stands twice"),
        ("a: [1,\n", 2, "not YAML"),
        ("a: !!python/object:os.system x\n", 1, "could not determine a constructor"),
        ("? [1, 2]\n: 3\n", 1, "plain text"),
    ],
)
def test_an_error_says_its_line(text: str, line: int, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "f.yaml")
    assert caught.value.where.line == line
    assert part in str(caught.value)


def test_an_alias_bomb_stops_at_the_limit() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(ConfigError, match="values"):
        read_yaml("\n".join(levels), "bomb.yaml")


def test_a_path_is_read_back_from_its_text() -> None:
    path = ("receivers", 0, "slack_configs", 12, "api_url")
    assert dotted(path) == "receivers[0].slack_configs[12].api_url"
    assert path_of(dotted(path)) == path
