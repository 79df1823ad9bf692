"""Targets from JSON or YAML files, re-read on change.

A file that can't be read keeps the targets that it had; the reason is logged.
"""

from __future__ import annotations

import asyncio
import glob
import json
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from collector.config import ScrapeConfig
from collector.discovery_config import FileSdConfig, StaticConfig
from collector.ingest.discovery.interface import Fail, Publish
from collector.ingest.discovery.static import targets_of
from collector.ingest.limits import MAX_TARGET_FILE_BYTES
from collector.model.errors import ConfigError, Where
from collector.model.labels import Labels

LOOK_EVERY_SECONDS = 5.0
"""How often it is looked whether files changed; refresh_interval only shortens it."""

MAX_TOLD_CHARACTERS = 500
"""Of what is wrong with a file: each of its groups may be."""

_Stamp = tuple[int, int, int]
"""By what a file is taken for unchanged: time of change, size, inode."""
_GROUPS = TypeAdapter(list[StaticConfig])


class FileDiscovery:
    """Follows the files of `file_sd_configs`."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._sections: Sequence[FileSdConfig] = config.file_sd_configs
        self._known: dict[Path, tuple[_Stamp, list[Labels]]] = {}

    async def run(self, publish: Publish, fail: Fail) -> None:
        """Publish at the start and whenever a file came, changed or went."""
        shortest_ms = min(section.refresh_interval for section in self._sections)
        first = True
        while True:
            changed, errors = await asyncio.to_thread(self._look)
            for error in errors:
                fail(error)
            if changed or first:
                publish([labels for _, found in self._known.values() for labels in found])
            first = False
            await asyncio.sleep(min(shortest_ms / 1000, LOOK_EVERY_SECONDS))

    def _look(self) -> tuple[bool, list[Exception]]:
        """Whether anything changed, and the files that could not be read."""
        files = {
            Path(name)
            for section in self._sections
            for pattern in section.files
            for name in glob.glob(pattern)
        }
        changed, errors = False, list[Exception]()
        for file in sorted(files):
            try:
                changed |= self._read_if_changed(file)
            except (OSError, ConfigError) as error:
                errors.append(error)
        gone = set(self._known) - files
        for file in gone:
            del self._known[file]
        return bool(gone) or changed, errors

    def _read_if_changed(self, file: Path) -> bool:
        found = file.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if file in self._known and self._known[file][0] == stamp:
            return False
        self._known[file] = (stamp, read_targets(file))
        return True


def read_targets(file: Path) -> list[Labels]:
    """The targets of one file, each with `__meta_filepath`; raises ConfigError, OSError."""
    where = Where(str(file))
    if file.stat().st_size > MAX_TARGET_FILE_BYTES:
        raise ConfigError(f"larger than {MAX_TARGET_FILE_BYTES:,} bytes", where=where)
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
        groups = _GROUPS.validate_python(data or [])
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise ConfigError(
            f"not a list of targets: {str(error)[:MAX_TOLD_CHARACTERS]}",
            where=where,
            advice='write [{"targets": ["host:port"], "labels": {…}}]',
        ) from error
    return [labels.merged({"__meta_filepath": str(file)}) for labels in targets_of(groups)]
