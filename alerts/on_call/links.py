"""Where an incident is found: its page, and signed links with which a mail's reader may act.

A signed link says which incident, which act and until when; its signature (HMAC-SHA256, RFC 2104)
is made with a key of the database that never leaves it. A link only opens a page that asks: mail
scanners open links too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from alerts.database import Database, upsert
from alerts.on_call import tables
from collector.model.errors import InputError

KEY_NAME = "links"
KEY_BYTES = 32
SIGNATURE_BYTES = 16
"""128 bits: nobody guesses one."""
LINK_LASTS_MS = 3 * 24 * 3_600_000
MAX_LINK_CHARS = 200


@dataclass(frozen=True, slots=True)
class SignedAct:
    """What a link lets its reader do, and until when."""

    incident: int
    act: str
    until_ms: int


class Signer:
    """Makes and reads signed texts with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, signed: SignedAct) -> str:
        """A text for a URL."""
        text = f"{signed.incident}.{signed.act}.{signed.until_ms}"
        return f"{text}.{self._signature(text)}"

    def read(self, token: str, now_ms: int) -> SignedAct:
        """What was signed; raises InputError for a text that was not, or that is too old."""
        text, _, signature = token[:MAX_LINK_CHARS].rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(text).encode()):
            raise InputError("this link was not made here", advice="open the incident's page")
        number, act, until = text.split(".")
        signed = SignedAct(int(number), act, int(until))
        if now_ms > signed.until_ms:
            raise InputError("this link is too old", advice="open the incident's page")
        return signed

    def _signature(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()[:SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class IncidentLinks:
    """Links to incidents, as messages carry them; empty without an address that people reach."""

    def __init__(self, external_url: str, signer: Signer) -> None:
        self._url = external_url.rstrip("/")
        self.signer = signer

    def page(self, number: int) -> str:
        """The page of an incident."""
        return f"{self._url}/incidents/{number}" if self._url else ""

    def signed(self, number: int, act: str, now_ms: int) -> str:
        """A link with which its reader may do one act."""
        token = self.signer.sign(SignedAct(number, act, now_ms + LINK_LASTS_MS))
        return f"{self._url}/incidents/link/{token}" if self._url else ""


def load_signer(
    database: Database, new_key: Callable[[int], bytes] = secrets.token_bytes
) -> Signer:
    """The signer of a database, its key made at the first use."""
    with database.write() as connection:
        return Signer(_key(connection, new_key))


def _key(connection: Connection, new_key: Callable[[int], bytes]) -> bytes:
    table = tables.keys
    found = connection.execute(select(table.c.key).where(table.c.name == KEY_NAME)).scalar()
    if found:
        return bytes.fromhex(found)
    key = new_key(KEY_BYTES)
    upsert(connection, table, [{"name": KEY_NAME, "key": key.hex()}], ("name",))
    return key
