"""Pure ASGI middleware: counts, times, names and logs every HTTP request of one app.

A request is counted once, just before the last part of its answer is handed to the server, so that
a client that has the answer finds it counted. Work after the answer is not the request's time.

What is counted when the answer does not come to its end:
an exception before the end counts as 500 and is raised again; an app that returns without an
answer counts as 500, or as 499 when the client had left; a client that leaves in the middle of an
answer leaves the status that was sent; a cancelled request counts as what was sent, or as 499.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Protocol

from tocsin_instrument.access_log import AccessLog
from tocsin_instrument.metrics import HttpMetrics
from tocsin_instrument.names import CLIENT_CLOSED_REQUEST, KNOWN_METHODS, OTHER, SERVER_ERROR
from tocsin_instrument.request_context import RequestContext, context_from, current_request
from tocsin_instrument.routes import RouteTemplates

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class OpenSpan(Protocol):
    """A span that was begun for a request and must be ended once."""

    def end(self, method: str, route: str, status: int, error: BaseException | None) -> None:
        """Name it after the route, give it the outcome, and hand it to the exporter."""

    def leave(self) -> None:
        """Stop being the current span."""


class Spans(Protocol):
    """Begins a span for a request and puts the span's ids into its context."""

    def begin(self, scope: Scope, context: RequestContext) -> OpenSpan:
        """The open span; it is the current one until `leave`."""


class InstrumentedApp:
    """Wraps `app`; `pages` answer their paths themselves and are not counted as requests.

    `ensure_exporting` is called with each request and must be cheap; `at_shutdown`, which may take
    its time, when the server has ended the app's lifespan.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: HttpMetrics,
        route_of: RouteTemplates,
        pages: dict[str, ASGIApp],
        access_log: AccessLog | None = None,
        spans: Spans | None = None,
        ensure_exporting: Callable[[], None] | None = None,
        at_shutdown: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._route_of = route_of
        self._pages = pages
        self._access_log = access_log
        self._spans = spans
        self._ensure_exporting = ensure_exporting
        self._at_shutdown = at_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page, pass websockets through, measure everything else."""
        kind = scope["type"]
        if kind != "http":
            await self._app(scope, receive, send)
            if kind == "lifespan":
                await asyncio.to_thread(self._at_shutdown)
            return
        path: str = scope["path"]
        root_path: str = scope.get("root_path") or ""
        page = self._pages.get(path.removeprefix(root_path) if root_path else path)
        if page is not None:
            await page(scope, receive, send)
            return
        await self._measured(scope, receive, send, root_path)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, root_path: str) -> None:
        if self._ensure_exporting is not None:
            self._ensure_exporting()
        context = context_from(scope["headers"])
        span = None if self._spans is None else self._spans.begin(scope, context)
        token = current_request.set(context)
        exchange = Exchange(self, scope, receive, send, root_path, context, span)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError as error:
            exchange.end(exchange.status or CLIENT_CLOSED_REQUEST, error)
            raise
        except BaseException as error:
            exchange.end(SERVER_ERROR, error)
            raise
        else:
            exchange.end(exchange.status_of_unfinished(), None)
        finally:
            current_request.reset(token)
            if span is not None:
                span.leave()

    def record(self, exchange: Exchange, status: int, error: BaseException | None) -> None:
        """Count, trace and log one request whose outcome is known."""
        seconds = perf_counter() - exchange.started
        route = self._route_of(exchange.scope, exchange.root_path)
        method = exchange.method
        self._metrics.active(method).dec()
        self._metrics.observe(route, method, status, seconds)
        if exchange.span is not None:
            exchange.span.end(method, route, status, error)
        if self._access_log is not None:
            self._access_log.write(exchange.scope, route, status, seconds, error)

    def count_arrival(self, method: str) -> None:
        """One more request in flight."""
        self._metrics.active(method).inc()


class Exchange:
    """One request and its answer: what was sent so far, and whether it was counted."""

    __slots__ = (
        "_owner",
        "_receive",
        "_request_id",
        "_send",
        "disconnected",
        "ended",
        "method",
        "root_path",
        "scope",
        "span",
        "started",
        "status",
    )

    def __init__(
        self,
        owner: InstrumentedApp,
        scope: Scope,
        receive: Receive,
        send: Send,
        root_path: str,
        context: RequestContext,
        span: OpenSpan | None,
    ) -> None:
        self.started = perf_counter()
        self.scope = scope
        self.root_path = root_path
        self.method = KNOWN_METHODS.get(scope["method"], OTHER)
        self.status = 0
        self.ended = False
        self.disconnected = False
        self.span = span
        self._owner = owner
        self._receive = receive
        self._send = send
        self._request_id = context.request_id
        owner.count_arrival(self.method)

    async def receive(self) -> Message:
        """The app's `receive`; notes when the client has left."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.disconnected = True
        return message

    async def send(self, message: Message) -> None:
        """The app's `send`: adds the request id, and ends the exchange with its last part."""
        kind = message["type"]
        if kind == "http.response.start":
            self.status = message["status"]
            message = self._with_request_id(message)
        elif kind == "http.response.body" and not message.get("more_body", False):
            self.end(self.status, None)
        await self._send(message)

    def end(self, status: int, error: BaseException | None) -> None:
        """Record the exchange, unless it was recorded before."""
        if not self.ended:
            self.ended = True
            self._owner.record(self, status, error)

    def status_of_unfinished(self) -> int:
        """What a return of the app without the answer's last part counts as."""
        if self.disconnected:
            return self.status or CLIENT_CLOSED_REQUEST
        return SERVER_ERROR

    def _with_request_id(self, message: Message) -> Message:
        headers = list(message.get("headers", ()))
        for name, _ in headers:
            if name == b"x-request-id":
                return message
        headers.append((b"x-request-id", self._request_id.encode("ascii")))
        return {**message, "headers": headers}
