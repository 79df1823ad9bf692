from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.exporters import router
from collector.ingest.formats.text import TextParser


def test_the_host_is_served_in_the_text_format() -> None:
    app = FastAPI()
    app.include_router(router())
    client = TestClient(app)
    answer = client.get("/exporters/host/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert len(TextParser().parse(answer.content)) > 50
    missing = client.get("/exporters/nothing/metrics")
    assert missing.status_code == 404
    assert "host" in missing.text
