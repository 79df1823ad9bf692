"""Matchers as Alertmanager's documentation writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.matchers import parse_matchers, write_matchers
from collector.model import Matcher
from collector.model.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{foo = "bar", dings != "bums", }', [("=", "foo", "bar"), ("!=", "dings", "bums")]),
        ("foo=bar,dings!=bums", [("=", "foo", "bar"), ("!=", "dings", "bums")]),
        ('{quote="She said: \\"Hi, ladies!\\""}', [("=", "quote", 'She said: "Hi, ladies!"')]),
        ('statuscode=~"5.."', [("=~", "statuscode", "5..")]),
        (r'a="x\\y\n\d"', [("=", "a", "x\\y\n\\d")]),
        ('a=""', [("=", "a", "")]),
        ("a!~b|c", [("!~", "a", "b|c")]),
        ('"ünï code"=x', [("=", "ünï code", "x")]),
        ("{}", []),
    ],
)
def test_texts_are_read(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert [(m.kind, m.name, m.value) for m in parse_matchers(text)] == expected


@pytest.mark.parametrize("text", ["a", "a==b=", 'a="b', 'a=b"', 'a="b"c"', "=b", 'a=~"("', "a b=c"])
def test_what_is_none_is_refused(text: str) -> None:
    if text == "a==b=":  # the value is "=b=", as in Alertmanager
        assert parse_matchers(text)[0].value == "=b="
        return
    with pytest.raises(InputError):
        parse_matchers(text)


names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True)
matchers = st.lists(
    st.builds(Matcher, st.sampled_from(["=", "!="]), names, st.text(max_size=12)), max_size=4
)


@given(matchers)
def test_what_is_written_reads_back(some: list[Matcher]) -> None:
    assert parse_matchers(write_matchers(some)) == some
