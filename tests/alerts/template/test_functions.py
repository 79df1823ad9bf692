"""Alertmanager's data and functions, by what its documentation says that they print."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from alerts.notification import Notification, Reason
from alerts.template import default_book
from alerts.template.data import data_of
from alerts.template.functions import functions
from collector.model import Alert, Labels
from collector.model.errors import TemplateError

NOW_MS = 1_700_000_060_000
START_MS = 1_700_000_000_000
Render = Callable[..., str]


def notification() -> Notification:
    return Notification(
        "id",
        "team-x.a",
        '{}:{service="shop"}',
        Labels({"service": "shop"}),
        (
            Alert(
                Labels({"alertname": "Down", "service": "shop", "pod": "a"}),
                {"summary": "a < b & c"},
                START_MS,
                generator_url="http://prom/graph?a=1&b=2",
            ),
            Alert(
                Labels({"alertname": "Down", "service": "shop", "pod": "b"}),
                {"summary": "a < b & c"},
                START_MS,
                START_MS + 5_000,
            ),
        ),
        Reason.NEW_ALERTS,
        NOW_MS,
        "http://tocsin",
    )


@pytest.fixture
def render() -> Render:
    data = data_of(notification())

    def run(text: str, *, html: bool = False) -> str:
        return default_book().compile(text, "t").render(data, functions(NOW_MS), html=html)

    return run


CASES = {
    "{{ .Status }} {{ .Receiver }} {{ .ExternalURL }}": r"firing team-x\.a http://tocsin",
    "{{ .NotificationReason }}": "new alerts in group",
    "{{ len .Alerts }} {{ len .Alerts.Firing }} {{ .Alerts.Resolved | len }}": "2 1 1",
    "{{ range .Alerts }}{{ .Status }} {{ .Labels.pod }};{{ end }}": "firing a;resolved b;",
    "{{ (index .Alerts 1).EndsAt }}": "2023-11-14 22:13:25 +0000 UTC",
    "{{ (index .Alerts 0).EndsAt.IsZero }}": "true",
    "{{ .CommonLabels.SortedPairs }}": "alertname=Down, service=shop",
    "{{ .CommonLabels.SortedPairs.Names | join `,` }}": "alertname,service",
    "{{ .CommonLabels.Values | join `,` }} {{ .GroupLabels }}": "Down,shop service=shop",
    "{{ (.CommonLabels.Remove (stringSlice `alertname`)).Names }}": "[service]",
    "{{ .CommonLabels.Remove .GroupLabels.Names }}": "alertname=Down",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}:{{ .Value }} {{ end }}": (
        "alertname:Down service:shop "
    ),
    "{{ range $k, $v := .CommonLabels }}{{ $k }}-{{ $v }} {{ end }}": (
        "alertname-Down service-shop "
    ),
    "[{{ .CommonLabels.nothing }}]{{ index .CommonLabels `none` }}": "[]",
    "{{ if .CommonAnnotations.summary }}y{{ else }}n{{ end }}": "y",
    "{{ toUpper `ab` }}{{ `AB` | toLower }}{{ title `the eND of-it` }}": "ABabThe End Of-It",
    "[{{ trimSpace ` x\t ` }}]": "[x]",
    "{{ match `^a+$` `aaa` }} {{ match `b` `aaa` }}": "true false",
    "{{ reReplaceAll `(a)(b)` `$2${1}` `abab` }}": "baba",
    "{{ date `2006-01-02 15:04:05` (index .Alerts 0).StartsAt }}": "2023-11-14 22:13:20",
    "{{ (index .Alerts 0).StartsAt | tz `Europe/Berlin` | date `15:04 MST` }}": "23:13 CET",
    "{{ since (index .Alerts 0).StartsAt }}": "1m0s",
    "{{ since (index .Alerts 0).StartsAt | humanizeDuration }}": "1m 0s",
    "{{ now.Unix }}": "1700000060",
    "{{ humanizeDuration 3661 }} {{ humanizeDuration `0.5` }}": "1h 1m 1s 500ms",
    "{{ toDate `2006-01-02T15:04:05Z07:00` `2024-02-29T12:00:00+02:00` }}": (
        "2024-02-29 10:00:00 +0000 UTC"
    ),
    "{{ (mustToDate `Jan _2 15:04:05.000 2006` `Feb  3 01:02:03.004 2024`).UnixMilli }}": (
        "1706922123004"
    ),
    "{{ (toDate `2006-01-02` `yesterday`).IsZero }}": "true",
    "{{ toJson .GroupLabels }}": '{"service":"shop"}',
    "{{ toJson (dict `b` (list 1 `x` true) `a` 1.5) }}": '{"a":1.5,"b":[1,"x",true]}',
    "{{ append (list 1) 2 3 }}": "[1 2 3]",
    "{{ `<&>` | toJson }}": '"\\u003c\\u0026\\u003e"',
    "{{ `a/b?` | base64encode }} {{ `YS9iPw==` | base64decode }}": "YS9iPw== a/b?",
    "{{ urlUnescape `a%20b+c` }}": "a b c",
    "{{ stringSlice `a` `b` | join ` and ` }}": "a and b",
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_it_prints_what_alertmanager_prints(render: Render, text: str) -> None:
    assert render(text) == CASES[text]


def test_the_json_of_the_data_has_the_names_of_the_webhook(render: Render) -> None:
    text = render("{{ toJson . }}")
    assert '"commonAnnotations":{"summary":"a \\u003c b \\u0026 c"}' in text
    assert '"startsAt":"2023-11-14T22:13:20Z","endsAt":"0001-01-01T00:00:00Z"' in text
    assert '"notification_reason":"new alerts in group"' in text
    assert '"generatorURL":"http://prom/graph?a=1\\u0026b=2"' in text


def test_html_escapes_values_and_leaves_safe_html(render: Render) -> None:
    text = "<p>{{ .CommonAnnotations.summary }}{{ safeHtml `<b>` }}{{ safeUrl `a&b` }}</p>"
    assert render(text, html=True) == "<p>a &lt; b &amp; c<b>a&amp;b</p>"


WRONG = {
    "{{ .Nothing }}": "can't evaluate field Nothing in type *template.Data",
    "{{ join `,` 1 }}": "expected []string",
    "{{ toUpper 1 }}": "expected string",
    "{{ tz `Mars/Olympus` now }}": "unknown time zone",
    "{{ date `2006` 1 }}": "expected time.Time",
    "{{ match `(` `a` }}": "error parsing regexp",
    "{{ dict `a` }}": "even number",
    "{{ mustToDate `2006` `x` }}": "parsing time",
    "{{ mustToDate `2006-01-02` `2023-02-31` }}": "day",
    "{{ base64decode `!` }}": "base64",
    "{{ urlUnescape `%zz` }}": "invalid URL escape",
    "{{ template `none` . }}": "not defined",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_go_refuses_is_an_error(render: Render, text: str) -> None:
    with pytest.raises(TemplateError, match=WRONG[text].replace("[", r"\[").replace("*", r"\*")):
        render(text)


DEFAULTS = (
    "slack.default.title", "slack.default.titlelink", "slack.default.username",
    "slack.default.fallback", "slack.default.pretext", "slack.default.text",
    "slack.default.iconemoji", "slack.default.iconurl", "slack.default.callbackid",
    "slack.default.footer", "pagerduty.default.description", "pagerduty.default.client",
    "pagerduty.default.clientURL", "email.default.subject", "email.default.html",
    "__subject", "__alertmanager", "__alertmanagerURL",
)  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_default_template_runs(render: Render, name: str) -> None:
    render(f'{{{{ template "{name}" . }}}}', html=True)


def test_the_default_subject_says_state_count_group_and_the_rest(render: Render) -> None:
    assert render('{{ template "__subject" . }}') == "[FIRING:1] shop (Down)"
    assert render('{{ template "slack.default.titlelink" . }}') == "http://tocsin/alerts"
    assert "pod = a" in render('{{ template "pagerduty.default.instances" .Alerts.Firing }}')


ALERTMANAGERS = (
    "toUpper", "toLower", "title", "trimSpace", "join", "match", "safeHtml", "safeUrl",
    "urlUnescape", "reReplaceAll", "stringSlice", "date", "tz", "now", "since",
    "humanizeDuration", "toDate", "mustToDate", "toJson", "base64encode", "base64decode",
    "list", "append", "dict",
)  # fmt: skip
GOS = (
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "slice", "print",
    "printf", "println", "html", "js", "urlquery", "call",
)  # fmt: skip


@pytest.mark.parametrize("name", [*ALERTMANAGERS, *GOS])
def test_each_function_of_alertmanager_and_of_go_is_there(name: str) -> None:
    default_book().compile(f"{{{{ {name} 1 }}}}", "t")


@pytest.mark.parametrize("name", ["routeLabels", "env", "include", "title2"])
def test_a_function_that_is_not_served_is_named_at_load_with_those_that_are(name: str) -> None:
    with pytest.raises(TemplateError, match=f"t:2:5: function '{name}' not defined") as caught:
        default_book().compile(f"\n {{{{ {name} 1 }}}}", "t")
    assert {"toUpper", "printf"} <= set(caught.value.advice.removeprefix("there are: ").split(", "))


@pytest.mark.parametrize(
    "text",
    [
        "{{ .A.B() }}", "{{ 1i }}", "{{ $x }}", "{{ if }}", "{{ else }}", "{{ end }}",
        "{{ break }}", "{{ /* a */ }}", "{{ `a", "{{ range .A }}", "{{ define x }}{{ end }}",
        "{{ | len }}", '{{ "a" | "b" }}', "{{ .A = 1 }}", "{{ (.A }}", "{{ .A[0] }}",
    ],
)  # fmt: skip
def test_syntax_that_go_lacks_too_is_named_at_load(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^template: t:\d+:\d+: ") as caught:
        default_book().compile(text, "t")
    assert caught.value.line == 1
