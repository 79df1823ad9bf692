"""`SecretSource`: a secret that is written in the configuration or kept in a file.

A file is read at each use, so that a rotated secret needs no reload.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collector.model.errors import UnavailableError
from collector.model.secrets import Secret


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Exactly one of `secret` and `file` is set, or none: then it is absent and falsy."""

    secret: Secret | None = None
    file: str = ""

    def __bool__(self) -> bool:
        return self.secret is not None or bool(self.file)

    def read(self) -> Secret:
        """The secret; raises UnavailableError, naming the file, when it can't be read."""
        if self.secret is not None:
            return self.secret
        try:
            return Secret(Path(self.file).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise UnavailableError(
                f"the secret in {self.file} can't be read: {reason}",
                advice="check the path and its mode",
            ) from error
