"""Asks sources again and again, each on its own interval; what one said last stays in force."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from collector.ingest.discovery.interface import Fail, Publish
from collector.model.errors import TocsinError
from collector.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Source:
    """One thing to ask: how, and how often."""

    look_up: Callable[[], Awaitable[list[Labels]]]
    interval_ms: int


async def refresh(sources: Sequence[Source], publish: Publish, fail: Fail) -> None:
    """Publish what all sources say together, whenever one of them says something else."""
    said: dict[int, list[Labels]] = {}

    async def follow(number: int, source: Source) -> None:
        while True:
            try:
                found = await source.look_up()
            except (TocsinError, OSError) as error:
                fail(error)
            else:
                if said.get(number) != found:
                    said[number] = found
                    publish([labels for key in sorted(said) for labels in said[key]])
            await asyncio.sleep(source.interval_ms / 1000)

    async with asyncio.TaskGroup() as group:
        for number, source in enumerate(sources):
            group.create_task(follow(number, source))
