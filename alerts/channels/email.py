"""E-mail over SMTP: `build(...)` pure, then one conversation with the smarthost.

Text and HTML, no remote content; mails of one group form a thread (the first one's Message-ID is
in the References of the others) under one subject. A mail sent twice has the same Message-ID.
Sources: RFC 5321, RFC 5322, RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

import hashlib
import html
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parseaddr

from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.http_config import TlsConfig
from alerts.message import Link, Message, compose, lead_of, subject_of, with_problems
from alerts.notification import Notification
from alerts.receivers_config import EmailConfig
from alerts.secret_source import SecretSource
from alerts.sparkline import alt_text, picture_of
from alerts.template import EntryTemplates, TemplatedFields

DEADLINE_SECONDS = 20.0
"""Each step of the conversation may take this long."""
IMPLICIT_TLS_PORT = 465
MAX_SUBJECT = 200
COLORS = {"critical": "#d92d20", "error": "#e5484d", "warning": "#b45309", "info": "#2563eb"}
GREEN = "#2e7d4f"
PICTURE_ID = "burn@tocsin"
"""How the HTML part names the picture that the mail brings along."""


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """An entry of `email_configs` with the defaults of `global` filled in.

    `html` and `text` are what the user wrote; None for `html` is our own layout, "" no such part.
    """

    to: str
    sender: str
    host: str
    port: int
    hello: str
    username: str
    password: SecretSource
    require_tls: bool
    implicit_tls: bool
    tls: TlsConfig
    headers: Mapping[str, str]
    html: str | None = None
    text: str = ""


TEXTS = TemplatedFields(texts=("headers", "text"), addresses=("to", "from_"), html=("html",))
SET_BY_USER = ("subject", "to", "from")
"""Headers of ours that `headers` may replace; it may add others, and not touch the rest."""


def build(
    notification: Notification, settings: EmailSettings, problems: Sequence[str] = ()
) -> EmailMessage:
    """The mail of a notification."""
    message = with_problems(compose(notification), problems)
    remembered = notification.remembered
    mail = EmailMessage()
    mail["From"] = _one_line(settings.sender)
    mail["To"] = _one_line(settings.to)
    mail["Subject"] = _one_line(remembered.get("subject") or subject(message, notification))
    mail["Date"] = format_datetime(datetime.fromtimestamp(notification.at_ms / 1000, UTC))
    mail["Message-ID"] = message_id(notification, settings)
    if root := remembered.get("message_id"):
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Id"] = f"tocsin {notification.receiver} <alerts.{_domain(settings.sender)}>"
    for name, value in settings.headers.items():
        if name.lower() in SET_BY_USER:
            del mail[name]
        if name not in mail:
            mail[name] = _one_line(value)
    mail.set_content(settings.text or as_text(message, notification))
    own = settings.html is None
    png = picture_of(lead_of(notification)) if own else None
    html = as_html(message, notification, bool(png)) if settings.html is None else settings.html
    if html:
        mail.add_alternative(html, subtype="html")
    if png is not None:
        shown = mail.get_payload()[1]  # type: ignore[index]
        place = {"cid": f"<{PICTURE_ID}>", "disposition": "inline"}
        shown.add_related(png, "image", "png", **place)  # type: ignore[union-attr]
    return mail


def subject(message: Message, notification: Notification) -> str:
    """What the thread is about: no status in it, so that all mails of a group share it."""
    lead = (notification.firing or notification.alerts)[0]
    return f"[{message.severity}] {subject_of(lead)}"[:MAX_SUBJECT]


def message_id(notification: Notification, settings: EmailSettings) -> str:
    """The same for each attempt to send the same notification to the same people."""
    text = f"{notification.id}\0{settings.to}"
    return f"<{hashlib.sha256(text.encode()).hexdigest()[:32]}@{_domain(settings.sender)}>"


def as_text(message: Message, notification: Notification) -> str:
    """The plain part."""
    facts = [f"{fact.name + ':':16}{fact.value}" for fact in message.facts]
    links = [f"{link.text}: {link.url}" for link in _links(message, notification)]
    parts = [message.title, message.sentence, "\n".join(facts)]
    parts += ["\n".join(f"- {other}" for other in message.others), "\n".join(links)]
    parts.append(f"{str(notification.reason).capitalize()}, receiver {notification.receiver}")
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(message: Message, notification: Notification, has_picture: bool = False) -> str:
    """The HTML part: one table, 600 px, colours in place, readable in light and dark."""
    color = COLORS[message.severity] if message.firing else GREEN
    rows = "".join(
        f'<tr><td style="padding:4px 16px 4px 0;color:#777">{html.escape(fact.name)}</td>'
        f'<td style="padding:4px 0">{html.escape(fact.value)}</td></tr>'
        for fact in message.facts
    )
    others = "".join(f"<li>{html.escape(other)}</li>" for other in message.others)
    links = " &nbsp; ".join(
        f'<a href="{html.escape(link.url)}" style="color:#2563eb">{html.escape(link.text)}</a>'
        for link in _links(message, notification)
    )
    alt = html.escape(alt_text(lead_of(notification)))
    picture = (
        f'<p><img src="cid:{PICTURE_ID}" alt="{alt}" width="560" style="max-width:100%"></p>'
        if has_picture
        else ""
    )
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark"></head>'
        '<body style="font:15px/1.5 -apple-system,Segoe UI,Roboto,sans-serif;margin:0">'
        '<table role="presentation" width="600" style="max-width:100%;margin:0 auto">'
        f'<tr><td style="border-left:6px solid {color};padding:16px">'
        f'<h1 style="font-size:20px;margin:0 0 8px">{html.escape(message.title)}</h1>'
        f'<p style="margin:0 0 12px">{html.escape(message.sentence)}</p>'
        f'<table role="presentation">{rows}</table>'
        f"{picture}{f'<ul>{others}</ul>' if others else ''}<p>{links}</p>"
        f'<p style="color:#777;font-size:13px">{html.escape(str(notification.reason).capitalize())}'
        f", receiver {html.escape(notification.receiver)}</p>"
        "</td></tr></table></body></html>\n"
    )


def _links(message: Message, notification: Notification) -> tuple[Link, ...]:
    """The message's links, before them the signed one that acknowledges while it is of use."""
    incident = notification.incident
    if incident is None or not incident.acknowledge_url or incident.status != "triggered":
        return message.links
    return (Link("Acknowledge", incident.acknowledge_url), *message.links)


def _one_line(text: str) -> str:
    """No header may begin another one."""
    return " ".join(text.split())


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].rpartition("@")[2] or "tocsin.invalid"


class EmailChannel:
    """One entry of `email_configs`."""

    takes_changes = False

    kind = "email"

    def __init__(self, settings: EmailSettings, texts: EntryTemplates[EmailConfig]) -> None:
        self._settings = settings
        self._texts = texts

    def send(self, notification: Notification) -> Receipt:
        """Hand one mail to the smarthost; raises DeliveryError."""
        mail, settings, problems = self._written(notification)
        try:
            self._deliver(mail, settings)
        except smtplib.SMTPAuthenticationError as error:
            raise self._error(error.smtp_code, "refused user or password") from None
        except smtplib.SMTPResponseException as error:
            raise self._error(error.smtp_code, _reply(error.smtp_error)) from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise self._error(max(codes), "refused every recipient") from None
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"{self._settings.host}: {error}") from None
        remembered = dict(notification.remembered)
        remembered.setdefault("message_id", str(mail["Message-ID"]))
        remembered.setdefault("subject", str(mail["Subject"]))
        return Receipt(remembered, problems)

    def preview(self, notification: Notification) -> Preview:
        """Headers and parts, as text."""
        mail, _, problems = self._written(notification)
        head = "\n".join(f"{name}: {value}" for name, value in mail.items())
        texts = (part for part in mail.walk() if part.get_content_maintype() == "text")
        contents = [part.get_content() for part in texts]
        return Preview("\n\n".join([head, *map(str, contents)]), problems)

    def _written(
        self, notification: Notification
    ) -> tuple[EmailMessage, EmailSettings, tuple[str, ...]]:
        filled = self._texts.fill(notification)
        entry = filled.entry
        settings = replace(
            self._settings,
            to=entry.to,
            sender=entry.from_,
            headers=entry.headers,
            html=entry.html,
            text=entry.text,
        )
        return build(notification, settings, filled.problems), settings, filled.problems

    def close(self) -> None:
        """Nothing is kept open between mails."""

    def _deliver(self, mail: EmailMessage, settings: EmailSettings) -> None:
        recipients = [address for _, address in getaddresses([settings.to])]
        with self._connect() as smtp:
            smtp.ehlo(settings.hello)
            if settings.require_tls and not settings.implicit_tls:
                if not smtp.has_extn("starttls"):
                    raise DeliveryError(
                        f"{settings.host} offers no STARTTLS",
                        permanent=True,
                        advice="use another port, or set require_tls: false",
                    )
                smtp.starttls(context=_tls(settings.tls))
                smtp.ehlo(settings.hello)
            if settings.username:
                smtp.login(settings.username, settings.password.read().reveal())
            smtp.send_message(mail, parseaddr(settings.sender)[1], recipients)

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.implicit_tls:
            context = _tls(settings.tls)
            return smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=DEADLINE_SECONDS, context=context
            )
        return smtplib.SMTP(settings.host, settings.port, timeout=DEADLINE_SECONDS)

    def _error(self, code: int, reply: str) -> DeliveryError:
        """4xx may work later, 5xx will not (RFC 5321, section 4.2.1)."""
        return DeliveryError(
            f"{self._settings.host} answered {code}: {reply}", permanent=500 <= code < 600
        )


def _reply(text: bytes | str) -> str:
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(decoded.split())[:200]


def _tls(config: TlsConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file or None)
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.cert_file:
        context.load_cert_chain(config.cert_file, config.key_file or None)
    return context


def is_address(text: str) -> bool:
    """Whether a text is one mail address, with or without a name."""
    try:
        return bool(Address(addr_spec=parseaddr(text)[1]).domain)
    except (ValueError, IndexError):
        return False
