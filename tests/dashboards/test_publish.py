"""Pushing boards, against a server that plays the documented part of Grafana's API strictly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from collector.model.errors import ConfigError, UnavailableError
from collector.model.secrets import Secret
from dashboards.boards.host import host
from dashboards.publish import Grafana

TOKEN = "glsa_secret"


class PlayedGrafana(BaseHTTPRequestHandler):
    folders: ClassVar[dict[str, str]] = {}
    dashboards: ClassVar[dict[str, dict[str, Any]]] = {}
    posts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        kind, _, uid = self.path.removeprefix("/api/").rpartition("/")
        if not self.allowed():
            return
        if kind == "folders" and uid in self.folders:
            self.answer(200, {"uid": uid, "title": self.folders[uid]})
        elif kind == "dashboards/uid" and uid in self.dashboards:
            found = self.dashboards[uid]
            self.answer(200, {"dashboard": found, "meta": {"url": f"/d/{uid}/x"}})
        else:
            self.answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        if not self.allowed():
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.posts.append(self.path)
        if self.path == "/api/folders":
            assert set(body) == {"uid", "title"}
            self.folders[body["uid"]] = body["title"]
            self.answer(200, body)
            return
        assert self.path == "/api/dashboards/db"
        assert set(body) == {"dashboard", "folderUid", "overwrite", "message"}
        assert body["folderUid"] in self.folders
        uid = body["dashboard"]["uid"]
        version = self.dashboards.get(uid, {}).get("version", 0) + 1
        self.dashboards[uid] = {**body["dashboard"], "id": 7, "version": version}
        self.answer(200, {"uid": uid, "url": f"/d/{uid}/x", "version": version})

    def allowed(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return True
        self.answer(401, {"message": "Invalid API key"})
        return False

    def answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    for kept in (PlayedGrafana.folders, PlayedGrafana.dashboards, PlayedGrafana.posts):
        kept.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), PlayedGrafana)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_pushing_twice_changes_nothing_the_second_time(url: str) -> None:
    grafana = Grafana(url, Secret(TOKEN))
    (first,) = grafana.push([host()], "tocsin")
    (second,) = grafana.push([host()], "tocsin")
    assert (first.change, second.change) == ("created", "unchanged")
    assert first.url == second.url == f"{url}/d/tocsin-host/x"
    assert PlayedGrafana.posts == ["/api/folders", "/api/dashboards/db"]


def test_a_board_that_somebody_changed_is_put_right(url: str) -> None:
    grafana = Grafana(url, Secret(TOKEN))
    grafana.push([host()], "tocsin")
    PlayedGrafana.dashboards["tocsin-host"]["title"] = "mine now"
    (pushed,) = grafana.push([host()], "tocsin")
    assert pushed.change == "updated"
    assert PlayedGrafana.dashboards["tocsin-host"]["title"] == "Host"


def test_a_wrong_token_is_told_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="service account token") as caught:
        Grafana(url, Secret("wrong-token")).push([host()], "tocsin")
    assert "wrong-token" not in str(caught.value)


def test_a_grafana_that_is_away_is_told_with_its_url() -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        Grafana("http://127.0.0.1:1", None).push([host()], "tocsin")
