"""A Kubernetes API server that answers from a recording: lists page by page, watches that go on."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLUSTER = Path(__file__).parents[1] / "cases" / "kubernetes" / "cluster.json"


class KubernetesApi:
    """`objects`: path -> items; `send` tells every watch of a path of an event.

    `page` bounds the items of one answer; `refuse` is a status that every request gets.
    """

    def __init__(self, page: int = 2) -> None:
        self.lists: dict[str, Any] = json.loads(CLUSTER.read_text())
        self.page = page
        self.refuse = 0
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self._watches: dict[str, list[queue.SimpleQueue[Any]]] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                params = {name: values[0] for name, values in parse_qs(url.query).items()}
                owner.asked.append((url.path, params, dict(self.headers)))
                if owner.refuse:
                    self._answer(owner.refuse, {"kind": "Status", "message": "no"})
                elif url.path == "/version":
                    self._answer(200, {"major": "1", "minor": "25", "gitVersion": "v1.25.0"})
                elif owner._listed(url.path) is None:
                    self._answer(404, {"kind": "Status", "message": f"no {url.path}"})
                elif params.get("watch") in ("true", "1"):
                    self._watch(url.path)
                else:
                    self._answer(200, owner._page(url.path, params))

            def _answer(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _watch(self, path: str) -> None:
                events: queue.SimpleQueue[Any] = queue.SimpleQueue()
                owner._watches.setdefault(path, []).append(events)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while (event := events.get()) is not None:
                    line = json.dumps(event).encode() + b"\n"
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _listed(self, path: str) -> dict[str, Any] | None:
        """A list, by the path of all namespaces or of one."""
        found: dict[str, Any] | None = self.lists.get(path)
        head, middle, rest = path.partition("/namespaces/")
        if found is None and middle and "/" in rest:
            namespace, _, plural = rest.partition("/")
            everywhere = self.lists.get(f"{head}/{plural}")
            if everywhere is not None:
                items = [
                    one
                    for one in everywhere["items"]
                    if one["metadata"].get("namespace") == namespace
                ]
                return {**everywhere, "items": items}
        return found

    def _page(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        found = self._listed(path) or {}
        begin = int(params.get("continue", "0"))
        end = begin + self.page if "limit" in params else len(found["items"])
        metadata = {"resourceVersion": "100"}
        if end < len(found["items"]):
            metadata["continue"] = str(end)
        return {**found, "metadata": metadata, "items": found["items"][begin:end]}

    def send(self, path: str, kind: str, item: Any) -> None:
        for events in self._watches.get(path, []):
            events.put({"type": kind, "object": item})

    def is_watched(self, path: str) -> bool:
        return bool(self._watches.get(path))

    def end_watches(self) -> None:
        for watches in self._watches.values():
            for events in watches:
                events.put(None)
        self._watches.clear()

    def close(self) -> None:
        self.end_watches()
        self._server.shutdown()
        self._server.server_close()
