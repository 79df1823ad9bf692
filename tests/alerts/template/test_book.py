"""Files of templates: found, read, and named with line and column when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.template import load_book
from collector.model.errors import ConfigError
from tocsin.config import load_config


def test_files_define_templates_and_replace_the_default_ones(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "mine" }}{{ template "__subject" . }}!{{ end }}')
    (tmp_path / "b.tmpl").write_text('{{ define "__subject" }}short{{ end }}')
    book, errors = load_book(["*.tmpl", "none/*.tmpl"], tmp_path)
    assert errors == []
    assert book.files == ("a.tmpl", "b.tmpl")
    assert book.compile('{{ template "mine" . }}', "t").render({}, {}) == "short!"


def test_each_wrong_file_is_named_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text("line one\n  {{ if }}{{ end }}")
    (tmp_path / "b.tmpl").write_text("{{ unknownFunction 1 }}")
    (tmp_path / "c.tmpl").write_bytes(b"\xff")
    _, errors = load_book(["*.tmpl"], tmp_path)
    assert [Path(error.where.file).name for error in errors] == ["a.tmpl", "b.tmpl", "c.tmpl"]
    assert [error.where.line for error in errors[:2]] == [2, 1]
    assert "column 9" in str(errors[0])
    assert "unknownFunction" in str(errors[1])


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.tmpl").write_text("x" * 100)
    monkeypatch.setattr("alerts.template.book.MAX_FILE_BYTES", 99)
    _, errors = load_book(["*.tmpl"], tmp_path)
    assert "larger than 99 bytes" in str(errors[0])


def test_the_configuration_names_wrong_files_and_wrong_fields_alike(tmp_path: Path) -> None:
    (tmp_path / "wrong.tmpl").write_text("\n{{ end }}")
    file = tmp_path / "tocsin.yaml"
    file.write_text(
        "templates: ['*.tmpl']\nroute: {receiver: a}\nreceivers:\n"
        "  - name: a\n    webhook_configs: [{url: 'http://x/'}]\n"
    )
    with pytest.raises(ConfigError, match=r"wrong\.tmpl:2: column 4"):
        load_config(file, {"TOCSIN_ADDRESS": "127.0.0.1:9900"})
    (tmp_path / "wrong.tmpl").unlink()
    file.write_text(
        "route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n"
        "      - api_url: https://hooks.slack.com/services/x\n"
        "        title: '{{ nope . }}'\n"
        "    email_configs:\n"
        "      - {to: a@b.c, from: a@b.c, smarthost: 'x:25', headers: {Subject: '{{ if }}'}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {"TOCSIN_ADDRESS": "127.0.0.1:9900"})
    text = str(caught.value)
    assert "tocsin.yaml:6: receivers[0].slack_configs[0].title: template: title:1:4" in text
    assert "receivers[0].email_configs[0].headers.Subject" in text


def test_an_empty_configuration_has_the_default_templates(tmp_path: Path) -> None:
    book, _ = load_book([], tmp_path)
    assert "slack.default.title" in book.defined
