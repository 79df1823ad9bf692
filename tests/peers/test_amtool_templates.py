"""Templates against `amtool template render`: the same text from the same data."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from alerts.notification import Notification, Reason
from alerts.template import default_book
from alerts.template.data import data_of
from alerts.template.functions import functions
from collector.model import Alert, Labels
from collector.model.errors import TemplateError

pytestmark = pytest.mark.peer
START_MS = 1_700_000_000_000
LABELS = {"alertname": "Down", "service": "shop", "Zone": "z", "a_b": "x"}
SUMMARY = "a < b & \"c\" +1 'd'"
NOTIFICATION = Notification(
    "id",
    "team-x.a+b",
    "{}:{}",
    Labels({"service": "shop"}),
    (
        Alert(Labels(LABELS | {"pod": "a"}), {"summary": SUMMARY}, START_MS, generator_url="u?a&b"),
        Alert(Labels(LABELS | {"pod": "b"}), {"summary": SUMMARY}, START_MS, START_MS + 1_500),
    ),
    Reason.FIRST,
    START_MS + 60_000,
    "http://tocsin",
)
TEXTS = (
    "{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}",
    "{{ len .Alerts }} {{ .Alerts.Firing | len }} {{ len .Alerts.Resolved }}",
    "{{ range .Alerts }}{{ .Labels.pod }} {{ .Status }} {{ .StartsAt }} {{ .EndsAt }};{{ end }}",
    "{{ range .Alerts }}{{ .GeneratorURL }} {{ .EndsAt.IsZero }};{{ end }}",
    "{{ .CommonLabels.SortedPairs.Names }} {{ .CommonLabels.SortedPairs.Values }}",
    "{{ .CommonLabels.Names | join `, ` }} {{ .CommonLabels.Values | join `+` }}",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}",
    "{{ range $k, $v := .CommonLabels }}{{ $k }}={{ $v }} {{ end }}",
    "{{ (.CommonLabels.Remove .GroupLabels.Names).Names }}",
    "{{ (.CommonLabels.Remove (stringSlice `Zone` `none`)).Values }}",
    "[{{ .CommonLabels.none }}][{{ index .CommonLabels `none` }}]",
    "{{ with .CommonAnnotations.none }}y{{ else }}n{{ end }}{{ if .GroupLabels }}y{{ end }}",
    "{{ .CommonAnnotations.summary }} {{ .CommonAnnotations.summary | toUpper }}",
    "{{ toLower `ÄB` }} {{ title `the eND of-it o'neil 3d a.b a_b _x x1y éa` }}",
    "{{ match `^[a-c]+$` `abc` }} {{ match `^b` `abc` }}",
    "{{ reReplaceAll `(\\w)(\\w)` `$2${1}-` `abcd e` }} {{ reReplaceAll `x*` `-` `axxb` }}",
    "{{ if and (eq .Status `firing`) (gt (len .Alerts) 1) }}many{{ else }}few{{ end }}",
    "{{ printf `%s %d %q %v` .Status (len .Alerts) .Status true }}",
    "{{ (index .Alerts 0).StartsAt.Format `Mon Jan 2 15:04:05.000 2006` }}",
    "{{ (index .Alerts 1).EndsAt.Sub (index .Alerts 1).StartsAt }}",
    "{{ define `x` }}[{{ . }}]{{ end }}{{ template `x` .Status }}",
    "{{- /* nothing */ -}}  {{- ` a ` -}}  {{ safeHtml `<b>` }}",
    "{{ .CommonLabels.alertname | html }} {{ urlquery .CommonAnnotations.summary }}",
)
WRONG = (
    "{{ .Nothing }}",
    "{{ .Alerts.Nothing }}",
    "{{ nothing 1 }}",
    "{{ template `nothing` . }}",
    "{{ join 1 2 }}",
    "{{ index .Alerts 5 }}",
    "{{ if }}{{ end }}",
    "{{ end }}",
    "{{ toUpper 1 }}",
)


@pytest.fixture
def amtool(binary: Callable[[str], str], tmp_path: Path) -> Callable[..., tuple[bool, str]]:
    program, empty, data = binary("amtool"), tmp_path / "e.tmpl", tmp_path / "data.json"
    empty.write_text("")
    told = functions(START_MS)
    text = default_book().compile("{{ toJson . }}", "t").render(data_of(NOTIFICATION), told)
    data.write_text(json.dumps(json.loads(text)))

    def render(template: str, kind: str) -> tuple[bool, str]:
        command = [program, "template", "render", f"--template.glob={empty}"]
        command += [f"--template.data={data}", f"--template.type={kind}"]
        command += [f"--template.text={template}"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return run.returncode == 0, run.stdout

    return render


def ours(template: str, kind: str) -> str:
    compiled = default_book().compile(template, "t")
    known = functions(NOTIFICATION.at_ms)
    return compiled.render(data_of(NOTIFICATION), known, html=kind == "html")


@pytest.mark.parametrize("kind", ["text", "html"])
@pytest.mark.parametrize("text", TEXTS)
def test_it_prints_what_amtool_prints(
    amtool: Callable[..., tuple[bool, str]], text: str, kind: str
) -> None:
    found, theirs = amtool(text, kind)
    assert found
    assert ours(text, kind).strip() == theirs.strip()


@pytest.mark.parametrize("text", WRONG)
def test_what_amtool_refuses_is_refused(amtool: Callable[..., tuple[bool, str]], text: str) -> None:
    assert not amtool(text, "text")[0]
    with pytest.raises(TemplateError):
        ours(text, "text")
