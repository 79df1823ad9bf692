"""`TlsConfig` to the `ssl.SSLContext` that a client uses."""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.http_config import TlsConfig
from collector.model.errors import ConfigError

_log = logging.getLogger(__name__)

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def tls_context(tls: TlsConfig, whose: str) -> ssl.SSLContext:
    """How servers are checked; `whose` names the section in errors.

    Raises ConfigError for certificates that are no use.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None, cadata=tls.ca or None)
        _present(context, tls)
        if tls.min_version:
            context.minimum_version = _VERSIONS[tls.min_version]
        if tls.max_version:
            context.maximum_version = _VERSIONS[tls.max_version]
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"tls_config of {whose} can't be used: {error}",
            advice="check that ca, cert and key (or their files) are there and are PEM",
        ) from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsContexts:
    """The context of one section, made anew when a certificate's file has changed."""

    def __init__(self, tls: TlsConfig, whose: str) -> None:
        """Raises ConfigError when there can be no context."""
        self._tls = tls
        self._whose = whose
        self._state = self._files_state()
        self._context = tls_context(tls, whose)

    def current(self) -> ssl.SSLContext:
        """The context for a new connection; the old one while new files are no use."""
        state = self._files_state()
        if state != self._state:
            try:
                self._context = tls_context(self._tls, self._whose)
                self._state = state
            except ConfigError as error:
                _log.warning("kept the certificates as they were: %s", error)
        return self._context

    def _files_state(self) -> tuple[int, ...]:
        """Times of change (ns), 0 for a file that is not there."""
        tls = self._tls
        names = (name for name in (tls.ca_file, tls.cert_file, tls.key_file) if name)
        return tuple(_changed_ns(Path(name)) for name in names)


def _changed_ns(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _present(context: ssl.SSLContext, tls: TlsConfig) -> None:
    """Show the client's certificate; what is written inline goes through a file for a moment."""
    if not (tls.cert or tls.cert_file):
        return
    key = tls.key.reveal() if tls.key is not None else ""
    with _as_file(tls.cert_file, tls.cert) as cert_file, _as_file(tls.key_file, key) as key_file:
        context.load_cert_chain(cert_file, key_file)


@contextmanager
def _as_file(name: str, text: str) -> Iterator[str]:
    """ssl reads certificates from files only; the temporary one is the owner's alone."""
    if name:
        yield name
        return
    handle, made = tempfile.mkstemp(prefix="tocsin-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield made
    finally:
        Path(made).unlink()
