"""Laws for every entry of EXPORTERS."""

import subprocess
from collections.abc import Callable

import pytest

from collector.exporters import EXPORTERS
from collector.ingest.formats.text import TextParser


@pytest.mark.parametrize("name", EXPORTERS)
def test_exposition_is_the_text_format_with_help_and_type(name: str) -> None:
    page = TextParser().parse(EXPORTERS[name]().exposition())
    assert len(page) > 0
    assert page.metadata is not None
    for family, metadata in page.metadata.items():
        assert metadata.help, f"{family} has no help"
        assert metadata.type != "unknown", f"{family} has no type"


@pytest.mark.parametrize("name", EXPORTERS)
def test_no_series_stands_twice(name: str) -> None:
    page = TextParser().parse(EXPORTERS[name]().exposition())
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("name", EXPORTERS)
def test_two_expositions_have_the_same_series(name: str) -> None:
    exporter, parser = EXPORTERS[name](), TextParser()
    first, second = parser.parse(exporter.exposition()), parser.parse(exporter.exposition())
    assert first.layout is second.layout


@pytest.mark.peer
@pytest.mark.parametrize("name", EXPORTERS)
def test_promtool_finds_nothing_that_node_exporter_has_not(
    name: str, binary: Callable[[str], str]
) -> None:
    """node_exporter takes /proc/meminfo's field names as they are; that is all one may find."""
    done = subprocess.run(
        [binary("promtool"), "check", "metrics"],
        input=EXPORTERS[name]().exposition(),
        capture_output=True,
        check=False,
    )
    lines = (done.stdout + done.stderr).decode().splitlines()
    assert [line for line in lines if not line.startswith("node_memory_")] == []
