"""What a person writes into a template, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.gotemplate import Html, StringMap, Typed, compile_template
from collector.gotemplate.limits import MAX_CALL_DEPTH, MAX_STEPS
from collector.gotemplate.parser import MAX_NESTING
from collector.gotemplate.times import SECOND, duration_value, time_value
from collector.model.errors import LimitError, TemplateError

DATA = {
    "name": "api",
    "list": ["a", "b", "c"],
    "labels": StringMap(b="2", a="1"),
    "empty": [],
    "number": 3,
    "ratio": 0.25,
}


def rendered(text: str, data: object = DATA, **options: object) -> str:
    return compile_template(text, "t").render(data, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a {{- .name -}} b", "aapib"),
        ("a\n {{- /* gone */ -}}\n b", "ab"),
        ("{{ .name | printf `%s-%s` `x` }}", "x-api"),
        ("{{ range $i, $v := .list }}{{ if $i }},{{ end }}{{ $v }}{{ end }}", "a,b,c"),
        ("{{ range .empty }}x{{ else }}none{{ end }}", "none"),
        ("{{ range $k, $v := .labels }}{{ $k }}={{ $v }};{{ end }}", "a=1;b=2;"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range .list }}{{ if eq . `b` }}{{ continue }}{{ end }}{{ . }}{{ end }}", "ac"),
        ("{{ range .list }}{{ if eq . `b` }}{{ break }}{{ end }}{{ . }}{{ end }}", "a"),
        ("{{ with .missing }}x{{ else with .name }}{{ . }}{{ end }}", "api"),
        ("{{ if false }}a{{ else if gt .number 2 }}b{{ else }}c{{ end }}", "b"),
        ("{{ define `x` }}[{{ . }}]{{ end }}{{ template `x` .name }}", "[api]"),
        ("{{ block `x` .number }}({{ . }}){{ end }}", "(3)"),
        ("{{ $x := 1 }}{{ range .list }}{{ $x = . }}{{ end }}{{ $x }}", "c"),
        ("{{ with .list }}{{ $.name }}{{ end }}", "api"),
        ("{{ .labels.a }}{{ .labels.none }}|{{ .none }}", "1|<no value>"),
        ("{{ index .list 1 }}{{ len .list }}{{ (index .list 0) }}", "b3a"),
        ("{{\n  .name\n}}", "api"),
    ],
)
def test_statements_do_what_go_s_do(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("ok\n  {{ nope 1 }}", 2, 6, "function 'nope' not defined"),
        ("{{ if true }}\nx", 1, 4, "without {{end}}"),
        ("a\nb {{ end }}", 2, 6, "unexpected {{end}}"),
        ("{{ $x }}", 1, 4, "undefined variable '$x'"),
        ("{{ break }}", 1, 4, "outside {{range}}"),
        ("{{ 3i }}", 1, 4, "complex numbers are not supported"),
        ("{{ .name", 1, 1, "unclosed action"),
        ("x {{/* y", 1, 5, "unclosed comment"),
        ('{{ "a }}', 1, 4, "unterminated quoted string"),
        ("{{ (1 }}", 1, 7, "unclosed left paren"),
        ("{{ 1 ? 2 }}", 1, 6, "unexpected '?'"),
    ],
)
def test_what_can_not_work_is_named_at_load_with_its_place(
    text: str, line: int, column: int, reason: str
) -> None:
    with pytest.raises(TemplateError, match=r"template: page:\d+:\d+: ") as caught:
        compile_template(text, "page", functions=())
    assert (caught.value.line, caught.value.column) == (line, column)
    assert reason in caught.value.message


def test_what_fails_on_its_data_says_where() -> None:
    with pytest.raises(TemplateError) as caught:
        rendered("line\n  {{ .name.first }}")
    assert caught.value.message == (
        'template: t:2:6: executing "t" at <.name.first>: '
        "can't evaluate field first in type string"
    )


def test_a_template_reaches_no_attribute_of_python() -> None:
    for text in ("{{ .name.__class__ }}", "{{ .list.append }}", "{{ .number.real }}"):
        with pytest.raises(TemplateError, match="can't evaluate field"):
            rendered(text)


def test_functions_are_checked_as_go_checks_them() -> None:
    def join(separator: str, values: list[str]) -> str:
        return separator.join(values)

    def half(number: float) -> float:
        return number / 2

    functions = {"join": join, "half": half}
    assert rendered("{{ .list | join `-` }} {{ half 3 }}", functions=functions) == "a-b-c 1.5"
    for wrong, reason in (
        ("{{ join 1 .list }}", "expected string; got int"),
        ("{{ join `a` }}", "want 2 got 1"),
        ("{{ half .name }}", "expected float64; got string"),
        ("{{ half .number }}", "expected float64; got int"),
    ):
        with pytest.raises(TemplateError, match=reason):
            rendered(wrong, functions=functions)


def test_the_error_of_a_function_is_told_with_its_place() -> None:
    def fail(_: str) -> str:
        raise ValueError("no such zone")

    with pytest.raises(TemplateError, match=r"t:1:4: .* error calling fail: no such zone"):
        rendered("{{ fail `x` }}", functions={"fail": fail})


def alerts() -> Typed:
    firing = Typed("Alert", fields={"Labels": StringMap(n="1"), "StartsAt": time_value(0)})
    return Typed("Alerts", value=[firing], methods={"Firing": lambda: [firing], "Resolved": list})


def test_values_may_have_methods_as_alertmanager_s_have() -> None:
    def pairs(labels: Mapping[str, str]) -> list[Typed]:
        return [Typed("Pair", fields={"Name": k, "Value": labels[k]}) for k in sorted(labels)]

    labels = StringMap(b="2", a="1")
    given = Typed(
        "KV",
        value=labels,
        methods={
            "SortedPairs": lambda: pairs(labels),
            "Remove": lambda names: StringMap({k: v for k, v in labels.items() if k not in names}),
        },
    )
    data = {"Labels": given, "Alerts": alerts(), "drop": ["a"]}
    text = "{{ range .Labels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}"
    assert rendered(text, data) == "a=1 b=2 "
    assert rendered("{{ .Labels.b }}{{ .Labels.Remove .drop }}", data) == "2map[b:2]"
    assert rendered("{{ .Alerts.Firing | len }}{{ len .Alerts.Resolved }}", data) == "10"
    assert rendered("{{ range .Alerts }}{{ .StartsAt.Year }}{{ end }}", data) == "1970"
    with pytest.raises(TemplateError, match=r"type Alert$"):
        rendered("{{ (index .Alerts 0).Nope }}", data)


def test_templates_of_other_files_may_be_called_and_replaced() -> None:
    common = compile_template("{{ define `greet` }}hi {{ . }}{{ end }}", "common.tmpl")
    own = compile_template("{{ template `greet` . }}", "own", defined=common.defined)
    assert own.render("you") == "hi you"
    other = compile_template(
        "{{ define `greet` }}hello {{ . }}{{ end }}", "other", defined=common.defined
    )
    named = other.named("greet")
    assert named is not None
    assert named.render("you") == "hello you"
    assert other.named("nowhere") is None


def test_html_is_escaped_except_what_is_html_already() -> None:
    text = "<p title='{{ .a }}'>{{ .a }}{{ .safe }}</p>"
    data = {"a": "<b>&\"'+", "safe": Html("<i>")}
    escaped = "&lt;b&gt;&amp;&#34;&#39;&#43;"
    assert rendered(text, data, html=True) == f"<p title='{escaped}'>{escaped}<i></p>"


@pytest.mark.parametrize(
    "text",
    [
        "{{ range 2000000 }}{{ end }}",
        "{{ define `x` }}{{ template `x` }}{{ end }}{{ template `x` }}",
        "{{ $x := `aaaaaaaaaa` }}{{ range 60 }}{{ $x = printf `%s%s` $x $x }}{{ end }}",
        "{{ range 100000 }}xxxxxxxxxxxx{{ end }}",
        "{{ printf `%1000000d` 1 }}{{ printf `%1000000d` 1 }}",
    ],
)
def test_a_limit_ends_what_would_not_end(text: str) -> None:
    assert MAX_STEPS == 250_000
    assert MAX_CALL_DEPTH == 100
    with pytest.raises(LimitError):
        rendered(text)


def test_nesting_has_a_limit_at_load() -> None:
    deep = MAX_NESTING + 1
    for text in ("{{ if 1 }}" * deep + "{{ end }}" * deep, "{{ " + "(" * deep + "1" + ")" * deep):
        with pytest.raises(TemplateError, match=r"nested over|unclosed"):
            compile_template(text, "t")


@given(st.text(alphabet='{}-/*. "`$|()aift:=,1nde\n', max_size=60))
def test_any_text_is_a_template_or_an_error_with_a_place(text: str) -> None:
    with suppress(LimitError):
        place = place_of_error(text)
        assert place is None or min(place) >= 1


def place_of_error(text: str) -> tuple[int, int] | None:
    try:
        compile_template(text, "t").render({"a": 1})
    except TemplateError as error:
        return error.line, error.column
    return None


@given(st.text(max_size=200).filter(lambda text: "{{" not in text and not text.endswith("{")))
def test_text_without_actions_stays_as_it_is(text: str) -> None:
    assert rendered(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .d }}", "1h2m3.5s"),
        ("{{ .d.Seconds }} {{ .d.Round .s }}", "3723.5 1h2m4s"),
        ("{{ .t.Format `Jan 2, 2006 at 3:04pm (MST)` }}", "Feb 3, 2023 at 4:05am (UTC)"),
        ("{{ (.t.In `Europe/Berlin`).Format `15:04 Z07:00 MST` }}", "05:05 +01:00 CET"),
        ("{{ .t }}", "2023-02-03 04:05:06.7 +0000 UTC"),
        ("{{ .t.Weekday }} {{ .t.Month }} {{ .t.YearDay }} {{ .t.Unix }}", "Friday February 34 "
         "1675397106"),
    ],
)  # fmt: skip
def test_times_and_durations_speak_go(text: str, expected: str) -> None:
    data = {
        "d": duration_value(3723 * SECOND + SECOND // 2),
        "s": duration_value(SECOND),
        "t": time_value(1675397106 * SECOND + 700_000_000),
    }
    assert rendered(text, data) == expected
