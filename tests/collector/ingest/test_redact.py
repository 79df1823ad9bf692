"""What must never reach the store, what must stay, and that time stays linear."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.personal_numbers import is_card, passes_luhn
from collector.ingest.redact import PATTERNS, Redactor
from collector.model.records import LogBatch, LogRecord

REDACTOR = Redactor()


def redact(text: str) -> tuple[str, Counter[str]]:
    counts: Counter[str] = Counter()
    return REDACTOR.redact(text, counts), counts


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"

FOUND = [
    ("mail ann.o'neil+x@example.co.uk now", "mail <redacted:email> now", "email"),
    ("für jörg@exämple.org", "für <redacted:email>", "email"),
    ("paid with 4111111111111111.", "paid with <redacted:card>.", "card"),
    ("paid with 4111 1111 1111 1111", "paid with <redacted:card>", "card"),
    ("amex 3782-822463-10005", "amex <redacted:card>", "card"),
    ("item 5 4111-1111-1111-1111 7", "item 5 <redacted:card> 7", "card"),
    ("ssn=123-45-6789", "ssn=<redacted:ssn>", "ssn"),
    ("id 7-123-45-6789", "id 7-<redacted:ssn>", "ssn"),
    ("SSN 123 45 6789", "SSN <redacted:ssn>", "ssn"),
    ("Authorization: Bearer abcdef123456", "Authorization: <redacted:authorization>", None),
    ("Authorization: Basic dXNlcjpwYXNz", "Authorization: <redacted:authorization>", None),
    ("with bearer abcdef123456==", "with bearer <redacted:bearer>", "bearer"),
    (f"got {JWT}, bye", "got <redacted:jwt>, bye", "jwt"),
    ("password=hunter2&next=1", "password=<redacted:secret>&next=1", "secret"),
    ("DB_PASS=foo", "DB_PASS=<redacted:secret>", "secret"),
    ("api-key: abc, x", "api-key: <redacted:secret>, x", "secret"),
    ('{"password": "a\\"b", "n": 1}', '{"password": "<redacted:secret>", "n": 1}', "secret"),
    (r"{\"client_secret\":\"abc\"}", r"{\"client_secret\":\"<redacted:secret>\"}", "secret"),
    ("{'token': 'abc'}", "{'token': '<redacted:secret>'}", "secret"),
    ("postgres://u:p@ss@db/x", "postgres://u:<redacted:url_password>@db/x", "url_password"),
    ("redis://:pw@cache:6379", "redis://:<redacted:url_password>@cache:6379", "url_password"),
    ("key AKIAIOSFODNN7EXAMPLE", "key <redacted:api_key>", "api_key"),
    (
        "https://hooks.slack.com/services/T0/B0/xyz",
        "https://hooks.slack.com/services/<redacted:webhook>",
        "webhook",
    ),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nok",
        "<redacted:private_key>\nok",
        "private_key",
    ),
]


@pytest.mark.parametrize(("text", "expected", "name"), FOUND)
def test_secrets_go_and_what_stands_around_them_stays(
    text: str, expected: str, name: str | None
) -> None:
    redacted, counts = redact(text)
    assert redacted == expected
    assert counts == Counter({name or "authorization": 1})


@pytest.mark.parametrize(("text", "expected", "name"), FOUND)
def test_redacting_twice_changes_nothing_more(text: str, expected: str, name: str | None) -> None:
    assert redact(expected)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v1/orders 200 in 12 ms",
        "at 1700000000123 and 1700000000123456789 ns",
        "order 4111111111111112",
        "4111 1111 1111 1112",
        "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000",
        "123456789",
        "call 2024-11-21 10:20:30",
        "unexpected token: }",
        "passed: 12, bypass=true, tokens=300, key=5",
        "https://example.com/a@b",
        "a @ b, @app.get, x@y",
        "trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "",
    ],
)
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    assert redact(text) == (text, Counter())


def luhn_completed(prefix: str) -> str:
    return next(prefix + digit for digit in "0123456789" if passes_luhn(prefix + digit))


PREFIXES = ["4", "51", "55", "2221", "2720", "34", "37", "6011", "65", "3528", "36", "62"]
cards = st.builds(
    lambda prefix, rest, length: luhn_completed((prefix + rest)[: length - 1]),
    st.sampled_from(PREFIXES),
    st.text("0123456789", min_size=19, max_size=19),
    st.integers(13, 19),
)
texts = st.text(max_size=40)
no_digit_at_edge = texts.filter(lambda text: not (text[-1:].isdigit() or text[:1].isdigit()))


@given(no_digit_at_edge, cards, no_digit_at_edge)
@settings(max_examples=300)
def test_a_card_number_goes_from_any_text(before: str, card: str, after: str) -> None:
    redacted, _ = redact(f"{before}{card}{after}")
    assert card not in redacted


@given(no_digit_at_edge, cards, st.sampled_from(" -."), no_digit_at_edge)
@settings(max_examples=300)
def test_a_printed_card_number_goes_from_any_text(
    before: str, card: str, separator: str, after: str
) -> None:
    sixteen = luhn_completed(card[:12] + "999")
    printed = separator.join(sixteen[i : i + 4] for i in (0, 4, 8, 12))
    redacted, _ = redact(f"{before}{printed}{after}")
    assert printed not in redacted


ssns = st.builds(
    lambda area, group, serial, separator: separator.join(
        (f"{area:03}", f"{group:02}", f"{serial:04}")
    ),
    st.integers(1, 899).filter(lambda area: area != 666),
    st.integers(1, 99),
    st.integers(1, 9999),
    st.sampled_from("- "),
)


@given(no_digit_at_edge, ssns, no_digit_at_edge)
@settings(max_examples=300)
def test_a_social_security_number_goes_from_any_text(before: str, ssn: str, after: str) -> None:
    redacted, _ = redact(f"{before}{ssn}{after}")
    assert ssn not in redacted


@given(st.text("0123456789", min_size=10, max_size=25).filter(lambda digits: not is_card(digits)))
@settings(max_examples=300)
def test_other_numbers_stay(digits: str) -> None:
    text = f"order {digits} shipped"
    assert redact(text) == (text, Counter())


def slow_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@given(st.text("0123456789", min_size=1, max_size=30))
def test_luhn_equals_the_schoolbook(digits: str) -> None:
    assert passes_luhn(digits) == slow_luhn(digits)


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_any_text_is_survived_and_names_are_known(text: str) -> None:
    _, counts = redact(text)
    assert set(counts) <= {*(pattern.name for pattern in PATTERNS), "card", "ssn"}


@pytest.mark.parametrize(
    "hostile",
    ["password=" * 50_000, "a@" * 100_000, "1 " * 200_000, "://" + "a:" * 100_000, '"\\' * 100_000],
)
@pytest.mark.timeout(20)
def test_a_hostile_line_does_not_hang(hostile: str) -> None:
    redact(hostile)


def test_a_batch_is_redacted_in_bodies_and_attributes() -> None:
    clean = LogRecord(1, 9, "fine", attributes={"http.route": "/x"})
    dirty = LogRecord(
        2,
        9,
        "from a@b.org",
        attributes={
            "db.password": "hunter2",
            "http.request.header.authorization": "anything",
            "note": "to c@d.org",
            "empty_token": "",
        },
    )
    batch, counts = REDACTOR.redact_batch(LogBatch((clean, dirty)))
    assert batch.records[0] is clean
    assert batch.records[1].body == "from <redacted:email>"
    assert batch.records[1].attributes == {
        "db.password": "<redacted:secret>",
        "http.request.header.authorization": "<redacted:secret>",
        "note": "to <redacted:email>",
        "empty_token": "",
    }
    assert counts == Counter(email=2, secret=2)
