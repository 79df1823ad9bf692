"""A Kubernetes API server that answers from a recording: lists page by page, watches that go on.

`put` and `remove` change its objects as a cluster would: each has a version of its own, a watch
that begins at a version is told all that came after it, and a selector hides what doesn't match.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLUSTER = Path(__file__).parents[1] / "cases" / "kubernetes" / "cluster.json"
FIRST_VERSION = 100

Object = Mapping[str, Any]


@dataclass(frozen=True)
class _Change:
    """What became of one object; `before` or `after` is None where it was not, or is no more."""

    version: int
    path: str
    before: Object | None
    after: Object | None


@dataclass
class _Watcher:
    path: str
    params: Mapping[str, str]
    events: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)

    def tell(self, change: _Change) -> None:
        """The event that such a watch sees of a change; none of what it does not select."""
        before, after = (self._seen(one) for one in (change.before, change.after))
        if after is not None:
            kind = "ADDED" if before is None else "MODIFIED"
            self.events.put({"type": kind, "object": after})
        elif before is not None:
            metadata = {**before["metadata"], "resourceVersion": str(change.version)}
            self.events.put({"type": "DELETED", "object": {**before, "metadata": metadata}})

    def _seen(self, one: Object | None) -> Object | None:
        namespace = _namespace_of(self.path)
        if one is None or (namespace and one["metadata"].get("namespace") != namespace):
            return None
        return one if selects(self.params, one) else None


class KubernetesApi:
    """`lists`: path -> items; `send` tells every watch of a path of an event.

    `page` bounds the items of one answer; `refuse` is a status that every request gets.
    """

    def __init__(self, page: int = 2) -> None:
        self.lists: dict[str, Any] = json.loads(CLUSTER.read_text())
        self.page = page
        self.refuse = 0
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self._version = FIRST_VERSION
        self._changes: list[_Change] = []
        self._watches: list[_Watcher] = []
        self._lock = threading.RLock()
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
                elif _everywhere(url.path) not in owner.lists:
                    self._answer(404, {"kind": "Status", "message": f"no {url.path}"})
                elif params.get("watch") in ("true", "1"):
                    self._watch(url.path, params)
                else:
                    self._answer(200, owner._page(url.path, params))

            def _answer(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _watch(self, path: str, params: dict[str, str]) -> None:
                watcher = owner._begin_watch(path, params)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    while (event := watcher.events.get()) is not None:
                        line = json.dumps(event).encode() + b"\n"
                        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                        self.wfile.flush()
                    self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    self.close_connection = True  # who watched has gone

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _page(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        """A list, by the path of all namespaces or of one."""
        with self._lock:
            found, namespace = self.lists[_everywhere(path)], _namespace_of(path)
            items = [
                one
                for one in found["items"]
                if namespace in ("", one["metadata"].get("namespace")) and selects(params, one)
            ]
            begin = int(params.get("continue", "0"))
            end = begin + self.page if "limit" in params else len(items)
            metadata = {"resourceVersion": str(self._version)}
            if end < len(items):
                metadata["continue"] = str(end)
            return {**found, "metadata": metadata, "items": items[begin:end]}

    def _begin_watch(self, path: str, params: dict[str, str]) -> _Watcher:
        watcher = _Watcher(path, params)
        known = int(params.get("resourceVersion") or self._version)
        with self._lock:
            for change in self._changes:
                if change.version > known and change.path == _everywhere(path):
                    watcher.tell(change)
            self._watches.append(watcher)
        return watcher

    def put(self, path: str, item: dict[str, Any]) -> None:
        """An object as it is from now on; `path` is that of all namespaces."""
        self._change(path, item, item)

    def remove(self, path: str, item: Object) -> None:
        """No such object any more."""
        self._change(path, item, None)

    def _change(self, path: str, item: Object, after: dict[str, Any] | None) -> None:
        with self._lock:
            self._version += 1
            items = self.lists[path]["items"]
            before = next((one for one in items if _name(one) == _name(item)), None)
            kept = [one for one in items if one is not before]
            if after is not None:
                metadata = {**after["metadata"], "resourceVersion": str(self._version)}
                after = {**_kind(self.lists[path]), **after, "metadata": metadata}
                kept.append(after)
            self.lists[path]["items"] = kept
            change = _Change(self._version, path, before, after)
            self._changes.append(change)
            for watcher in self._watches:
                if _everywhere(watcher.path) == path:
                    watcher.tell(change)

    def send(self, path: str, kind: str, item: Any) -> None:
        for watcher in self._of(path):
            watcher.events.put({"type": kind, "object": item})

    def is_watched(self, path: str) -> bool:
        return bool(self._of(path))

    def _of(self, path: str) -> list[_Watcher]:
        with self._lock:
            return [one for one in self._watches if one.path == path]

    def end_watches(self) -> None:
        with self._lock:
            for watcher in self._watches:
                watcher.events.put(None)
            self._watches.clear()

    def close(self) -> None:
        self.end_watches()
        self._server.shutdown()
        self._server.server_close()


def _everywhere(path: str) -> str:
    """The path of a kind in all namespaces: `/api/v1/namespaces/shop/pods` -> `/api/v1/pods`."""
    head, middle, rest = path.partition("/namespaces/")
    return f"{head}/{rest.partition('/')[2]}" if middle and "/" in rest else path


def _namespace_of(path: str) -> str:
    _, _, rest = path.partition("/namespaces/")
    return rest.partition("/")[0] if "/" in rest else ""


def _kind(listed: Object) -> Object:
    """What an object says of itself, by the list that it is in."""
    kind = str(listed["kind"]).removesuffix("List")
    return {"apiVersion": listed["apiVersion"], "kind": kind}


def _name(one: Object) -> tuple[str, str]:
    return one["metadata"].get("namespace", ""), one["metadata"]["name"]


def selects(params: Mapping[str, str], one: Object) -> bool:
    """Whether labelSelector and fieldSelector of a request take an object: `a=b`, `a!=b`, `a`."""
    labels = one["metadata"].get("labels") or {}
    return all(_holds(term, labels.get) for term in _terms(params, "labelSelector")) and all(
        _holds(term, lambda name: _field(one, name)) for term in _terms(params, "fieldSelector")
    )


def _terms(params: Mapping[str, str], name: str) -> list[str]:
    return [term for term in params.get(name, "").split(",") if term]


def _holds(term: str, value_of: Any) -> bool:
    name, unequal, value = term.partition("!=")
    if unequal:
        return bool(value_of(name) != value)
    name, equal, value = term.replace("==", "=").partition("=")
    return bool(value_of(name) == value) if equal else value_of(name) is not None


def _field(one: Any, name: str) -> Any:
    for step in name.split("."):
        one = (one or {}).get(step)
    return one
