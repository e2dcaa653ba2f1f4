"""Is a cache what was written? Every byte counts: the header by its hash, rows by checksums, gaps by being zero."""

import zlib
from pathlib import Path

import numpy as np

from songmood.cache.read import MelCache
from songmood.progress import progress

BLOCK_FRAMES = 1 << 17  # 25 MB at a time


def verify_cache(path: Path) -> list[str]:
    """The ids of tracks whose rows, or whose slot beyond them, are not what was written.

    Raises:
        CacheError: the file is missing, unfinished, too short or long, or damaged in its header, which tells nothing
            about single tracks.
    """
    cache = MelCache.open(path)
    order = np.argsort(cache.offset, kind="stable")
    ends = np.append(cache.offset[order][1:], cache.preamble.rows)
    damaged = []
    with progress(f"verifying {path.name}", len(order), "tracks") as meter:
        for row, end in zip(order.tolist(), ends.tolist(), strict=True):
            if not _is_intact(cache, row, end):
                damaged.append(row)
            meter.advance(1)
    return [cache.track_ids[row] for row in sorted(damaged)]


def _is_intact(cache: MelCache, row: int, end: int) -> bool:
    start, length = int(cache.offset[row]), int(cache.length[row])
    rows = cache.mel[start : start + length]
    if length and zlib.crc32(rows.data) != cache.checksum[row]:
        return False
    return all(
        not cache.mel[block : min(block + BLOCK_FRAMES, end)].view(np.uint16).any()
        for block in range(start + length, end, BLOCK_FRAMES)
    )
