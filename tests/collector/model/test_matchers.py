import re

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from collector.model.errors import InputError
from collector.model.matchers import Matcher

PLAIN = st.text(alphabet="ab|", max_size=6)
PIECES = st.sampled_from(
    ["a", "b", "/", ".", ".*", ".+", "|", r"\.", r"\|", "b?", "[ab]", "(a)", "é"]
)
PATTERN = st.lists(PIECES, max_size=6).map("".join)


@given(PLAIN, PLAIN)
def test_fast_paths_answer_as_the_regular_expression_does(pattern: str, value: str) -> None:
    expected = re.fullmatch(pattern, value) is not None
    assert Matcher("=~", "x", pattern).matches(value) == expected
    assert Matcher("!~", "x", pattern).matches(value) != expected


@given(PATTERN, st.text(alphabet="ab/.|é\n*", max_size=6))
def test_no_fast_path_answers_otherwise_than_re2(pattern: str, value: str) -> None:
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        expected = re2.compile(pattern, options).fullmatch(value) is not None
    except re2.error:
        with pytest.raises(InputError):
            Matcher("=~", "x", pattern)
        return
    assert Matcher("=~", "x", pattern).matches(value) == expected
    assert Matcher("!~", "x", pattern).matches(value) != expected
    assert Matcher("=~", "x", pattern).matching([value]) == [value] * expected
    assert Matcher("!~", "x", pattern).matching([value]) == [value] * (not expected)


def test_regular_expressions_are_anchored_and_dot_takes_newlines() -> None:
    assert Matcher("=~", "x", "a.*").matches("a\nb")
    assert not Matcher("=~", "x", "a.").matches("xab")


def test_an_absent_label_is_the_empty_value() -> None:
    assert Matcher("!=", "x", "a").matches_empty()
    assert not Matcher("=~", "x", ".+").matches_empty()


def test_look_ahead_is_refused_with_advice() -> None:
    with pytest.raises(InputError, match="RE2"):
        Matcher("=~", "x", "(?=a)")


def test_literals_are_known_for_alternations_only() -> None:
    assert Matcher("=~", "x", "a|b").literals() == {"a", "b"}
    assert Matcher("=~", "x", "a.*").literals() is None
    assert Matcher("!=", "x", "a").literals() is None
