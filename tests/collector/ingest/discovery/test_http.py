import asyncio
import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from collector.config import ScrapeConfig
from collector.ingest.discovery.http import HttpDiscovery
from collector.model.labels import Labels
from tests.oracles.exposition_server import Answer, ExpositionServer

JSON = "application/json; charset=utf-8"


@pytest.fixture
def server() -> Iterator[ExpositionServer]:
    with closing(ExpositionServer(Answer(b"[]", content_type=JSON))) as made:
        yield made


def groups(*targets: str) -> Answer:
    body = json.dumps([{"targets": list(targets), "labels": {"team": "store"}}]).encode()
    return Answer(body, content_type=JSON)


def follow(server: ExpositionServer, *answers: Answer) -> tuple[list[list[Labels]], list[str]]:
    """What is published and what is told while the server gives one answer after the other."""
    url = f"http://{server.address}/sd?x=1"
    config = ScrapeConfig.model_validate(
        {
            "job_name": "j",
            "http_sd_configs": [{"url": url, "refresh_interval": "20ms", "bearer_token": "s3cret"}],
        }
    )
    published: list[list[Labels]] = []
    told: list[str] = []

    async def run() -> None:
        discovery = HttpDiscovery(config)
        task = asyncio.create_task(
            discovery.run(
                lambda found: published.append(list(found)), lambda error: told.append(str(error))
            )
        )
        for answer in answers:
            server.answer = answer
            asked = len(server.requests)
            while len(server.requests) < asked + 3:
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(run())
    return published, told


def test_targets_are_published_when_they_change(server: ExpositionServer) -> None:
    published, told = follow(server, groups("a:1"), groups("a:1", "b:2"))
    labels = {"team": "store", "__meta_url": f"http://{server.address}/sd?x=1"}
    first = Labels({**labels, "__address__": "a:1"})
    assert published[-2:] == [[first], [first, Labels({**labels, "__address__": "b:2"})]]
    assert not told
    path, headers = server.requests[0]
    assert path == "/sd?x=1"
    assert headers["Accept"] == "application/json"
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["X-Prometheus-Refresh-Interval-Seconds"] == "0.02"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(status=500), "answered HTTP 500"),
        (Answer(b"[]", content_type="text/html"), "content type"),
        (Answer(b"{}", content_type=JSON), "not a list of targets"),
        (Answer(b'[{"targets": [1]}]', content_type=JSON), "not a list of targets"),
        (Answer(b"[", content_type=JSON), "not a list of targets"),
    ],
)
def test_an_answer_that_is_none_keeps_the_targets(
    server: ExpositionServer, answer: Answer, reason: str
) -> None:
    published, told = follow(server, groups("a:1"), answer)
    assert [found[0]["__address__"] for found in published if found] == ["a:1"]
    assert reason in told[0]
    assert "s3cret" not in told[0]
