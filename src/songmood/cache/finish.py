"""From the unfinished cache to the finished one, in steps that a kill at any moment can only repeat.

1. Spectrograms that waited beside the file go behind the last slot, in the order of the tracks.
2. The final header is written to a file of its own, which is renamed to ``<cache>.commit``: from here on it decides.
3. Its bytes are copied over the unfinished file's header, which then is cut to length and renamed.

Step 2 depends on nothing but the plan and what arrived, so the finished bytes do not tell in which order it came, from
how many processes, or how often the build was killed.
"""

import os
import shutil
from pathlib import Path

import numpy as np

from songmood.cache.disk import sync
from songmood.cache.header import LEFT_OUT, WRITTEN, Columns, write_header
from songmood.cache.partial import Partial, encode_note, overflow_folder, partial_path, read_preamble, scratch_path
from songmood.cache.plan import CachePlan
from songmood.errors import CacheError

NOT_DELIVERED = "no source holds it"
COPY_BYTES = 1 << 24


def write_commit(plan: CachePlan, partial: Partial) -> None:
    """Steps 1 and 2; what was not delivered until now counts as left out."""
    commit, unfinished = commit_path(plan.path), scratch_path(plan.path)
    columns = partial.columns()
    _settle_missing(columns)
    rows = _place_overflow(partial, columns)
    header = write_header(unfinished, plan, columns, rows, is_complete=True)
    if header.mel_offset != partial.preamble.mel_offset:
        raise CacheError(f"{partial.path} was begun with another version of HDF5; delete it and build again")
    partial.sync()
    sync(unfinished)
    unfinished.replace(commit)
    sync(commit.parent)


def apply_commit(cache: Path) -> None:
    """Step 3, from wherever a killed build left it."""
    commit, partial = commit_path(cache), partial_path(cache)
    header = read_preamble(commit)
    with commit.open("rb") as source, partial.open("r+b") as target:
        left = header.mel_offset
        while left:
            left -= target.write(source.read(min(left, COPY_BYTES)))
        target.truncate(header.file_bytes)
        target.flush()
        os.fsync(target.fileno())
    partial.replace(cache)
    sync(cache.parent)
    sweep(cache)


def sweep(cache: Path) -> None:
    """Removes what an unfinished build leaves beside its file."""
    commit_path(cache).unlink(missing_ok=True)
    scratch_path(cache).unlink(missing_ok=True)
    shutil.rmtree(overflow_folder(partial_path(cache)), ignore_errors=True)


def commit_path(cache: Path) -> Path:
    """Where the final header waits to be copied."""
    return cache.with_name(cache.name + ".commit")


def _settle_missing(columns: Columns) -> None:
    """Tracks that nobody delivered are left out by that name."""
    missing = columns.mel_state < WRITTEN
    columns.mel_note[missing] = encode_note(NOT_DELIVERED)
    columns.mel_state[missing] = LEFT_OUT
    absent = columns.mel_state == LEFT_OUT
    columns.length[absent] = 0
    columns.checksum[absent] = 0


def _place_overflow(partial: Partial, columns: Columns) -> int:
    """Writes the long spectrograms behind the last slot and their offsets into `columns`; returns all frames."""
    end = partial.preamble.rows
    for index in np.flatnonzero(columns.length > np.diff(partial.slots)):
        length = int(columns.length[index])
        rows = np.frombuffer(partial.aside(int(index)), np.float16).reshape(-1, partial.preamble.bands)
        if len(rows) != length:
            raise CacheError(f"{partial.overflow_folder} lost {index}.f16; delete {partial.path} and build again")
        partial.write_rows(end, rows)
        columns.offset[index] = end
        end += length
    return end
