"""What would be on a phone: Slack's channel and PagerDuty's incidents, as one HTML page."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from examples.pager.record import Entry

REFRESH_SECONDS = 2
STYLE = """
:root{color-scheme:light dark;--card:#fff;--bg:#eceef2;--text:#1a1c20;--dim:#6b7280}
@media(prefers-color-scheme:dark){:root{--card:#22252b;--bg:#121417;--text:#e7e9ec;--dim:#9aa1ac}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);
font:15px/1.45 system-ui,sans-serif;display:flex;gap:32px;justify-content:center;padding:32px;
flex-wrap:wrap}
.phone{width:400px;max-width:100%;background:var(--card);border-radius:32px;padding:24px 20px;
box-shadow:0 8px 40px #0003;min-height:640px}
h1{font-size:17px;margin:0 0 16px;text-align:center}
.card{border-left:5px solid var(--c,#888);padding:8px 12px;margin:0 0 16px;background:#8881;
border-radius:6px}
.card h2{font-size:15px;margin:0 0 6px}
.facts{display:grid;grid-template-columns:1fr 1fr;gap:6px 12px;font-size:13px;margin:8px 0}
.facts b{display:block;color:var(--dim);font-weight:500}
.thread{font-size:13px;color:var(--dim);padding-left:12px;border-left:2px solid #8884}
a.button{display:inline-block;border:1px solid #8886;border-radius:6px;padding:2px 10px;
margin:4px 6px 0 0;color:inherit;text-decoration:none;font-size:13px}
.dim{color:var(--dim);font-size:12px}.bad{color:#d92d20}
"""


def phone_page(messages: Mapping[str, Mapping[str, Any]], entries: Sequence[Entry]) -> str:
    """The page; it draws itself anew every REFRESH_SECONDS."""
    threads: dict[str, list[Mapping[str, Any]]] = {}
    for message in messages.values():
        threads.setdefault(str(message.get("thread_ts", "")), []).append(message)
    roots = [(ts, one) for ts, one in messages.items() if "thread_ts" not in one]
    slack = "".join(_slack_card(one, threads.get(ts, [])) for ts, one in reversed(roots))
    wrong = [entry for entry in entries if entry.problems]
    note = f'<p class="bad">{len(wrong)} requests broke the published rules</p>' if wrong else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Phone</title>'
        f'<meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
        f"<style>{STYLE}</style></head><body>"
        f'<main class="phone"><h1>Slack, #alerts</h1>{note}{slack or _empty()}</main>'
        f'<main class="phone"><h1>PagerDuty</h1>{_incidents(entries) or _empty()}</main>'
        "</body></html>"
    )


def _empty() -> str:
    return '<p class="dim">Nothing yet. Break the shop and wait.</p>'


def _slack_card(message: Mapping[str, Any], thread: Sequence[Mapping[str, Any]]) -> str:
    attachments = message.get("attachments") or [{}]
    blocks = [*message.get("blocks", []), *attachments[0].get("blocks", [])]
    inner = "".join(_block(block) for block in blocks) or _text(message.get("text", ""))
    replies = "".join(f'<p class="thread">{_text(one["text"])}</p>' for one in thread)
    color = html.escape(str(attachments[0].get("color", "#888")))
    return f'<article class="card" style="--c:{color}">{inner}{replies}</article>'


def _block(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    if kind == "header":
        return f"<h2>{html.escape(block['text']['text'])}</h2>"
    if kind == "section" and "fields" in block:
        cells = "".join(f"<div>{_text(field['text'])}</div>" for field in block["fields"])
        return f'<div class="facts">{cells}</div>'
    if kind == "section":
        return f"<p>{_text(block['text']['text'])}</p>"
    if kind == "actions":
        return "".join(
            f'<a class="button" href="{html.escape(one.get("url", "#"))}">'
            f"{html.escape(one['text']['text'])}</a>"
            for one in block["elements"]
        )
    if kind == "image":
        return f'<p class="dim">▁▂▅▇ {html.escape(block["alt_text"])}</p>'
    texts = [_text(one["text"]) for one in block.get("elements", [])]
    return f'<p class="dim">{" · ".join(texts)}</p>'


def _text(mrkdwn: str) -> str:
    """Slack's markup as HTML; its text is escaped by the sender already."""
    safe = html.escape(html.unescape(re.sub(r"<!date\^(\d+)\^[^|]*\|([^>]*)>", _date, mrkdwn)))
    return re.sub(r"\*([^*\n]+)\*", r"<b>\1</b>", safe).replace("\n", "")


def _date(match: re.Match[str]) -> str:
    return "since " + time.strftime("%H:%M:%S", time.localtime(int(match[1])))


def _incidents(entries: Sequence[Entry]) -> str:
    incidents: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.service != "pagerduty" or entry.status != 202 or entry.path != "/v2/enqueue":
            continue
        known = incidents.setdefault(entry.body["dedup_key"], {})
        known.update(entry.body.get("payload", {}))
        known["resolved"] = entry.body["event_action"] == "resolve"
    return "".join(_incident(one) for one in reversed(incidents.values()))


def _incident(incident: Mapping[str, Any]) -> str:
    color = "#2e9e5b" if incident["resolved"] else "#d92d20"
    state = "resolved" if incident["resolved"] else "triggered"
    return (
        f'<article class="card" style="--c:{color}"><h2>{html.escape(incident.get("summary", "?"))}'
        f'</h2><p class="dim">{state} · {html.escape(incident.get("severity", ""))}</p></article>'
    )
