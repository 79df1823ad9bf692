"""A terminal sees how far a command is; a pipe sees nothing of it."""

from __future__ import annotations

import pytest

from tocsin.commands.progress import counted


def test_a_terminal_sees_what_is_done_of_how_much(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with counted("imported", 2000) as tell:
        tell("one.csv", 500)
        tell("two.csv", 1000)
    told = capsys.readouterr()
    assert "imported two.csv" in told.err
    assert "1.5/2.0 kB" in told.err
    assert not told.out


def test_a_pipe_sees_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with counted("imported", 2000) as tell:
        tell("one.csv", 500)
    told = capsys.readouterr()
    assert (told.out, told.err.strip()) == ("", "")
