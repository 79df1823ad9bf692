"""Only what Slack or PagerDuty signed, lately and once, is taken."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from alerts.interactions.signature import (
    MAX_SEEN,
    WINDOW_SECONDS,
    SeenRequests,
    SignatureError,
    check_pagerduty,
    check_slack,
)
from collector.model import Secret
from examples.pager.slack_app import sign

# the example of https://docs.slack.dev/authentication/verifying-requests-from-slack
SLACK_SECRET = Secret("8f742231b10e8888abcd99yyyzzz85a5")
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="
    b"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_TIME = "1531420618"
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
NOW_MS = 1_531_420_618_000


def test_slacks_own_example_is_right() -> None:
    check_slack(SLACK_BODY, SLACK_TIME, SLACK_SIGNATURE, SLACK_SECRET, NOW_MS)


@pytest.mark.parametrize(
    ("body", "time", "signature", "now_ms"),
    [
        (SLACK_BODY + b"x", SLACK_TIME, SLACK_SIGNATURE, NOW_MS),
        (SLACK_BODY, "1531420619", SLACK_SIGNATURE, NOW_MS),
        (SLACK_BODY, SLACK_TIME, "v0=" + "0" * 64, NOW_MS),
        (SLACK_BODY, SLACK_TIME, "", NOW_MS),
        (SLACK_BODY, SLACK_TIME, "v0=\u00e9", NOW_MS),
        (SLACK_BODY, "", SLACK_SIGNATURE, NOW_MS),
        (SLACK_BODY, "1e9", SLACK_SIGNATURE, NOW_MS),
        (SLACK_BODY, SLACK_TIME, SLACK_SIGNATURE, NOW_MS + (WINDOW_SECONDS + 1) * 1000),
        (SLACK_BODY, SLACK_TIME, SLACK_SIGNATURE, NOW_MS - (WINDOW_SECONDS + 1) * 1000),
    ],
)
def test_anything_else_is_refused(body: bytes, time: str, signature: str, now_ms: int) -> None:
    with pytest.raises(SignatureError) as caught:
        check_slack(body, time, signature, SLACK_SECRET, now_ms)
    assert SLACK_SECRET.reveal() not in str(caught.value)


def test_the_stand_in_signs_as_slack_does() -> None:
    headers = sign(SLACK_BODY, SLACK_SECRET.reveal(), int(SLACK_TIME))
    assert headers["x-slack-signature"] == SLACK_SIGNATURE


def test_pagerduty_may_sign_with_an_old_and_a_new_secret() -> None:
    body, secret = b'{"event":{}}', Secret("s3cr3t")
    right = hmac.new(b"s3cr3t", body, hashlib.sha256).hexdigest()
    check_pagerduty(body, f"v1={right}", secret)
    check_pagerduty(body, f"v1={'0' * 64}, v1={right}", secret)
    for wrong in ("", f"v0={right}", f"v1={right[:-1]}", "v1="):
        with pytest.raises(SignatureError):
            check_pagerduty(body, wrong, secret)


def test_a_request_counts_once_while_its_signature_would_pass() -> None:
    seen = SeenRequests()
    seen.check("a", 0)
    with pytest.raises(SignatureError, match="before"):
        seen.check("a", 2 * WINDOW_SECONDS * 1000)
    seen.check("a", 2 * WINDOW_SECONDS * 1000 + 1)


def test_what_is_remembered_is_bounded() -> None:
    seen = SeenRequests()
    for number in range(MAX_SEEN + 10):
        seen.check(str(number), 0)
    assert len(seen._until_ms) == MAX_SEEN
