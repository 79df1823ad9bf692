"""`tocsin dashboards build` and `push`: boards as files, and into a Grafana."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.model.errors import ConfigError
from tocsin.commands.output import Output, emit
from tocsin.packs import EMBEDDED_CONFIG

if TYPE_CHECKING:
    from dashboards.grafana import Datasource
    from tocsin.config import Config

CONFIG = typer.Option(EMBEDDED_CONFIG, "--config", "-c", help="Configuration file.")


def build_boards(
    directory: Path = typer.Option(..., "--output-dir", "-o", help="Where the JSON files go."),
    config: Path = CONFIG,
    output: Output = Output.table,
) -> None:
    """Write every board as JSON that Grafana 11 to 13 loads as it is."""
    from dashboards.boards import all_boards
    from dashboards.build import write_boards

    loaded = _load(config)
    written = write_boards(all_boards(loaded.objectives), directory, _datasource(loaded))
    emit(
        [{"board": w.board.title, "file": str(w.path), "change": w.change} for w in written], output
    )


def push_boards(
    config: Path = CONFIG,
    url: str = typer.Option("", help="Grafana's URL, instead of dashboards.grafana.url."),
    output: Output = Output.table,
) -> None:
    """Create or update every board in Grafana; a second push changes nothing."""
    from collector.model.secrets import Secret
    from dashboards.boards import all_boards
    from dashboards.publish import Grafana

    loaded = _load(config)
    grafana = loaded.dashboards.grafana
    if not (url or grafana.url):
        raise ConfigError("no Grafana is named", advice="set dashboards.grafana.url, or give --url")
    token = grafana.token
    if grafana.token_file:
        token = Secret(Path(grafana.token_file).read_text(encoding="utf-8").strip())
    client = Grafana(url or grafana.url, token, _datasource(loaded))
    pushed = client.push(all_boards(loaded.objectives), grafana.folder)
    emit([{"board": p.board.title, "change": p.change, "url": p.url} for p in pushed], output)


def _datasource(config: Config) -> Datasource | None:
    from dashboards.grafana import Datasource

    wanted = config.dashboards.datasource
    return Datasource(wanted.name, wanted.uid) if wanted is not None else None


def _load(file: Path) -> Config:
    from tocsin.config import load_config

    return load_config(file, {"TOCSIN_ADDRESS": "127.0.0.1:9900", **os.environ})
