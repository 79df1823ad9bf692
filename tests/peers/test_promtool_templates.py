"""Templates of annotations, rendered by promtool and by tocsin over the same series.

promtool tells what it got where a test expects no alert: so one file asks for all templates.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from collector.gotemplate import compile_template
from collector.gotemplate.constants import unquote
from collector.model.errors import LimitError, TemplateError
from collector.model.labels import Labels
from collector.rules.expand import Expander
from collector.rules.rule import AlertingRule
from collector.rules.template_functions import (
    FUNCTION_NAMES,
    VARIABLES,
    QueryResult,
    Surroundings,
)

pytestmark = pytest.mark.peer
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)

SERIES = {
    "instance": "host-1.example.com:9100",
    "job": "node",
    "path": "/a b/<c>?d=é&e='f'\"g\"",
    "empty_after": "x",
}
# promtool gives them in an order of chance: what shows several sorts them
OTHERS = [({"__name__": "other", "n": name}, value) for name, value in (("b", 2.5), ("a", 1e6))]
VALUES = (0.0, 1.0, -1.5, 1234.5678, 0.00001234, 1e21, 123456789.0, 3725.5, 1e-9, 90061.0)
FAILED = "<error expanding template"

PLAIN = [
    "{{ 1 | }}",
    "text only {{ 1 }}",
    "{{ $labels.instance }} {{ $labels.missing }}|{{ .Labels.job }} {{ .Value }}",
    "a {{- 1 -}} b {{ 2 }} c {{- /* gone */ -}} d",
    "{{/* a comment */}}x",
    "{{ if true }}a{{ else }}b{{ end }}{{ if not true }}c{{ else if eq 1 1 }}d{{ end }}",
    "{{ with $labels.job }}{{ . }}{{ end }}{{ with $labels.missing }}x{{ else }}none{{ end }}",
    '{{ range $i, $v := query "other" | sortByLabel "n" }}{{ $i }}={{ .Labels.n }}:'
    "{{ $v.Value }};{{ end }}",
    '{{ range query "nothing" }}x{{ else }}empty{{ end }}',
    "{{ range $k, $v := $labels }}{{ $k }}={{ $v }},{{ end }}",
    "{{ $x := 1 }}{{ $x = 2 }}{{ $x }}{{ if true }}{{ $x = 3 }}{{ $x := 9 }}{{ end }}{{ $x }}",
    '{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" $labels.job }}{{ template "t" 5 }}',
    '{{ block "b" $value }}[{{ . }}]{{ end }}',
    '{{ query "other" | sortByLabel "n" | first | value | humanize }}',
    '{{ query "other" | sortByLabel "n" | first | label "n" }}',
    '{{ (query "other" | sortByLabel "n" | first).Value }}',
    '{{ query "vector(7)" | first | value }} {{ len (query "other") }}',
    '{{ range $i, $v := query "other" | sortByLabel "n" }}{{ if $i }}{{ break }}{{ end }}'
    "{{ $v.Value }}{{ end }}",
    '{{ range query "other" }}{{ if eq .Labels.n "b" }}{{ continue }}{{ end }}{{ .Value }}'
    "{{ end }}",
    '{{ printf "%s|%10s|%-10s|%q|%x|%X|%v" "ab" "ab" "ab" "a\\"b" "ab" "ab" "ab" }}',
    '{{ printf "%d|%5d|%-5d|%05d|%+d|%x|%o|%b|%c|%U|%q" 42 42 42 42 42 42 42 42 65 8364 65 }}',
    '{{ printf "%.3s|%T|%T|%T|%t|%v|%%" "abcdef" 1 1.5 "x" true false }}',
    '{{ printf "%s %d" 1 "x" }} {{ printf "%d %d" 1 }} {{ printf "%d" 1 2 }} {{ printf "%" }}',
    '{{ printf "%[2]d %[1]d" 1 2 }} {{ printf "%*d|%-*d|%.*f" 5 42 5 42 2 3.14159 }}',
    '{{ printf "%#v %#v %#x %#q" "a" 1 255 "b" }} {{ printf "%x" -255 }}',
    '{{ printf "%z %!" 1 }} {{ printf "%s" nil }} {{ printf "%v" nil }} {{ printf "% d" 5 }}',
    '{{ print 1 2 "a" 3 4 "b" }}|{{ println 1 "a" 2 }}|{{ print }}',
    '{{ printf "%v %s" $labels $labels.job }}',
    "{{ html $labels.path }} {{ js $labels.path }} {{ urlquery $labels.path }}",
    '{{ len "héllo" }} {{ index $labels "job" }} {{ index $labels "nope" }}|'
    '{{ slice "abcdef" 1 3 }} {{ slice "abcdef" 2 }} {{ index "abc" 1 }}',
    '{{ and 1 0 2 }} {{ and 1 2 }} {{ or 0 "" 3 }} {{ or 0 "" }} {{ not 1 }} {{ not "" }}',
    '{{ eq 1 2 1 }} {{ ne 1 2 }} {{ lt 1 2 }} {{ le 2 2 }} {{ gt 1.5 1.0 }} {{ ge "b" "a" }}',
    '{{ eq $labels.job "node" }} {{ eq "a" "b" }} {{ lt "a" "b" }}',
    '{{ title "hello wOrld foo_bar" }} {{ toUpper "aé" }} {{ toLower "AÉ" }}',
    '{{ stripPort $labels.instance }} {{ stripPort "[::1]:80" }} {{ stripPort "plain" }} '
    '{{ stripPort "a:b:c" }}',
    '{{ stripDomain $labels.instance }} {{ stripDomain "10.0.0.1:80" }} '
    '{{ stripDomain "a.b.c" }} {{ stripDomain "[::1]:80" }}',
    '{{ match "n.d" $labels.job }} {{ match "^x" $labels.job }}',
    '{{ reReplaceAll "(.*)-(\\\\d+)\\\\..*" "$2_${1}" $labels.instance }}',
    '{{ reReplaceAll "a*" "-" "baac" }} {{ reReplaceAll "x" "$0$$" "axb" }}',
    '{{ graphLink "up == 1" }} {{ tableLink "rate(x[5m]) > 0 and y" }}',
    '{{ parseDuration "1h30m" }} {{ parseDuration "500ms" }}',
    "{{ $externalURL }} {{ $externalLabels.site }}",
    '{{ (args 1 "b").arg1 }} {{ (args 1 "b").arg0 }} {{ (args 1).arg5 }}',
    '{{ safeHtml "<b>" }} {{ "quoted \\\\ \\t \\u00e9" }} {{ `raw \\n` }} {{ \'a\' }}',
    "{{ 1 }} {{ -1 }} {{ 0x1F }} {{ 1e3 }} {{ 1.0 }} {{ 1.50 }} {{ 1_000 }} {{ 0b11 }} {{ 017 }}",
    '{{ true }} {{ (eq 1 1) }} {{ (printf "%d" 3) | printf "%s-%s" "a" }}',
    "{{ $l := $labels }}{{ $l.job }} {{ $.Labels.job }} {{ with 5 }}{{ $.Value }}{{ end }}",
    '{{ if and (eq $labels.job "node") (gt $value 0.0) }}yes{{ else }}no{{ end }}',
    'line one\n  {{- range query "other" | sortByLabel "n" }}\n  - {{ .Value }}\n  {{- end }}\nend',
]
OF_A_VALUE = [
    '{{ $value }}|{{ printf "%.2f|%8.3f|%e|%g|%G|%v|%6.1f|%+.1f|%08.2f" $value $value $value '
    "$value $value $value $value $value $value }}",
    "{{ humanize $value }} {{ humanize1024 $value }} {{ humanizeDuration $value }} "
    "{{ humanizePercentage $value }}",
    '{{ $value | humanizeTimestamp }} {{ printf "%.4g|%.10g|%.0f|%.3e" $value $value $value '
    "$value }}",
    '{{ printf "%d %s %x" $value $value $value }}',
    '{{ (toTime $value).Format "2006-01-02 15:04:05.000 Mon Jan _2 PM -0700" }}',
    "{{ if gt $value 1.0 }}big{{ else if lt $value 0.0 }}negative{{ else }}small{{ end }}",
]
FAILING = [
    '{{ query "nothing" | first }}',
    '{{ index "abc" 5 }}',
    "{{ $value.foo }}",
    "{{ toUpper $value }}",
    '{{ toUpper "a" "b" }}',
    '{{ match "(" "x" }}',
    '{{ parseDuration "x" }}',
    "{{ lt 1 1.5 }}",
    '{{ eq 1 "a" }}',
    '{{ humanize "x" }}',
    '{{ query "1 +" }}',
    '{{ template "nowhere" }}',
    "{{ len 3 }}",
]
REFUSED = [
    "{{ nofunction 1 }}",
    "{{ $undefined }}",
    "{{ if }}x{{ end }}",
    "{{ if true }}x",
    "{{ end }}",
    "{{ else }}",
    "{{ 5 | 6 | print }}",
    "{{ range }}{{ end }}",
    "{{ break }}",
    '{{ "unclosed }}',
    "{{ (1 }}",
    "{{ 1) }}",
    "{{ template x }}",
    "{{ /* a */ }}",
    "{{ .a..b }}",
    "{{ 1 2 }}x{{ 'ab' }}",
    "{{ nil }}{{ | }}",
    "text {{",
    '{{ define "a" }}',
    '{{ if true }}{{ define "a" }}{{ end }}{{ end }}',
    "{{ 99999999999999999999 }}",
]


def cases() -> list[tuple[str, float]]:
    found = [(text, 1234.5678) for text in PLAIN + FAILING]
    return found + [(text, value) for value in VALUES for text in OF_A_VALUE]


def rendered_by_promtool(directory: Path, wanted: list[tuple[str, float]]) -> list[str]:
    rules = [
        {
            "alert": f"A{number}",
            "expr": f"series + {value!r}",
            "annotations": {"text": text},
        }
        for number, (text, value) in enumerate(wanted)
    ]
    tests = {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "external_labels": {"site": "here"},
                "external_url": "https://prom.example.net/path",
                "input_series": [
                    {"series": str(Labels({**SERIES, "__name__": "series"})), "values": "0"},
                    *({"series": str(Labels(one)), "values": str(v)} for one, v in OTHERS),
                ],
                "alert_rule_test": [
                    {"eval_time": "0m", "alertname": rule["alert"]} for rule in rules
                ],
            }
        ],
    }
    (directory / "rules.yml").write_text(
        yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]})
    )
    (directory / "tests.yml").write_text(yaml.safe_dump(tests))
    answer = subprocess.run(
        ["promtool", "test", "rules", "tests.yml"], cwd=directory, capture_output=True, text=True
    )
    found = {
        int(number): str(unquote(f'"{text}"'))
        for number, text in re.findall(
            r"alertname: A(\d+),.*?Annotations:\{text=\"((?:\\.|[^\"\\])*)\"\}",
            answer.stdout + answer.stderr,
            flags=re.DOTALL,
        )
    }
    return [found.get(number, "?") for number in range(len(wanted))]


def rendered_by_tocsin(text: str, value: float) -> str:
    template = compile_template(text, "__alert_t", functions=FUNCTION_NAMES, variables=VARIABLES)
    rule = AlertingRule("t", "x", "x", annotations={"text": text}, templates={text: template})

    def query(expr: str) -> list[QueryResult]:
        if expr == "other":
            return [QueryResult(Labels(one), v) for one, v in OTHERS]
        if expr == "vector(7)":
            return [QueryResult(Labels(), 7.0)]
        if expr == "nothing":
            return []
        raise TemplateError("parse error")

    around = Surroundings(query, 0, {"site": "here"}, "https://prom.example.net/path")
    return Expander(rule, around).annotations(Labels(SERIES), value)["text"]


@needs_promtool
def test_templates_render_as_promtool_renders_them(tmp_path: Path) -> None:
    wanted = cases()
    different = []
    for (text, value), theirs in zip(wanted, rendered_by_promtool(tmp_path, wanted), strict=True):
        ours = rendered_by_tocsin(text, value)
        both_failed = ours.startswith(FAILED) and theirs.startswith(FAILED)
        if ours != theirs and not both_failed:
            different.append(f"{text} of {value}:\n  promtool {theirs!r}\n  tocsin   {ours!r}")
    assert not different, "\n".join(different)


@needs_promtool
@pytest.mark.parametrize("text", REFUSED)
def test_what_promtool_refuses_at_load_is_refused(tmp_path: Path, text: str) -> None:
    rules = [{"alert": "A", "expr": "up", "annotations": {"text": text}}]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    answer = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert answer.returncode, answer.stdout
    with pytest.raises((TemplateError, LimitError)):
        compile_template(text, "__alert_t", functions=FUNCTION_NAMES, variables=VARIABLES)
