"""Patterns are RE2 with its own reasons; references are Go's."""

from __future__ import annotations

import pytest

from collector.model.regex import RegexError, compile_regex, expander


@pytest.mark.parametrize(
    ("replacement", "expanded"),
    [
        ("plain", "plain"),
        ("", ""),
        ("$1-${1}", "ab-ab"),
        ("${word}!", "cd!"),
        ("$word", "cd"),
        ("$1x", ""),  # the group named `1x`
        ("${1}x", "abx"),
        ("$9$other${é}", ""),
        ("$3", ""),  # it took no part in the match
        ("$$1 $", "$1 $"),
        ("${1", "${1"),
        ("$-a", "$-a"),
    ],
)
def test_references_are_filled_in_as_go_does(replacement: str, expanded: str) -> None:
    match = compile_regex(r"(\w+)\.(?P<word>\w+)(\.none)?").fullmatch("ab.cd")
    assert match is not None
    assert expander(replacement)(match) == expanded


def test_a_dot_matches_a_newline_if_it_may() -> None:
    assert compile_regex("a.b").fullmatch("a\nb")
    assert not compile_regex("a.b", dot_matches_newline=False).fullmatch("a\nb")


@pytest.mark.parametrize("text", ["(", "a{1001}", r"(a)\1", "(?=a)"])
def test_what_is_no_re2_is_told_with_the_reason(text: str) -> None:
    with pytest.raises(RegexError, match=r"not a valid regular expression: .*\(RE2 syntax") as told:
        compile_regex(text)
    assert told.value.reason in str(told.value)
