import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api.escaped_names import unescaped


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plain_name", "plain_name"),
        ("U__a__b_2e_c", "a_b.c"),
        ("U__http_2e_status", "http.status"),
        ("U___1f600_", "😀"),
        ("U__", ""),
        ("U__broken_2", "U__broken_2"),
        ("U__no_hex_zz_", "U__no_hex_zz_"),
        ("U___d800_", "U___d800_"),
        ("U___110000_", "U___110000_"),
    ],
)
def test_what_does_not_follow_the_form_stays_as_it_is(written: str, meant: str) -> None:
    assert unescaped(written) == meant


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_every_name_comes_back(name: str) -> None:
    escaped = "".join(
        one if one.isascii() and one.isalnum() else "__" if one == "_" else f"_{ord(one):x}_"
        for one in name
    )
    assert unescaped(f"U__{escaped}") == name
