"""Signed links: nobody makes or changes one, and they grow old."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.on_call.links import LINK_LASTS_MS, IncidentLinks, SignedAct, Signer
from collector.model.errors import InputError

SIGNER = Signer(b"k" * 32)
SIGNED = SignedAct(7, "acknowledge", 1_000)


def test_what_was_signed_is_read_until_it_is_too_old() -> None:
    token = SIGNER.sign(SIGNED)
    assert SIGNER.read(token, 1_000) == SIGNED
    with pytest.raises(InputError, match="old"):
        SIGNER.read(token, 1_001)


def test_another_key_does_not_read_it() -> None:
    with pytest.raises(InputError, match="not made here"):
        Signer(b"other").read(SIGNER.sign(SIGNED), 0)


@given(st.integers(0, 200), st.characters(codec="utf-8"))
def test_a_changed_character_is_refused(place: int, char: str) -> None:
    token = SIGNER.sign(SIGNED)
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    if changed != token:
        with pytest.raises(InputError):
            SIGNER.read(changed, 0)


@given(st.text(max_size=300))
def test_any_text_is_refused_and_no_error(text: str) -> None:
    with pytest.raises(InputError):
        SIGNER.read(text, 0)


def test_links_need_an_address_that_people_reach() -> None:
    links = IncidentLinks("https://tocsin.example.org/", SIGNER)
    assert links.page(3) == "https://tocsin.example.org/incidents/3"
    token = links.signed(3, "acknowledge", 5).rpartition("/")[2]
    assert SIGNER.read(token, 5) == SignedAct(3, "acknowledge", 5 + LINK_LASTS_MS)
    assert IncidentLinks("", SIGNER).page(3) == ""


def test_the_key_outlives_a_restart(make_world: Any) -> None:
    first = make_world()
    token = first.service.on_call.links.signed(1, "acknowledge", 0).rpartition("/")[2]
    first.service.close()
    second = make_world()
    assert second.service.on_call.links.signer.read(token, 0).incident == 1
