"""One request over real HTTP: headers, credentials, statuses."""

import asyncio
from email.utils import formatdate

import pytest

from collector.forward.delivery import Answer, HttpDelivery, endpoint_name, retry_after_seconds
from collector.ingest.formats.remote_write import Version
from collector.ingest.formats.remote_write_encoder import Item, Series, encode
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.remote_write_config import RemoteWriteConfig
from tests.oracles.far_side import far_side

NOW_MS = 1_700_000_000_000


def post(version: Version, url: str, **section: object) -> Answer:
    config = RemoteWriteConfig.model_validate({"url": url, **section})
    item = Item(Series(Labels.of("x"), 0), 5, 1.0)

    async def run() -> Answer:
        delivery = HttpDelivery(config, version, ManualClock(NOW_MS))
        try:
            return await delivery.post(encode([item], version, lambda _: None))
        finally:
            await delivery.close()

    return asyncio.run(run())


@pytest.mark.parametrize("version", [1, 2])
def test_a_request_has_the_headers_of_its_version(version: Version) -> None:
    with far_side() as side:
        answer = post(
            version,
            side.url,
            basic_auth={"username": "u", "password": "p"},
            headers={"X-Scope-OrgID": "team"},
        )
    assert answer.is_taken
    assert answer.tells_what_was_written == (version == 2)
    (headers,) = side.headers
    assert headers["x-prometheus-remote-write-version"] == ("0.1.0" if version == 1 else "2.0.0")
    assert headers["content-encoding"] == "snappy"
    assert headers["authorization"] == "Basic dTpw"
    assert headers["x-scope-orgid"] == "team"
    assert side.samples == {Labels.of("x"): [(5, 1.0)]}


def test_an_endpoint_that_is_not_there_is_no_answer() -> None:
    with far_side() as side:
        url = side.url
    answer = post(1, url, remote_timeout="1s")
    assert answer.code == 0
    assert answer.is_worth_another_try(on_429=False)


def test_a_refusal_tells_when_to_come_back() -> None:
    with far_side() as side:
        side.status = lambda: (429, {"Retry-After": "7"})
        answer = post(1, side.url)
    assert (answer.code, answer.retry_after_seconds) == (429, 7.0)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("", 0.0),
        ("soon", 0.0),
        ("30", 30.0),
        ("999999", 600.0),
        (formatdate(NOW_MS / 1000 + 90, usegmt=True), 90.0),
        (formatdate(NOW_MS / 1000 - 90, usegmt=True), 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(told: str, seconds: float) -> None:
    assert retry_after_seconds({"retry-after": told}, NOW_MS) == seconds


def test_an_endpoint_is_called_by_its_name_or_url_without_credentials() -> None:
    config = RemoteWriteConfig(url="https://user:secret@far/api/v1/write?token=x")
    assert endpoint_name(config) == "https://far/api/v1/write"
    assert endpoint_name(RemoteWriteConfig(url="http://far/", name="far")) == "far"
