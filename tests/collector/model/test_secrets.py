import json

import pytest

from collector.model.secrets import Secret


def test_a_secret_shows_nowhere() -> None:
    secret = Secret("hunter2")
    shown = f"{secret} {secret!r} {secret:>10} {[secret]} {str(secret)!s}"
    assert "hunter2" not in shown
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret.reveal() == "hunter2"
