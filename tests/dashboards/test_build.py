from pathlib import Path

import pytest

from collector.model.errors import StorageError
from dashboards.boards.host import host
from dashboards.build import write_boards


def test_a_second_build_changes_nothing(tmp_path: Path) -> None:
    (first,) = write_boards([host()], tmp_path / "boards")
    (second,) = write_boards([host()], tmp_path / "boards")
    assert (first.change, second.change) == ("created", "unchanged")
    first.path.write_text("{}")
    assert write_boards([host()], tmp_path / "boards")[0].change == "updated"
    assert [path.name for path in (tmp_path / "boards").iterdir()] == ["tocsin-host.json"]


def test_a_path_that_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="may write to"):
        write_boards([host()], tmp_path / "file")
