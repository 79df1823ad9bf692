"""Keeps the objects of one kind: lists them page by page, then follows their changes.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from collector.ingest.discovery.interface import Fail
from collector.ingest.http.client import ApiClient
from collector.model.errors import InputError, TocsinError, UnavailableError

PAGE_OBJECTS = 500
"""What one answer of a list holds: a large cluster is not read in one piece."""
MAX_PAGE_BYTES = 512 * 1024 * 1024
"""Objects are at most 1.5 MB each; such a page is broken."""
LIST_SECONDS = 60.0
WATCH_SECONDS = 300
"""The server ends a watch after this time; then it is begun again from where it was."""
RETRY_SECONDS = 5.0
OK, GONE = 200, 410


@dataclass(frozen=True, slots=True)
class Kind:
    """Objects of one kind in the API."""

    role: str
    api: str
    plural: str
    is_namespaced: bool = True


_CORE = "/api/v1"
KINDS: Mapping[str, Kind] = {
    kind.role: kind
    for kind in (
        Kind("pod", _CORE, "pods"),
        Kind("service", _CORE, "services"),
        Kind("endpoints", _CORE, "endpoints"),
        Kind("node", _CORE, "nodes", is_namespaced=False),
        Kind("namespace", _CORE, "namespaces", is_namespaced=False),
        Kind("endpointslice", "/apis/discovery.k8s.io/v1", "endpointslices"),
        Kind("ingress", "/apis/networking.k8s.io/v1", "ingresses"),
    )
}


class Watch:
    """The objects at one path, as the server told them last."""

    def __init__(
        self,
        client: ApiClient,
        server: str,
        kind: Kind,
        path: str,
        selector: Mapping[str, str],
        changed: Callable[[], None],
        fail: Fail,
    ) -> None:
        self.kind = kind
        self.is_listed = False
        self._client = client
        self._url = server + path
        self._selector = dict(selector)
        self._changed = changed
        self._fail = fail
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}
        self._version = ""

    def objects(self) -> list[dict[str, Any]]:
        """All of them, by namespace and name."""
        return [self._objects[key] for key in sorted(self._objects)]

    async def run(self) -> None:
        """List and watch for ever; a failure keeps the objects and is told."""
        while True:
            try:
                await self._list()
                while await self._watch():
                    pass
            except (TocsinError, OSError) as error:
                self._fail(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self) -> None:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        params = {**self._selector, "limit": str(PAGE_OBJECTS)}
        while True:
            answer = await self._client.get(
                self._url,
                params=params,
                headers={"Accept": "application/json"},
                timeout_seconds=LIST_SECONDS,
                limit_bytes=MAX_PAGE_BYTES,
            )
            if answer.status == GONE and "continue" in params:
                # the pages before are too old to go on from: from the start
                params.pop("continue")
                found.clear()
                continue
            if answer.status != OK:
                raise _refused(self._url, answer.status, answer.body)
            page = _read(answer.body, self._url)
            found.update((_key(item), item) for item in page.get("items") or ())
            metadata = page.get("metadata", {})
            self._version = metadata.get("resourceVersion", "")
            if not metadata.get("continue"):
                break
            params["continue"] = metadata["continue"]
        self._objects = found
        self.is_listed = True
        self._changed()

    async def _watch(self) -> bool:
        """Follow changes until the server ends them; False when a new list is needed."""
        params = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        timeout = WATCH_SECONDS + LIST_SECONDS
        async with self._client.lines(self._url, params=params, timeout_seconds=timeout) as opened:
            status, lines = opened
            if status == GONE:
                return False
            if status != OK:
                raise _refused(self._url, status, b"")
            async for line in lines:
                if line and not self._take(_read(line, self._url)):
                    return False
        return True

    def _take(self, event: dict[str, Any]) -> bool:
        """Apply one event; False for an error, after which a list is needed."""
        item = event.get("object") or {}
        if event.get("type") == "ERROR":
            return False
        self._version = item.get("metadata", {}).get("resourceVersion", self._version)
        if event.get("type") in ("ADDED", "MODIFIED"):
            self._objects[_key(item)] = item
        elif event.get("type") == "DELETED":
            self._objects.pop(_key(item), None)
        else:
            return True
        self._changed()
        return True


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    metadata = item.get("metadata", {})
    return metadata.get("namespace", ""), metadata.get("name", "")


def _read(text: bytes | str, url: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{url} answers with what is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{url} answers with JSON that is no object")
    return value


def _refused(url: str, status: int, body: bytes) -> UnavailableError:
    try:
        reason = str(json.loads(body)["message"])[:300]
    except (ValueError, KeyError, TypeError):
        reason = ""
    return UnavailableError(
        f"{url} answered HTTP {status} {reason}".rstrip(),
        advice="the service account needs get, list and watch on these objects",
    )
