"""Published rules of receivers that page: Opsgenie, VictorOps, Pushover, Twilio.

Sources: https://docs.opsgenie.com/docs/alert-api,
https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/,
https://pushover.net/api, https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/voice/twiml/say
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

from examples.pager.shape import Problems, check_each, check_keys, check_length

_PHONE = re.compile(r"\+[1-9]\d{1,14}")
SPOKEN_LIMIT = 4_096


def check_opsgenie(body: Any) -> Problems:
    """Problems of an alert to create."""
    optional: dict[str, type] = {
        "alias": str, "description": str, "responders": list, "visibleTo": list, "actions": list,
        "tags": list, "details": dict, "entity": str, "source": str, "priority": str, "user": str,
        "note": str,
    }  # fmt: skip
    problems = check_keys(body, "alert", {"message": str}, optional)
    if not isinstance(body, dict):
        return problems
    limits = {
        "message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100,
        "user": 100, "note": 25_000,
    }  # fmt: skip
    for key, longest in limits.items():
        problems += check_length(body.get(key, "x"), key, longest)
    for key, most in {"responders": 50, "visibleTo": 50, "actions": 10, "tags": 20}.items():
        problems += check_length(body.get(key, ["x"]), key, most)
    for where, tag in check_each([*body.get("tags", []), *body.get("actions", [])], "tags"):
        problems += check_length(tag, where, 50)
    if body.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
        problems.append("priority: P1 to P5")
    details = body.get("details", {})
    if sum(len(key) + len(str(value)) for key, value in details.items()) > 8_000:
        problems.append("details: over 8000 characters")
    problems += [f"details.{k}: must be text" for k, v in details.items() if not isinstance(v, str)]
    for where, one in check_each(body.get("responders"), "responders"):
        known: dict[str, type] = {"id": str, "name": str, "username": str}
        problems += check_keys(one, where, {"type": str}, known)
    return problems


def check_opsgenie_act(body: Any) -> Problems:
    """Problems of a close or an acknowledgement."""
    problems = check_keys(body, "act", {}, {"user": str, "source": str, "note": str})
    return problems + check_length(body.get("source", "x"), "source", 100)


def check_victorops(body: Any) -> Problems:
    """Problems of an event; any further field is the customer's own."""
    problems = [] if isinstance(body, dict) else ["event: must be an object"]
    kinds = ("CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY")
    if body.get("message_type") not in kinds:
        problems.append(f"message_type: must be one of {kinds}")
    problems += check_length(body.get("entity_id", ""), "entity_id", 512)
    return problems + check_length(body.get("state_message", "x"), "state_message", 20_480, 0)


def check_pushover(body: Any) -> Problems:
    """Problems of a message; `token` and `user` may be missing in a preview."""
    optional: dict[str, type] = {
        "token": str, "user": str, "title": str, "url": str, "url_title": str, "priority": int,
        "retry": int, "expire": int, "device": str, "sound": str, "html": int, "monospace": int,
        "ttl": int,
    }  # fmt: skip
    problems = check_keys(body, "message", {"message": str}, optional)
    limits = {"message": 1_024, "title": 250, "url": 512, "url_title": 100, "token": 30, "user": 30}
    for key, longest in limits.items():
        problems += check_length(body.get(key, "x"), key, longest)
    if not -2 <= body.get("priority", 0) <= 2:
        problems.append("priority: -2 to 2")
    if body.get("priority") == 2 and (
        body.get("retry", 0) < 30 or not 0 < body.get("expire", 0) <= 10_800
    ):
        problems.append("priority 2 needs retry and expire")
    return problems


def check_twilio(form: Any) -> Problems:
    """Problems of the form of a message or a call."""
    known = {"To", "From", "MessagingServiceSid", "Body", "Twiml"}
    problems = [f"form: unknown field {key}" for key in form if key not in known]
    if not _PHONE.fullmatch(str(form.get("To"))):
        problems.append("To: no phone number")
    if ("From" in form) == ("MessagingServiceSid" in form):
        problems.append("From or MessagingServiceSid")
    if ("Body" in form) == ("Twiml" in form):
        problems.append("Body or Twiml")
    problems += check_length(form.get("Body", "x"), "Body", 1_600)
    return problems + (_twiml(form["Twiml"]) if "Twiml" in form else [])


def _twiml(text: str) -> Problems:
    try:
        root = ET.fromstring(text)  # noqa: S314 - our own text, in a test
    except ET.ParseError as error:
        return [f"Twiml: {error}"]
    said = root.find("Say")
    if root.tag != "Response" or said is None or not (said.text or "").strip():
        return ["Twiml: says nothing"]
    return [] if len(text) <= SPOKEN_LIMIT else ["Twiml: too long"]
