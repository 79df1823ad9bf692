"""A shared set of Alertmanager's files: those in `right` load, those in `wrong` don't.

`tests/peers/test_amtool_check_config.py` asks amtool for its verdict on the same files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config_errors import ManyConfigErrors
from collector.model.errors import ConfigError
from tocsin.config import load_config

CASES = Path(__file__).parents[1] / "cases" / "alertmanager"
RIGHT = sorted((CASES / "right").glob("*.yml"))
WRONG = sorted((CASES / "wrong").glob("*.yml"))
ENVIRONMENT = {"TOCSIN_ADDRESS": "127.0.0.1:9900"}


def test_the_set_is_there() -> None:
    assert len(RIGHT) >= 15
    assert len(WRONG) >= 25


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: file.stem)
def test_a_right_file_loads(file: Path) -> None:
    load_config(file, ENVIRONMENT)


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_a_wrong_file_is_refused_and_each_error_says_where(file: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file, ENVIRONMENT)
    error = caught.value
    errors = error.errors if isinstance(error, ManyConfigErrors) else [error]
    assert all(one.where.file and one.where.line for one in errors)
