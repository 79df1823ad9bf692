"""Jinja in the texts of receivers: its data, its sandbox, its limits, its errors at load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import CHANNELS
from alerts.config import AlertmanagerGlobal
from alerts.example import example_alerts, notification_of
from alerts.notification import IncidentBrief
from alerts.receivers_config import EmailConfig, SlackConfig
from alerts.template import TemplateBook, default_book, load_book
from alerts.template.jinja import JINJA_MARK, Escaping, compile_jinja
from collector.model import ManualClock
from collector.model.errors import InputError, LimitError, TemplateError
from collector.model.labels import Labels

NOW_MS = 1_700_000_000_000
FIRING = notification_of(example_alerts(NOW_MS), "team", NOW_MS, "http://tocsin")
HOSTILE = '<!channel> & "you"'


def said(text: str, escaping: Escaping = Escaping.NONE, **files: str) -> str:
    named = {f"{name}.j2": one for name, one in files.items()}
    return compile_jinja(JINJA_MARK + text, "t", named).render(hostile(), escaping)


def hostile() -> Any:
    first, *rest = FIRING.alerts
    labels = Labels({**dict(first.labels.pairs), "items": HOSTILE})
    return replace(FIRING, alerts=(replace(first, labels=labels), *rest))


def channel(model: Any, kind: str, book: TemplateBook | None = None, **fields: Any) -> Any:
    entry = model.model_validate(fields)
    known = book or default_book()
    return CHANNELS[kind](entry, AlertmanagerGlobal(), ManualClock(NOW_MS), known)


def slack(text: str, book: TemplateBook | None = None) -> Any:
    return channel(SlackConfig, "slack", book, api_url="https://hooks.example.org/x", text=text)


def test_a_text_sees_alertmanagers_data_and_ours() -> None:
    text = (
        "{{ receiver }} {{ status }} {{ alerts|length }} {{ commonLabels.service }} {{ reason }}"
        "{% for alert in firing %} {{ alert.labels.alertname }}:{{ alert.seconds|duration }}"
        "{% endfor %} {{ alerts[0].evidence.budget_left_ratio|percent }}"
    )
    expected = "team firing 2 checkout first notification BudgetBurn:6m 0s DiskFull:6m 0s 42%"
    assert said(text) == expected


def test_the_incident_is_there_without_its_signed_link() -> None:
    brief = IncidentBrief(7, "acknowledged", "critical", "ann", acknowledge_url="https://signed")
    template = compile_jinja(
        JINJA_MARK + "{% if incident %}{{ incident.number }} {{ incident.owner }}"
        "{{ incident.acknowledge_url }}{% else %}none{% endif %}", "t", {},
    )  # fmt: skip
    assert template.render(replace(FIRING, incident=brief)) == "7 ann"
    assert template.render(FIRING) == "none"


def test_a_label_named_as_a_method_is_the_label() -> None:
    assert said("{{ alerts[0].labels.items }}") == HOSTILE


@pytest.mark.parametrize(
    ("escaping", "expected"),
    [
        (Escaping.NONE, '<b>&#39;<!channel> & "you"'),
        (Escaping.HTML, "<b>&#39;&lt;!channel&gt; &amp; &#34;you&#34;"),
        (Escaping.SLACK, '<b>\'&lt;!channel&gt; &amp; "you"'),
    ],
)
def test_values_are_escaped_for_where_they_stand_and_the_text_is_not(
    escaping: Escaping, expected: str
) -> None:
    assert said("<b>&#39;{{ alerts[0].labels.items }}", escaping) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{% set x %}{{ alerts[0].labels.items }}{% endset %}{{ x }}",
        "{{ '' ~ alerts[0].labels.items }}",
        "{{ [alerts[0].labels.items]|join(',') }}",
        "{{ alerts[0].labels.items|replace('zzz', 'y') }}",
        "{{ '<'|safe ~ alerts[0].labels.items }}",
    ],
)
def test_no_way_around_the_escaping(text: str) -> None:
    assert "<!" not in said(text, Escaping.HTML)
    assert "&amp;lt;" not in said(text, Escaping.HTML)


def test_files_are_included_and_imported_by_name() -> None:
    line = "{% macro line(alert) %}* {{ alert.labels.alertname }}{% endmacro %}"
    text = "{% from 'lines.j2' import line %}{% for a in alerts %}{{ line(a) }}{% endfor %}"
    assert said(text, lines=line) == "* BudgetBurn* DiskFull"
    assert said("{% include 'head.j2' %}", head="{{ status }}!") == "firing!"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("\n{% for x in alerts %}", 2, "endfor"),
        ("a\n\n{{ x|nosuch }}", 3, "nosuch"),
        ("\n{{ alert.labels }}", 2, "alert is not defined"),
        ("{{ range(3) }}", 1, "range is not defined"),
        ("{% include 'gone.j2' %}", 1, "gone.j2"),
        ("{{ 1 is nosuch }}", 1, "nosuch"),
    ],
)
def test_what_can_not_work_is_named_at_load_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(TemplateError, match=told) as caught:
        compile_jinja(JINJA_MARK + text, "t", {})
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text",
    [
        "\n{{ commonLabels.nosuch }}",
        "\n{{ ''.__class__ }}",
        "\n{{ alerts.append(1) }}",
        "\n{{ '{:1000000000}'.format(1) }}",
        "\n{{ '%1000000000d' % 1 }}",
        "\n{{ 9 ** 999999999 }}",
        "\n{{ 1 / 0 }}",
        "\n{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "\n{{ alerts|map(attribute='__class__')|join }}",
    ],
)
def test_what_fails_on_its_data_names_the_line(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        said(text)
    assert caught.value.line == 2


TEN = "{% for a in [1,2,3,4,5,6,7,8,9,0] %}"
DOUBLED = "{% set n = namespace(x='ab') %}" + TEN * 3


@pytest.mark.parametrize(
    "text",
    [
        TEN * 7 + "{% endfor %}" * 7,
        "{{ 'abc' * 1000000000 }}",
        "{{ 1000000000 * [1] }}",
        DOUBLED + "{% set n.x = n.x ~ n.x %}" + "{% endfor %}" * 3,
        DOUBLED + "{% set n.x = n.x + n.x %}" + "{% endfor %}" * 3,
        DOUBLED + "{% set y %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}" + "{% endfor %}" * 3,
        DOUBLED + "{% set n.x = n.x|replace('b', n.x) %}" + "{% endfor %}" * 3,
        DOUBLED + "{% set n.x = [n.x, n.x]|join(n.x) %}" + "{% endfor %}" * 3,
        "{% macro a(n) %}{% if n %}{{ a(n-1) }}{{ a(n-1) }}{% endif %}{% endmacro %}{{ a(40) }}",
        TEN * 4 + "x" * 1000 + "{% endfor %}" * 4,
    ],
)
def test_what_makes_too_much_stops_at_the_limit(text: str) -> None:
    with pytest.raises(LimitError, match="1,000,000"):
        said(text)


def test_a_slack_text_in_jinja_reaches_the_message_escaped() -> None:
    made = slack(JINJA_MARK + "{{ status|upper }} {{ alerts[0].labels.items }}")
    body = json.loads(made.preview(hostile()).text)
    assert body["attachments"][0]["text"] == 'FIRING &lt;!channel&gt; &amp; "you"'


def test_mail_in_jinja_is_escaped_in_html_only() -> None:
    text = JINJA_MARK + "{{ alerts[0].labels.items }}"
    base: dict[str, Any] = {
        "to": "a@example.org",
        "from": "t@example.org",
        "smarthost": "mx.example.org:25",
    }
    made = channel(EmailConfig, "email", **base, text=text, html=text)
    shown = made.preview(hostile())
    assert shown.problems == ()
    assert HOSTILE in shown.text
    assert "&lt;!channel&gt; &amp; &#34;you&#34;" in shown.text


def test_a_field_that_fails_is_ours_and_the_problem_goes_along() -> None:
    shown = slack(JINJA_MARK + "{{ commonLabels.nosuch }}").preview(FIRING)
    assert "nosuch" in shown.problems[0]


def test_a_wrong_text_is_an_error_of_its_field() -> None:
    with pytest.raises(InputError, match="endfor") as caught:
        slack(JINJA_MARK + "{% for x in alerts %}")
    assert caught.value.where.field == "text"


def test_files_ending_in_j2_are_jinja_and_wrong_ones_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "mine" }}go{{ end }}')
    (tmp_path / "head.j2").write_text("{{ status }}")
    book, errors = load_book(["*"], tmp_path)
    assert errors == []
    assert sorted(book.files) == ["a.tmpl", "head.j2"]
    body = json.loads(slack(JINJA_MARK + "{% include 'head.j2' %}", book).preview(FIRING).text)
    assert body["attachments"][0]["text"] == "firing"
    (tmp_path / "wrong.j2").write_text("\n{{ alert }}")
    _, [error] = load_book(["*"], tmp_path)
    assert (Path(error.where.file).name, error.where.line) == ("wrong.j2", 2)
