"""From rows and a journal to the finished cache, in steps that a kill at any moment can only repeat.

1. Spectrograms that waited beside the file go behind the last slot, in the order of the tracks.
2. The header goes to where the plan left room for it.
3. The file gets its final name, and the journal goes.

All of it depends on nothing but the plan and what the journal says, so the finished bytes do not tell in which order
tracks arrived, from how many processes, or how often the build was killed.
"""

import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.cache.disk import sync
from songmood.cache.header import Columns, columns_of, header_of, read_preamble
from songmood.cache.journal import Journal, Record, read_journal
from songmood.cache.lock import build_lock
from songmood.cache.partial import Partial, beside, partial_path
from songmood.cache.plan import CachePlan
from songmood.errors import CacheError


def journal_head(plan: CachePlan, mel_offset: int) -> dict[str, Any]:
    """The first line of a cache's journal: a build goes on only under the plan, and the HDF5, that began it."""
    return {"plan": plan.digest, "mel_offset": mel_offset}


def is_finished(plan: CachePlan) -> bool:
    """Whether the cache of this plan is there; CacheError for a file that is no cache, or a damaged one."""
    return plan.path.exists() and read_preamble(plan.path).plan == plan.digest


def finished_stems(plan: CachePlan) -> set[str]:
    """The tracks that an unfinished build of this plan need not be brought again; none where there is no such build."""
    head, *entries = read_journal(beside(plan.path, ".journal")) or [{}]
    is_begun = partial_path(plan.path).exists() and head.get("plan") == plan.digest
    return {stem for entry in entries for stem in entry["stems"]} if is_begun else set()


def finish(plan: CachePlan, partial: Partial, columns: Columns) -> None:
    """The three steps, from wherever a killed build left them."""
    preamble, header = header_of(plan, columns)
    with partial.path.open("r+b") as file:
        for row in np.flatnonzero(columns["offset"] >= plan.slots[-1]).tolist():
            first, length = (int(columns[name][row]) for name in ("offset", "length"))
            file.seek(partial.place(first))
            aside = partial.aside(row)  # a cache that gets features has it in its place already
            data = aside.read_bytes() if aside.exists() else file.read(2 * plan.mel.num_bands * length)
            if zlib.crc32(data) != columns["checksum"][row]:
                raise CacheError(f"{aside} is lost or damaged; delete {partial.path} and build again")
            file.seek(partial.place(first))
            file.write(data)
        file.seek(0)
        file.write(header)
        file.truncate(preamble.file_bytes)
        file.flush()
        os.fsync(file.fileno())
    partial.path.replace(plan.path)
    sync(plan.path.parent)
    sweep(plan.path)


def sweep(cache: Path) -> None:
    """Removes what an unfinished build leaves beside its file."""
    beside(cache, ".journal").unlink(missing_ok=True)
    shutil.rmtree(beside(cache, ".overflow"), ignore_errors=True)


def put_features(plan: CachePlan, features: NDArray[np.float32], reasons: Sequence[str]) -> None:
    """Write (N, F) `features`, NaN where there is a reason why a track has none, into the finished cache.

    What the cache holds is put into a journal first, by which it is an unfinished one that lacks nothing: a kill at any
    moment leaves the old cache, or one that `build_cache` completes without any source.
    """
    with build_lock(plan.path):
        with h5py.File(plan.path) as file:
            held = [file[name][:].tolist() for name in ("length", "checksum", "mel_note")]
        records = [
            Record(row, length, checksum, note.decode(), "" if reason else values.tobytes().hex(), reason)
            for row, (length, checksum, note, values, reason) in enumerate(zip(*held, features, reasons, strict=True))
        ]
        columns = columns_of(plan, records)
        present, (wanted, _) = read_preamble(plan.path), header_of(plan, columns)
        if wanted == present:
            return
        if wanted.mel_offset != present.mel_offset:
            raise CacheError(f"{plan.path} was built with another version of HDF5; delete it and build it again")
        beside(plan.path, ".journal").unlink(missing_ok=True)
        journal = Journal(beside(plan.path, ".journal"), journal_head(plan, present.mel_offset))
        stems = [track.stem for track in plan.tracks]
        journal.append({"job": "features", "stems": stems, "tracks": records, "strays": []})
        plan.path.replace(partial_path(plan.path))
        sync(plan.path.parent)
        finish(plan, Partial(plan.path, present.mel_offset, plan.mel, len(plan.feature_names)), columns)
