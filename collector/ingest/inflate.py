"""Packed bodies, unpacked up to a limit: a bomb stops at the limit, not at the end of memory."""

from __future__ import annotations

from isal import isal_zlib

from collector.model.errors import InputError, LimitError

_GZIP = 16 + isal_zlib.MAX_WBITS
_CHUNK = 1024 * 1024
_NOT_GZIP: type[Exception] = isal_zlib.error  # type: ignore[assignment]  # its stub is wrong


class OversizeError(LimitError):
    """The body is larger than it may be (HTTP 413)."""


class BodyReader:
    """Collects a body chunk by chunk, unpacking it when it is gzip.

    `limit_bytes` bounds what is held, 0 is no limit; `limit_name` is told when it is passed.
    """

    def __init__(self, *, gzip: bool, limit_bytes: int, limit_name: str) -> None:
        self._inflate = isal_zlib.decompressobj(_GZIP) if gzip else None
        self._limit = limit_bytes
        self._limit_name = limit_name
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they came.

        Raises OversizeError past the limit, InputError for bytes that are not gzip.
        """
        if self._inflate is None:
            self._keep(chunk)
            return
        while chunk:
            try:
                self._keep(self._inflate.decompress(chunk, _CHUNK))
            except _NOT_GZIP as error:
                raise InputError(f"the body is not gzip: {error}", advice=_ADVICE) from error
            chunk = self._inflate.unconsumed_tail
            if self._inflate.eof:
                # a gzip stream may have several members, one after the other
                chunk = self._inflate.unused_data
                self._inflate = isal_zlib.decompressobj(_GZIP) if chunk else self._inflate

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._limit and self._size > self._limit:
            raise OversizeError(
                f"the body is larger than {self._limit_name} of {self._limit:,} bytes",
                advice=f"send less at once, or raise {self._limit_name}",
            )
        self._parts.append(part)

    def finish(self) -> bytes:
        """The whole body; raises InputError when gzip was cut short."""
        if self._inflate is not None and self._parts and not self._inflate.eof:
            raise InputError("the gzip body ends before its end", advice=_ADVICE)
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


_ADVICE = "send a whole packed stream, or a plain body and no Content-Encoding"


def unpack_zstd(body: bytes, limit_bytes: int, limit_name: str) -> bytes:
    """A zstd body, unpacked.

    Raises OversizeError past the limit, InputError for bytes that are not zstd.
    """
    import pyarrow as pa  # loaded with the store in any case; formats alone do without

    try:
        with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
            unpacked: bytes = stream.read(limit_bytes + 1 if limit_bytes else None)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"the body is not zstd: {error}", advice=_ADVICE) from error
    if limit_bytes and len(unpacked) > limit_bytes:
        raise OversizeError(
            f"the body is larger than {limit_name} of {limit_bytes:,} bytes",
            advice=f"send less at once, or raise {limit_name}",
        )
    return unpacked
