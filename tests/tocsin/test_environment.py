import pytest

from collector.model.errors import ConfigError
from collector.model.yaml_document import read_yaml
from tocsin.environment import fill_references


def filled(text: str, **environment: str) -> object:
    (document,) = read_yaml(text, "tocsin.yaml")
    return fill_references(document, environment)


def test_references_are_replaced_at_any_depth() -> None:
    assert filled("a: [{b: 'x-${TOKEN}'}]", TOKEN="t") == {"a": [{"b": "x-t"}]}


def test_relabelling_groups_and_escapes_stay_as_written() -> None:
    text = "a: '$1 ${1} ${name} $${HOME}'"
    assert filled(text) == {"a": "$1 ${1} ${name} ${HOME}"}


def test_a_variable_that_is_not_set_is_named_with_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        filled("a: 1\nb:\n  c: ${TOKEN}\n")
    assert str(caught.value).startswith("tocsin.yaml:3: b.c: the environment variable TOKEN")
