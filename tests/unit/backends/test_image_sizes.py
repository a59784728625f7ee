"""Sizes of images read from the first bytes of their base64 data."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_anthropic_server.backends.image_sizes import image_size, image_tokens

SIDES = st.integers(1, 16_000)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\x08\x06\x00\x00\x00rest"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\xf7\x00\x00rest"


def jpeg(width: int, height: int, before: bytes = b"") -> bytes:
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    huffman = b"\xff\xc4" + struct.pack(">H", 4) + b"\x00\x00"
    frame = b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + app0 + before + huffman + b"\xff\x01" + frame + b"\xff\xda"


def webp(chunk: bytes, payload: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + chunk + struct.pack("<I", len(payload)) + payload + bytes(16)


def webp_lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height))


def webp_lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def webp_extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", b"\x10\x00\x00\x00" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little"))


@pytest.mark.parametrize("make", [png, gif, jpeg, webp_lossy, webp_lossless, webp_extended])
@given(width=SIDES, height=SIDES)
def test_the_size_is_read_from_every_format(make, width: int, height: int) -> None:  # type: ignore[no-untyped-def]
    assert image_size(encoded(make(width, height))) == (width, height)


@pytest.mark.parametrize("profile_bytes", [100, 20_000, 65_000, 300_000])
def test_a_jpeg_may_hold_much_before_its_size(profile_bytes: int) -> None:
    full, rest = divmod(profile_bytes, 60_000)
    profile = b"".join(b"\xff\xe2" + struct.pack(">H", n + 2) + bytes(n) for n in [60_000] * full + [rest])
    assert image_size(encoded(jpeg(640, 480, profile))) == (640, 480)


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8", b"RIFF1234WEBPVP8 "])
)
def test_broken_images_have_no_size_or_a_possible_one(rest: bytes, magic: bytes) -> None:
    size = image_size(encoded(magic + rest))
    assert size is None or (size[0] > 0 and size[1] > 0)


@given(st.text(max_size=100))
def test_what_is_no_base64_is_no_image(text: str) -> None:
    assert image_size("!" + text) is None or image_size(text) is not None


@pytest.mark.parametrize("make", [png, gif, webp_lossy, jpeg])
def test_a_cut_image_or_one_without_a_side_has_no_size(make) -> None:  # type: ignore[no-untyped-def]
    assert image_size(encoded(make(10, 10)[:9])) is None
    assert image_size(encoded(make(0, 10))) is None


@pytest.mark.parametrize(
    ("size", "long_edge", "cap", "expected"),
    [
        ((28, 28), 1568, 1568, 1),
        ((29, 28), 1568, 1568, 2),
        ((1, 1), 1568, 1568, 1),
        ((1092, 1092), 1568, 1568, 39 * 39),
        ((3136, 28), 1568, 1568, 56),
        ((8000, 8000), 1568, 1568, 1568),
        ((2000, 1500), 2576, 4784, 72 * 54),
        ((8000, 8000), 2576, 4784, 4784),
    ],
)
def test_tokens_are_patches_after_scaling(size: tuple[int, int], long_edge: int, cap: int, expected: int) -> None:
    assert image_tokens(size, long_edge=long_edge, cap=cap) == expected
