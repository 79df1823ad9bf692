"""`admin/tsdb/*`: delete series, clean up after that, copy the store. Off unless it is enabled.

Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.json_values import quoted
from collector.api.parameters import MAX_TIME_MS, MIN_TIME_MS, Parameters, invalid, parameters
from collector.model.errors import InputError
from collector.query.parser import parse_selector
from collector.store.interface import Administrator

_Given = Annotated[Parameters, Depends(parameters)]


def router(store: Administrator | None) -> APIRouter:
    """The routes over a store; None when the administration is not enabled."""
    routes = _Routes(store)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/admin/tsdb/delete_series": (routes.delete_series, "POST PUT"),
            "/admin/tsdb/clean_tombstones": (routes.clean_tombstones, "POST PUT"),
            "/admin/tsdb/snapshot": (routes.snapshot, "POST PUT"),
        },
    )
    return api


class _Routes:
    def __init__(self, store: Administrator | None) -> None:
        self._store = store

    def delete_series(self, given: _Given) -> Response:
        """204 when the samples in the range of the series that match are no longer there."""
        if self._store is None:
            return _disabled()
        if not given.texts("match[]"):
            raise InputError("no match[] parameter provided")
        start_ms = given.time_ms("start", MIN_TIME_MS)
        end_ms = given.time_ms("end", MAX_TIME_MS)
        selectors = []
        for text in given.texts("match[]"):
            try:
                selectors.append(parse_selector(text))
            except InputError as error:
                raise invalid("match[]", error.message) from error
        for matchers in selectors:
            self._store.delete(matchers, start_ms, end_ms)
        return envelope.nothing()

    def clean_tombstones(self) -> Response:
        """204 when what was deleted is off the disk."""
        if self._store is None:
            return _disabled()
        self._store.clean_tombstones()
        return envelope.nothing()

    def snapshot(self, given: _Given) -> Response:
        """The name of the copy below `snapshots/`."""
        if self._store is None:
            return _disabled()
        name = self._store.snapshot(given.flag("skip_head"))
        return envelope.success(f'{{"name":{quoted(name)}}}')


def _disabled() -> Response:
    return envelope.error_answer(500, "unavailable", "admin APIs disabled")
