"""Which route template answered a request: never the raw path, so that series stay few.

Knows what Starlette and FastAPI leave behind in the ASGI scope: `route`, `root_path` of mounts, and
the context of FastAPI's included routers, whose routes no longer carry the router's prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

from tocsin_instrument.names import UNMATCHED

Scope = MutableMapping[str, Any]

REST = "/{path}"
"""What stands for the part of a path that only a mounted application knows."""


class RouteTemplates:
    """Reads the template out of a scope; `app` is asked for its mounts."""

    def __init__(self, app: object) -> None:
        self._app = app

    def __call__(self, scope: Scope, outer_root_path: str) -> str:
        """The template, with the prefixes of mounts and routers, or "" where nothing matched.

        `outer_root_path` is the scope's `root_path` as the server gave it.
        """
        own = _own_path(scope)
        root_path: str = scope.get("root_path", "")
        if root_path == outer_root_path:
            return own
        prefix = _mount_template(self._mounts(), root_path[len(outer_root_path) :])
        return prefix + (own or REST)

    def _mounts(self) -> list[Any]:
        return _mounts_in(getattr(self._app, "routes", ()))


def _own_path(scope: Scope) -> str:
    """The template within the innermost application; "" when only a mount matched."""
    route = scope.get("route")
    if route is None or _is_mount(route):
        return UNMATCHED
    fastapi = scope.get("fastapi")
    if fastapi:
        included = fastapi.get("effective_route_context")
        if included is not None and getattr(included, "original_route", None) is route:
            route = included
    path = getattr(route, "path", UNMATCHED)
    return path if isinstance(path, str) else UNMATCHED


def _mount_template(mounts: Iterable[Any], mounted_path: str) -> str:
    """The template of the mounts that lead to `mounted_path`, or "" where none is found."""
    for mount in mounts:
        match = mount.path_regex.match(mounted_path + "/")
        if match is None:
            continue
        prefix: str = mount.path_format.removesuffix(REST)
        rest = match.group("path").strip("/")
        if not rest:
            return prefix
        return prefix + _mount_template(_mounts_in(mount.routes), "/" + rest)
    return ""


def _mounts_in(routes: Iterable[Any]) -> list[Any]:
    return [route for route in routes if _is_mount(route)]


def _is_mount(route: object) -> bool:
    return getattr(route, "path_format", "").endswith(REST) and hasattr(route, "routes")
