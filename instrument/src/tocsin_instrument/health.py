"""Health endpoints: live (restart me when this fails), ready (send me traffic), startup (wait).

Each runs its checks at the same time, each within a time limit; a check fails by returning False or
by raising. The answer names the checks that failed and the type of what they raised; the message,
which may hold an address or a password, goes to the log only.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Check = Callable[[], Awaitable[bool | None] | bool | None]
"""A health check, sync (run in a thread) or async; False or an exception is a failure."""

CHECK_TIMEOUT_SECONDS = 2.0
"""Below the usual 3 s to 5 s of load balancers, so that they get an answer with the reason."""

_log = logging.getLogger("tocsin_instrument.health")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check said: `error` is "" when it passed."""

    name: str
    error: str


class HealthPage:
    """An ASGI app that answers 200 when every check passes and 503 otherwise, as JSON.

    With `stays_passed` the checks run no more once all have passed: a started app has started.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        *,
        stays_passed: bool = False,
        timeout_seconds: float = CHECK_TIMEOUT_SECONDS,
    ) -> None:
        self._checks = dict(checks)
        self._stays_passed = stays_passed
        self._timeout_seconds = timeout_seconds
        self._passed = False

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: object, send: Callable[..., Awaitable[None]]
    ) -> None:
        """Run the checks and answer."""
        outcomes = [] if self._passed else await self._outcomes()
        passed = not any(outcome.error for outcome in outcomes)
        self._passed = self._stays_passed and passed
        body = {
            "status": "pass" if passed else "fail",
            "checks": {
                outcome.name: {"status": "fail", "error": outcome.error}
                if outcome.error
                else {"status": "pass"}
                for outcome in outcomes
            },
        }
        await answer(send, 200 if passed else 503, "application/json", json.dumps(body).encode())

    async def _outcomes(self) -> list[Outcome]:
        runs = (self._run(name, check) for name, check in self._checks.items())
        return list(await asyncio.gather(*runs))

    async def _run(self, name: str, check: Check) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                verdict = await _verdict(check)
        except TimeoutError:
            return Outcome(name, f"no answer within {self._timeout_seconds:g} s")
        except Exception as error:
            _log.warning("health check %s failed", name, exc_info=True)
            return Outcome(name, type(error).__qualname__)
        return Outcome(name, "returned False" if verdict is False else "")


async def _verdict(check: Check) -> object:
    if inspect.iscoroutinefunction(check):
        return await check()
    result = await asyncio.to_thread(check)
    return await result if inspect.isawaitable(result) else result


async def answer(
    send: Callable[..., Awaitable[None]],
    status: int,
    content_type: str,
    body: bytes,
    more_headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Send one whole response that no cache may keep."""
    headers = [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        *more_headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
