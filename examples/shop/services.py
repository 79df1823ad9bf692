"""The three processes as FastAPI apps: web, orders, payments.

Each answers its own part and asks the next one, once: a failure is passed on, never retried, so
that what a client sees is what was counted. An answer of the next service that is no success
becomes 502.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from examples.shop.fault_switch import switch_of
from examples.shop.faults import Faults, meets
from tocsin_instrument import instrument, outgoing_headers

DOWNSTREAM_TIMEOUT_SECONDS = 65.0
"""Above the longest latency that can be switched, so that latency stays latency."""

CATALOGUE = {
    "pen": 250,
    "notebook": 690,
    "lamp": 4900,
}
"""Prices in cents."""


class Checkout(BaseModel):
    """What a customer sends to POST /checkout."""

    model_config = ConfigDict(extra="forbid")

    product: str = "pen"
    quantity: Annotated[int, Field(ge=1, le=100)] = 1


class Payment(BaseModel):
    """What orders asks of payments."""

    model_config = ConfigDict(extra="forbid")

    amount_cents: Annotated[int, Field(ge=1)]


class Next:
    """The next service down the line."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=DOWNSTREAM_TIMEOUT_SECONDS)

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Its answer to one request that carries this request's trace; HTTPException 502 if bad."""
        try:
            answer = await self._client.post(path, json=body, headers=outgoing_headers())
        except httpx.HTTPError as error:
            raise HTTPException(502, f"{path}: {type(error).__name__}") from error
        if not answer.is_success:
            raise HTTPException(502, f"{path} answered {answer.status_code}")
        found: dict[str, Any] = answer.json()
        return found

    async def is_there(self) -> bool:
        """Whether it answers its liveness check."""
        return (await self._client.get("/health/live", timeout=1)).is_success

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def payments(faults: Faults) -> FastAPI:
    """Takes payments: POST /payments."""
    routes = APIRouter(dependencies=[Depends(meets(faults))])

    @routes.post("/payments")
    async def pay(payment: Payment) -> dict[str, object]:
        return {"paid_cents": payment.amount_cents}

    return _app("shop-payments", faults, routes)


def orders(faults: Faults, payments_url: str) -> FastAPI:
    """Takes orders and has them paid: POST /orders."""
    routes = APIRouter(dependencies=[Depends(meets(faults))])
    next_service = Next(payments_url)

    @routes.post("/orders")
    async def order(checkout: Checkout) -> dict[str, object]:
        price = CATALOGUE.get(checkout.product)
        if price is None:
            raise HTTPException(404, f"no product {checkout.product!r}")
        paid = await next_service.post("/payments", {"amount_cents": price * checkout.quantity})
        return {"product": checkout.product, "quantity": checkout.quantity, **paid}

    return _app("shop-orders", faults, routes, next_service)


def web(faults: Faults, orders_url: str) -> FastAPI:
    """What customers see: GET /, GET /products, GET /products/{product}, POST /checkout."""
    routes = APIRouter(dependencies=[Depends(meets(faults))])
    next_service = Next(orders_url)

    @routes.get("/", response_class=HTMLResponse)
    async def home() -> str:
        return (
            "<!doctype html><title>shop</title><h1>A shop to break</h1>"
            "<p><a href=/products>Products</a>, <a href=/faults>the switch for faults</a>"
        )

    @routes.get("/products")
    async def products() -> dict[str, int]:
        return CATALOGUE

    @routes.get("/products/{product}")
    async def product(product: str) -> dict[str, object]:
        if product not in CATALOGUE:
            raise HTTPException(404, f"no product {product!r}")
        return {"product": product, "price_cents": CATALOGUE[product]}

    @routes.post("/checkout")
    async def checkout(checkout: Checkout) -> dict[str, object]:
        if checkout.product not in CATALOGUE:
            raise HTTPException(404, f"no product {checkout.product!r}")
        return await next_service.post("/orders", checkout.model_dump())

    return _app("shop-web", faults, routes, next_service)


def _app(
    service: str, faults: Faults, routes: APIRouter, next_service: Next | None = None
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if next_service is not None:
            await next_service.close()

    app = FastAPI(title=service, lifespan=lifespan)
    app.include_router(switch_of(service, faults))
    app.include_router(routes)
    ready: dict[str, Callable[[], Awaitable[bool | None]]] = {}
    if next_service is not None:
        ready["downstream"] = next_service.is_there
    instrument(app, service, ready=ready)
    return app
