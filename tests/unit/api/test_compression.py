import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.compression import PIECE_BYTES, accepts_gzip, gathered, gzipped


@pytest.mark.parametrize("header", ["gzip", "GZIP", "deflate, gzip;q=0.5", "*", "br;q=1.0, *;q=0.1"])
def test_who_takes_gzip_gets_it(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize("header", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*, gzip;q=0", "*;q=0"])
def test_who_does_not_take_it_does_not(header: str) -> None:
    assert not accepts_gzip(header)


@given(st.lists(st.binary(max_size=2000)))
def test_nothing_is_lost_on_the_way(pieces: list[bytes]) -> None:
    assert gzip.decompress(b"".join(gzipped(pieces))) == b"".join(pieces)
    assert b"".join(gathered(pieces)) == b"".join(pieces)


def test_pieces_are_gathered_and_none_is_empty() -> None:
    assert [len(piece) for piece in gathered([b"x" * 1000] * 100)] == [66_000, 34_000]
    assert PIECE_BYTES <= 66_000
    assert list(gathered([])) == []
