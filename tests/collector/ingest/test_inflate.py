import gzip

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.inflate import BodyReader, OversizeError, unpack_zstd
from collector.model.errors import InputError, LimitError


def read(chunks: list[bytes], *, packed: bool, limit: int = 0) -> bytes:
    reader = BodyReader(gzip=packed, limit_bytes=limit, limit_name="a_limit")
    for chunk in chunks:
        reader.feed(chunk)
    return reader.finish()


@given(st.binary(max_size=3000), st.integers(1, 500), st.booleans())
def test_a_body_in_pieces_is_the_body(body: bytes, piece: int, packed: bool) -> None:
    raw = gzip.compress(body) if packed else body
    chunks = [raw[i : i + piece] for i in range(0, len(raw), piece)]
    assert read(chunks, packed=packed) == body


def test_members_follow_each_other() -> None:
    assert read([gzip.compress(b"a") + gzip.compress(b"b")], packed=True) == b"ab"


@pytest.mark.parametrize("packed", [False, True])
def test_the_limit_counts_unpacked_bytes(packed: bool) -> None:
    raw = gzip.compress(b"x" * 1001) if packed else b"x" * 1001
    with pytest.raises(LimitError, match="a_limit of 1,000 bytes"):
        read([raw], packed=packed, limit=1000)
    assert len(read([raw], packed=packed, limit=1001)) == 1001


@pytest.mark.parametrize("raw", [b"not gzip", gzip.compress(b"x" * 99)[:-9]])
def test_what_is_no_whole_gzip_is_refused(raw: bytes) -> None:
    with pytest.raises(InputError):
        read([raw], packed=True)


def test_zstd_is_unpacked_up_to_a_limit() -> None:
    packed = bytes(cramjam.zstd.compress(b"a" * 10_000))
    assert unpack_zstd(packed, 10_000, "the limit") == b"a" * 10_000
    with pytest.raises(OversizeError, match="the limit of 9,999"):
        unpack_zstd(packed, 9_999, "the limit")


@pytest.mark.parametrize("cut", [0, 5, -3])
def test_what_is_no_whole_zstd_is_told(cut: int) -> None:
    packed = bytes(cramjam.zstd.compress(bytes(range(256)) * 9))
    with pytest.raises(InputError, match="not zstd"):
        unpack_zstd(packed[:cut] or b"plain", 10_000, "the limit")
