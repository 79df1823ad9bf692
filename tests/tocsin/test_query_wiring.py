import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import UnavailableError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.engine import Engine
from collector.query.values import Vector
from collector.store.tsdb import Tsdb
from tocsin.config import Config, load_config
from tocsin.query_wiring import build_queries, engine_options

NOW_MS = 1_700_000_000_000
ANSWER = {
    "status": "success",
    "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [1, "2.5"]}]},
}


class Remote:
    """A server that lets in who shows the token, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        remote = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                allowed = self.headers["authorization"] in ("Bearer sesame", "Basic dTpw")
                remote.asked.append(f"{self.path} {body}")
                self.send_response(200 if allowed else 401)
                self.end_headers()
                self.wfile.write(json.dumps(ANSWER).encode() if allowed else b"who are you?")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def remote() -> Iterator[Remote]:
    started = Remote()
    yield started
    started.server.shutdown()
    started.server.server_close()


def _config(directory: Path, text: str) -> Config:
    file = directory / "tocsin.yaml"
    file.write_text(text)
    return load_config(file, {})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Tsdb]:
    clock = ManualClock(NOW_MS)
    opened = Tsdb.open(tmp_path / "store", clock)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "credentials",
    ["authorization: {credentials: sesame}", "basic_auth: {username: u, password: p}"],
)
def test_a_remote_store_is_asked_with_credentials(
    remote: Remote, store: Tsdb, tmp_path: Path, credentials: str
) -> None:
    config = _config(tmp_path, f"store: {{remote: {remote.url}, {credentials}}}")
    queries = build_queries(config, store, ManualClock(NOW_MS), CollectorRegistry())
    value = queries.engine.instant("sum(x)", NOW_MS).value
    assert isinstance(value, Vector)
    assert (list(value.labels), value.values.tolist()) == ([Labels({"a": "b"})], [2.5])
    assert remote.asked == ["/api/v1/query query=sum%28x%29&time=1700000000.000"]


def test_wrong_credentials_are_told_without_showing_them(
    remote: Remote, store: Tsdb, tmp_path: Path
) -> None:
    config = _config(tmp_path, f"store: {{remote: {remote.url}, bearer_token: mellon}}")
    queries = build_queries(config, store, ManualClock(NOW_MS), CollectorRegistry())
    with pytest.raises(UnavailableError, match="refuses the credentials") as caught:
        queries.engine.instant("x", NOW_MS)
    assert "mellon" not in str(caught.value)


def test_own_and_recorded_series_stay_at_home(remote: Remote, store: Tsdb, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(
        "groups: [{name: g, rules: [{record: 'job:x:sum', expr: sum(x)}]}]"
    )
    config = _config(tmp_path, f"store: {{remote: {remote.url}}}\nrule_files: [rules.yml]")
    refs = store.refs("rules", [Labels.of("job:x:sum"), Labels.of("tocsin_up")])
    store.append_row("rules", NOW_MS - 1000, refs, np.array([7.0, 8.0]))
    queries = build_queries(config, store, ManualClock(NOW_MS), CollectorRegistry())
    for query, expected in (("job:x:sum", 7.0), ("tocsin_up", 8.0)):
        value = queries.engine.instant(query, NOW_MS).value
        assert isinstance(value, Vector)
        assert value.values.tolist() == [expected]
    assert remote.asked == []


def test_without_a_remote_store_the_embedded_one_answers(store: Tsdb, tmp_path: Path) -> None:
    config = _config(tmp_path, "query: {timeout: 7s, max_samples: 5, lookback_delta: 1m}")
    queries = build_queries(config, store, ManualClock(NOW_MS), CollectorRegistry())
    assert isinstance(queries.engine, Engine)
    assert queries.counted is store
    assert queries.active is queries.engine.active
    options = engine_options(config.query)
    assert (options.timeout_seconds, options.max_samples, options.lookback_ms) == (7, 5, 60_000)
    assert store.match((Matcher("=", "__name__", "x"),)).tolist() == []
