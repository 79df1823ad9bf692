import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.config import ScrapeConfig
from collector.ingest.discovery import file as file_discovery
from collector.ingest.discovery.file import FileDiscovery, read_targets
from collector.model.errors import ConfigError
from collector.model.labels import Labels

Step = Callable[[], object]


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_discovery, "LOOK_EVERY_SECONDS", 0.01)


def follow(pattern: Path, *steps: tuple[Step, str]) -> tuple[list[set[str]], list[str]]:
    """Addresses that are published, and what is told, while the files change step by step.

    A step is over when its word was told, or, where it has none, when something is published.
    """
    config = ScrapeConfig.model_validate(
        {"job_name": "j", "file_sd_configs": [{"files": [str(pattern)]}]}
    )
    published: list[set[str]] = []
    told: list[str] = []

    async def run() -> None:
        task = asyncio.create_task(
            FileDiscovery(config).run(
                lambda found: published.append({one["__address__"] for one in found}),
                lambda error: told.append(str(error)),
            )
        )
        async with asyncio.timeout(60):
            while not published:
                await asyncio.sleep(0.03)
            for step, word in steps:
                seen, heard = len(published), len(told)
                step()
                while len(published) == seen if not word else word not in "".join(told[heard:]):
                    await asyncio.sleep(0.03)
        task.cancel()

    asyncio.run(run())
    return published, told


def put(file: Path, text: str) -> None:
    """Write a file at once: what is half written may be read."""
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def groups(*addresses: str) -> str:
    return "[" + ",".join(f'{{"targets": ["{one}"]}}' for one in addresses) + "]"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", '[{"targets": ["a:1", "b:2"], "labels": {"env": "test", "port": 8}}]'),
        ("t.yml", "- targets: [a:1, b:2]\n  labels: {env: test, port: 8}\n"),
        ("t.yaml", "- targets:\n  - a:1\n  - b:2\n  labels:\n    env: test\n    port: 8\n"),
    ],
)
def test_a_file_has_targets_and_their_labels(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    assert read_targets(file) == [
        Labels(
            {"__address__": one, "__meta_filepath": str(file), "env": "test", "port": "8"},
        )
        for one in ("a:1", "b:2")
    ]


@pytest.mark.parametrize("text", ["", "[]", "# nothing\n"])
def test_an_empty_file_has_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "t.yml"
    file.write_text(text)
    assert read_targets(file) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.json", b"[{"),
        ("t.json", b'{"targets": ["a:1"]}'),
        ("t.json", b'[{"targets": ["a:1"], "lables": {}}]'),
        ("t.json", b'[{"targets": [""]}]'),
        ("t.json", b"\xff"),
        ("t.json", b"[" * 200_000),
        ("t.json", b"[" + b"1," * 5000 + b"1]"),
        ("t.yml", b"- targets: [a:1"),
        ("t.yml", b"- targets: [a:1]\n  labels: [env]\n"),
        ("t.yml", b"!!python/object/apply:os.getcwd []"),
        ("t.yml", b"[" * 20_000),
    ],
)
def test_what_is_no_list_of_targets_is_told_with_the_file(
    tmp_path: Path, name: str, content: bytes
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_targets(file)
    assert caught.value.where.file == str(file)
    assert len(str(caught.value)) < 2000


def test_a_file_over_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_discovery, "MAX_TARGET_FILE_BYTES", 10)
    file = tmp_path / "t.json"
    file.write_text(groups("a:1"))
    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        read_targets(file)


def test_targets_follow_files_that_come_change_and_go(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(groups("a:1"))
    published, told = follow(
        tmp_path / "*.json",
        (lambda: put(one, groups("a:1", "b:2")), ""),
        (lambda: put(other, groups("c:3")), ""),
        (one.unlink, ""),
    )
    assert [published[0], published[-1]] == [{"a:1"}, {"c:3"}]
    assert {"a:1", "b:2"} in published
    assert {"a:1", "b:2", "c:3"} in published
    assert not told


def test_a_broken_file_keeps_its_targets_until_it_is_mended(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.yml", tmp_path / "other.yml"
    broken.write_text(groups("a:1"))
    published, told = follow(
        tmp_path / "*.yml",
        (lambda: put(broken, "- targets: ["), "broken.yml"),
        (lambda: put(other, groups("c:3")), ""),
        (lambda: put(broken, groups("b:2")), ""),
    )
    assert published[0] == {"a:1"}
    assert {"a:1", "c:3"} in published
    assert published[-1] == {"b:2", "c:3"}
    assert "not a list of targets" in told[0]


def test_a_file_that_is_a_directory_is_told_and_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(groups("a:1"))
    published, told = follow(
        tmp_path / "*.json", (lambda: (tmp_path / "odd.json").mkdir(), "Is a directory")
    )
    assert published == [{"a:1"}]
    assert told


def test_a_file_that_takes_another_s_place_is_read_whatever_its_time(tmp_path: Path) -> None:
    file, fresh = tmp_path / "t.json", tmp_path / "t.tmp"
    file.write_text(groups("a:1"))
    fresh.write_text(groups("b:1"))
    for one in (file, fresh):
        os.utime(one, ns=(10**18, 10**18))
    published, told = follow(tmp_path / "t.json", (lambda: fresh.replace(file), ""))
    assert published == [{"a:1"}, {"b:1"}]
    assert not told


def test_what_does_not_change_is_published_once(tmp_path: Path) -> None:
    file, other = tmp_path / "a.json", tmp_path / "b.json"
    file.write_text(groups("a:1"))
    broken = (lambda: put(other, "["), "b.json")
    published, _ = follow(tmp_path / "*.json", broken, (lambda: None, "b.json"))
    assert published == [{"a:1"}]


def test_a_pattern_may_have_a_star_in_any_part(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "web.yml").write_text(groups(f"{place}:1"))
    published, told = follow(tmp_path / "*" / "web.yml")
    assert published == [{"one:1", "two:1"}]
    assert not told
