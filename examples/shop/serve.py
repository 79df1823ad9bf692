"""Runs one of the three processes until it is told to end."""

from __future__ import annotations

import logging

import uvicorn
from fastapi import FastAPI

from examples.shop import services
from examples.shop.faults import Faults

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75
"""Longer than any client here keeps a connection, so that none is closed under a request."""


def serve(app: FastAPI, port: int, host: str = HOST) -> None:
    """Serve until SIGINT or SIGTERM; logs go where the instrumentation sends them."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    uvicorn.Server(config).run()


def build(name: str, seed: int, orders_url: str, payments_url: str) -> FastAPI:
    """The app of the process called `name`."""
    faults = Faults(seed)
    match name:
        case "web":
            return services.web(faults, orders_url)
        case "orders":
            return services.orders(faults, payments_url)
        case _:
            return services.payments(faults)
