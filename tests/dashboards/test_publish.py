"""Pushing boards, against a server that plays the documented part of Grafana's API strictly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from collector.model.errors import ConfigError, InputError, TocsinError, UnavailableError
from collector.model.secrets import Secret
from dashboards.boards.collector import collector
from dashboards.boards.host import host
from dashboards.grafana import Datasource
from dashboards.publish import Grafana

TOKEN = "glsa_secret"


class PlayedGrafana(BaseHTTPRequestHandler):
    folders: ClassVar[dict[str, str]] = {}
    dashboards: ClassVar[dict[str, dict[str, Any]]] = {}
    homes: ClassVar[dict[str, str]] = {}
    refusal: ClassVar[list[tuple[int, bytes]]] = []
    posts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        kind, _, uid = self.path.removeprefix("/api/").rpartition("/")
        if not self.allowed():
            return
        if self.path == "/api/folders?limit=1000":
            self.answer(200, [{"uid": uid, "title": self.folders[uid]} for uid in self.folders])
        elif kind == "dashboards/uid" and uid in self.dashboards:
            found = self.dashboards[uid]
            meta = {"url": f"/d/{uid}/x", "folderUid": self.homes[uid], "version": 1}
            self.answer(200, {"dashboard": found, "meta": meta})
        else:
            self.answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        if not self.allowed():
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.posts.append(self.path)
        if self.path == "/api/folders":
            assert set(body) == {"uid", "title"}
            assert body["title"] not in self.folders.values()
            self.folders[body["uid"]] = body["title"]
            self.answer(200, body)
            return
        assert self.path == "/api/dashboards/db"
        assert set(body) == {"dashboard", "folderUid", "overwrite", "message"}
        assert body["folderUid"] in self.folders
        assert body["overwrite"] is True
        assert body["dashboard"]["id"] is None
        assert "version" not in body["dashboard"]
        uid = body["dashboard"]["uid"]
        self.homes[uid] = body["folderUid"]
        version = self.dashboards.get(uid, {}).get("version", 0) + 1
        self.dashboards[uid] = {**body["dashboard"], "id": 7, "version": version}
        self.answer(200, {"uid": uid, "url": f"/d/{uid}/x", "version": version})

    def allowed(self) -> bool:
        if self.refusal:
            self.send(*self.refusal[0])
            return False
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return True
        self.answer(401, {"message": "Invalid API key"})
        return False

    def answer(self, status: int, body: object) -> None:
        self.send(status, json.dumps(body).encode())

    def send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    for kept in (PlayedGrafana.folders, PlayedGrafana.dashboards, PlayedGrafana.homes):
        kept.clear()
    PlayedGrafana.posts.clear()
    PlayedGrafana.refusal.clear()
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


def test_a_board_that_somebody_moved_is_put_back(url: str) -> None:
    grafana = Grafana(url, Secret(TOKEN))
    grafana.push([host()], "tocsin")
    PlayedGrafana.homes["tocsin-host"] = "elsewhere"
    (pushed,) = grafana.push([host()], "tocsin")
    assert pushed.change == "updated"
    assert PlayedGrafana.homes["tocsin-host"] in PlayedGrafana.folders


def test_a_folder_of_that_title_is_used_whoever_made_it(url: str) -> None:
    PlayedGrafana.folders["by-hand"] = "SRE"
    Grafana(url, Secret(TOKEN)).push([host()], "SRE")
    assert PlayedGrafana.homes == {"tocsin-host": "by-hand"}
    assert PlayedGrafana.posts == ["/api/dashboards/db"]


def test_every_board_arrives_with_the_data_source_that_was_named(url: str) -> None:
    boards = [host(), collector()]
    pushed = Grafana(url, Secret(TOKEN), Datasource("Tocsin", "abc")).push(boards, "tocsin")
    assert [one.change for one in pushed] == ["created", "created"]
    for board in PlayedGrafana.dashboards.values():
        assert board["templating"]["list"][0]["current"]["value"] == "abc"


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (403, b'{"message": "Access denied"}', ConfigError, "role Editor"),
        (412, b'{"status": "plugin-dashboard", "message": "owned"}', ConfigError, "owned"),
        (400, b'{"message": "Cannot save provisioned dashboard"}', ConfigError, "from a file"),
        (400, b'{"message": "bad body"}', InputError, "bad body"),
        (404, b"<html>not here</html>", ConfigError, "root URL"),
        (503, b'{"message": "starting"}', UnavailableError, "starting"),
        (200, b"<html>log in</html>", ConfigError, "login page"),
        (302, b"", ConfigError, "login page"),
        (500, b"x" * 100_000, UnavailableError, "x"),
    ],
)
def test_a_refusal_is_told_with_what_to_do(
    url: str, status: int, body: bytes, error: type[TocsinError], words: str
) -> None:
    PlayedGrafana.refusal.append((status, body))
    with pytest.raises(error, match=words) as caught:
        Grafana(url, Secret(TOKEN)).push([host()], "tocsin")
    assert TOKEN not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_password_in_the_url_is_not_shown() -> None:
    with pytest.raises(UnavailableError) as caught:
        Grafana("http://admin:hunter2@127.0.0.1:1", None).push([host()], "tocsin")
    assert "hunter2" not in str(caught.value)


def test_a_wrong_token_is_told_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError, match="service account token") as caught:
        Grafana(url, Secret("wrong-token")).push([host()], "tocsin")
    assert "wrong-token" not in str(caught.value)


def test_a_grafana_that_is_away_is_told_with_its_url() -> None:
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1"):
        Grafana("http://127.0.0.1:1", None).push([host()], "tocsin")
