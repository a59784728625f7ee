"""Width and height of base64 images from their first bytes, and what they cost in tokens."""

import binascii
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_PATCH = 28  # pixels; Anthropic bills patches of 28 x 28
_PREFIX = 64  # bytes that hold the size in every format but JPEG
_JPEG_PREFIXES = (4_096, 65_536, 524_288)  # EXIF and colour profiles can stand before the size
_JPEG_SIZE_MARKERS = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_JPEG_BARE_MARKERS = frozenset((0x01, *range(0xD0, 0xD8)))  # without a length behind them
_MAX_SIDE = 1 << 24

Size = tuple[int, int]
"""Width and height in pixels."""


def image_size(data: str) -> Size | None:
    """The size of a PNG, JPEG, GIF or WebP image in base64; None for anything else. Decodes only the head."""
    head = _decoded(data, _PREFIX)
    if head.startswith(b"\xff\xd8"):
        tries = (_jpeg(_decoded(data, length)) for length in _JPEG_PREFIXES)
        return next((size for size in tries if size is not None), None)
    reader = next((read for magic, read in _READERS.items() if head.startswith(magic)), None)
    size = reader(head) if reader is not None else None
    return size if size is not None and all(0 < side < _MAX_SIDE for side in size) else None


def image_tokens(size: Size, *, long_edge: int, cap: int) -> int:
    """Tokens of an image: patches of 28 x 28 pixels after scaling to `long_edge`, at most `cap`."""
    scale = min(1.0, long_edge / max(size))
    width, height = (max(1, math.floor(side * scale)) for side in size)
    return min(cap, math.ceil(width / _PATCH) * math.ceil(height / _PATCH))


def _decoded(data: str, length: int) -> bytes:
    head = data[: -(-length // 3) * 4]
    try:
        return binascii.a2b_base64(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _png(head: bytes) -> Size | None:
    if len(head) < 24 or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _gif(head: bytes) -> Size | None:
    if len(head) < 10:
        return None
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _webp(head: bytes) -> Size | None:
    if len(head) < 30 or head[8:12] != b"WEBP":
        return None
    reader = _WEBP_CHUNKS.get(head[12:16])
    return reader(head) if reader is not None else None


def _webp_lossy(head: bytes) -> Size:
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _webp_lossless(head: bytes) -> Size:
    bits = int.from_bytes(head[21:25], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _webp_extended(head: bytes) -> Size:
    return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1


def _jpeg(head: bytes) -> Size | None:
    """The size in the first frame header; None if it is not within these bytes."""
    frame = next((at for marker, at in _jpeg_segments(head) if marker in _JPEG_SIZE_MARKERS), None)
    if frame is None or len(head) < frame + 9:
        return None
    height, width = (
        int.from_bytes(head[frame + 5 : frame + 7], "big"),
        int.from_bytes(head[frame + 7 : frame + 9], "big"),
    )
    return (width, height) if width and height else None


def _jpeg_segments(head: bytes) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment, as far as these bytes reach."""
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _JPEG_BARE_MARKERS:
            at += 2
        else:
            yield marker, at
            at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")


_READERS: Final[Mapping[bytes, Callable[[bytes], Size | None]]] = {
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"RIFF": _webp,
}
_WEBP_CHUNKS: Final[Mapping[bytes, Callable[[bytes], Size]]] = {
    b"VP8 ": _webp_lossy,
    b"VP8L": _webp_lossless,
    b"VP8X": _webp_extended,
}
