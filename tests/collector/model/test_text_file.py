"""What a person wrote is read whole, or refused with its file, line and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.model.errors import ConfigError
from collector.model.text_file import read_text


def test_text_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes("é: 1\n".encode())
    assert read_text(file, 6) == "é: 1\n"
    with pytest.raises(ConfigError, match=r"a\.yaml: larger than 5 bytes"):
        read_text(file, 5)


def test_a_byte_that_is_no_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:2: not UTF-8: the byte 0xff \(save"):
        read_text(file, 100)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none: can't be read: No such file .*\(check the path"):
        read_text(tmp_path / "none", 100)
