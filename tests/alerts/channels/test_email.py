"""A mail brings its picture along and a signed link, and asks nothing from the network."""

from __future__ import annotations

from email.message import EmailMessage

from alerts.channels import email
from alerts.http_config import TlsConfig
from alerts.notification import IncidentBrief, Notification, Reason
from alerts.secret_source import SecretSource
from alerts.sparkline import EVIDENCE
from collector.model import Alert, Labels

SETTINGS = email.EmailSettings(
    "oncall@example.org", "tocsin@example.org", "mx.example.org", 587, "localhost", "",
    SecretSource(), True, False, TlsConfig(), {},
)  # fmt: skip
ACK = "https://tocsin.example.org/incidents/12/acknowledge?token=abc&x=1"


def mail(status: str = "triggered", **evidence: object) -> EmailMessage:
    alert = Alert(Labels({"alertname": "X"}), {}, 1, evidence=evidence)  # type: ignore[arg-type]
    brief = IncidentBrief(12, status, "critical", acknowledge_url=ACK)
    return email.build(
        Notification("0" * 32, "r", "g", Labels(), (alert,), Reason.FIRST, 2, incident=brief),
        SETTINGS,
    )


def test_the_picture_is_inline_and_named_by_the_html() -> None:
    built = mail(**{EVIDENCE: [1, 2, 3]})
    html = built.get_body(("html",))
    assert html is not None
    assert f'src="cid:{email.PICTURE_ID}"' in html.get_content()
    (png,) = [part for part in built.walk() if part.get_content_type() == "image/png"]
    assert png["Content-ID"] == f"<{email.PICTURE_ID}>"
    assert png.get_content_disposition() == "inline"
    assert png.get_content()[:4] == b"\x89PNG"


def test_without_points_there_is_no_picture() -> None:
    assert not [part for part in mail().walk() if part.get_content_maintype() == "image"]


def test_the_signed_link_stands_in_both_parts_while_it_is_of_use() -> None:
    text, html = mail().get_body(("plain",)), mail().get_body(("html",))
    assert text is not None
    assert html is not None
    assert ACK in text.get_content()
    assert ACK.replace("&", "&amp;") in html.get_content()
    taken = mail("acknowledged").get_body(("plain",))
    assert taken is not None
    assert ACK not in taken.get_content()
