"""The bytes by which a file differs from what it was: few, and enough to get it back.

Behind what both begin with, both are laid over each other with their ends together: what a field moved lies on itself
there, so that the exclusive or is zeros but for page numbers and checksums, and packs to almost nothing.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
BLOCK = 1 << 20  # bytes at once


@dataclass(frozen=True)
class Delta:
    """From the new bytes to the old ones.

    Attributes:
        same: bytes that both begin with.
        middle: what the old ones have between that and the part that both are laid over each other in.
        tail: the exclusive or of that part, packed.
        length: of that part.
    """

    same: int
    middle: bytes
    tail: bytes
    length: int


def delta(old: Bytes, new: Bytes) -> Delta:
    """What it takes to get from `new` (N,) back to `old` (M,)."""
    same = _same(old, new)
    length = min(len(old), len(new)) - same
    packer = zlib.compressobj()
    over = _exclusive_or(old[len(old) - length :], new[len(new) - length :])
    tail = b"".join([*map(packer.compress, over), packer.flush()])
    return Delta(same, old[same : len(old) - length].tobytes(), tail, length)


def restored(new: Bytes, by: Delta) -> Iterator[bytes]:
    """The old bytes, part by part."""
    yield new[: by.same].tobytes()
    yield by.middle
    yield from _exclusive_or(new[len(new) - by.length :], np.frombuffer(zlib.decompress(by.tail), dtype=np.uint8))


def _same(old: Bytes, new: Bytes) -> int:
    """How many bytes both begin with."""
    length = min(len(old), len(new))
    for start in range(0, length, BLOCK):
        end = min(start + BLOCK, length)
        different = np.flatnonzero(old[start:end] != new[start:end])
        if len(different):
            return start + int(different[0])
    return length


def _exclusive_or(first: Bytes, second: Bytes) -> Iterator[bytes]:
    for start in range(0, len(first), BLOCK):
        yield (first[start : start + BLOCK] ^ second[start : start + BLOCK]).tobytes()
