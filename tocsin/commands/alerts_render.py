"""`tocsin alerts render`: a receiver's messages as they would be sent, before anyone gets one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError

from collector.model.clock import SystemClock
from collector.model.errors import InputError, Where
from tocsin.commands.output import Output, emit

if TYPE_CHECKING:
    from alerts.notification import Notification
    from alerts.receivers import Integration
    from collector.model.alert import Alert
    from tocsin.config import Config

ADDRESS = {"TOCSIN_ADDRESS": "127.0.0.1:9900"}
MAX_FILE_BYTES = 16 * 1024 * 1024
"""A larger file of alerts is no example."""


def render(
    receiver: str = typer.Argument(help="The name of a receiver."),
    config: Path = typer.Option(..., "--config", "-c", "--config.file", help="Configuration."),
    alerts: Path = typer.Option(
        None, help="JSON of alerts, as the API answers or a webhook gets them; else examples."
    ),
    resolved: bool = typer.Option(False, "--resolved", help="Show what is said when it is over."),
    output: Output = Output.table,
) -> None:
    """Show each message of a receiver for example or given alerts; exit 1 when a template fails."""
    from alerts.receivers import build_integrations
    from tocsin.config import load_config

    loaded = load_config(config, {**ADDRESS, **os.environ})
    clock = SystemClock()
    notification = _notification(loaded, receiver, _alerts(alerts, resolved, clock.now_ms()), clock)
    built = build_integrations(loaded.alerts, loaded.alerts_global, clock, loaded.alert_templates)
    rows = [_row(one, notification) for one in built if one.receiver == receiver]
    for one in built:
        one.channel.close()
    emit(rows, output, plain=lambda: _print(rows))
    if any(row["problems"] for row in rows):
        raise typer.Exit(1)


def _row(integration: Integration, notification: Notification) -> Mapping[str, object]:
    preview = integration.channel.preview(notification)
    return {
        "integration": integration.key,
        "message": preview.text,
        "problems": list(preview.problems),
    }


def _print(rows: Sequence[Mapping[str, object]]) -> None:
    for row in rows:
        typer.echo(f"# {row['integration']}\n{row['message']}\n")
        problems = row["problems"]
        for problem in problems if isinstance(problems, list) else ():
            typer.echo(f"{row['integration']}: {problem}", err=True)


def _alerts(file: Path | None, resolved: bool, now_ms: int) -> Sequence[Alert]:
    from alerts import example

    found = example.example_alerts(now_ms) if file is None else _read(file, now_ms)
    if not found:
        raise InputError("no alerts to show", where=Where(str(file)))
    return example.resolved(found, now_ms) if resolved else found


def _read(file: Path, now_ms: int) -> list[Alert]:
    from alerts.api_values import AlertBody
    from alerts.json_body import decoded

    raw = file.read_bytes()
    if len(raw) > MAX_FILE_BYTES:
        raise InputError(f"larger than {MAX_FILE_BYTES:,} bytes", where=Where(str(file)))
    body = decoded(raw)
    items = body.get("alerts") if isinstance(body, dict) else body
    if not isinstance(items, list):
        raise InputError("not a list of alerts", where=Where(str(file)))
    try:
        bodies = [AlertBody.model_validate(item) for item in items]
    except ValidationError as error:
        found = error.errors()[0]["msg"]
        raise InputError(f"not an alert: {found}", where=Where(str(file))) from error
    given = [body.alert(now_ms) for body in bodies]
    return [replace(one, ends_at_ms=None) if one.is_firing(now_ms) else one for one in given]


def _notification(
    config: Config, receiver: str, alerts: Sequence[Alert], clock: SystemClock
) -> Notification:
    from alerts.example import notification_of
    from alerts.route import build_route

    names = [one.name for one in config.alerts.receivers]
    if receiver not in names:
        raise InputError(f"no receiver {receiver!r}", advice=f"there are: {', '.join(names)}")
    url = config.web.external_url or f"http://{config.web.listen_address}"
    notification = notification_of(alerts, receiver, clock.now_ms(), url)
    root = build_route(config.alerts.route)
    node = next((one for one in root.walk() if one.receiver == receiver), root)
    labels = node.group_labels(notification.common_labels)
    return replace(notification, group_labels=labels, group_key=node.group_key(labels))
