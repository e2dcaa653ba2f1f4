"""From rows and a journal to the finished cache, in steps that a kill at any moment can only repeat.

1. Spectrograms that waited beside the file go behind the last slot, in the order of the tracks.
2. The header is written to a file of its own, and its bytes are copied to where the plan left room for them.
3. The file gets its final name, and the journal goes.

All of it depends on nothing but the plan and what the journal says, so the finished bytes do not tell in which order
tracks arrived, from how many processes, or how often the build was killed.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.cache import header
from songmood.cache.disk import sync, write_at
from songmood.cache.half import checksum
from songmood.cache.header import LEFT_OUT, WRITTEN, Columns, decode_note, encode_note
from songmood.cache.journal import Journal, Record, read_journal
from songmood.cache.lock import build_lock
from songmood.cache.partial import Partial, beside, partial_path
from songmood.cache.plan import CachePlan
from songmood.errors import CacheError

NOT_DELIVERED = "no source holds it"


def journal_head(plan: CachePlan, mel_offset: int) -> dict[str, Any]:
    """The first line of a cache's journal: a build goes on only under the plan, and the HDF5, that began it."""
    return {"plan": plan.digest, "mel_offset": mel_offset}


def finished_stems(plan: CachePlan) -> set[str]:
    """The tracks that an unfinished build of this plan need not be brought again; none where there is no such build."""
    head, *entries = read_journal(beside(plan.path, ".journal")) or [{}]
    is_begun = partial_path(plan.path).exists() and head.get("plan") == plan.digest
    return {stem for entry in entries for stem in entry["stems"]} if is_begun else set()


def columns_of(plan: CachePlan, entries: Iterable[dict[str, Any]]) -> Columns:
    """What a journal says; what was not delivered counts as left out."""
    columns = Columns.blank(len(plan.tracks), len(plan.feature_names))
    columns.mel_state[:] = LEFT_OUT
    columns.mel_note[:] = encode_note(NOT_DELIVERED)
    for record in (Record(*values) for entry in entries for values in entry["tracks"]):
        row = record.row
        columns.length[row], columns.checksum[row] = record.length, record.checksum
        columns.mel_state[row] = WRITTEN if record.length else LEFT_OUT
        columns.mel_note[row] = encode_note(record.note)
        columns.features_state[row] = WRITTEN if record.features else LEFT_OUT
        columns.features_note[row] = encode_note(record.features_note)
        if record.features:
            columns.features[row] = np.frombuffer(bytes.fromhex(record.features), np.float32)
    is_long = columns.length > np.diff(plan.slots)
    columns.offset[:] = plan.slots[:-1]
    columns.offset[is_long] = plan.slots[-1] + np.cumsum(columns.length[is_long]) - columns.length[is_long]
    return columns


def finish(plan: CachePlan, partial: Partial, columns: Columns) -> None:
    """The three steps, from wherever a killed build left them."""
    scratch = beside(plan.path, ".tmp")
    preamble = header.write_header(scratch, plan, columns, is_complete=True)
    with partial.path.open("r+b", buffering=0) as file:
        for row in np.flatnonzero(columns.offset >= plan.slots[-1]).tolist():
            place, size = partial.place(int(columns.offset[row])), 2 * partial.num_bands * int(columns.length[row])
            aside = partial.aside(row)  # a cache that gets features has it in its place already
            data = aside.read_bytes() if aside.exists() else os.pread(file.fileno(), size, place)
            if checksum(data) != columns.checksum[row]:
                raise CacheError(f"{aside} is lost or damaged; delete {partial.path} and build again")
            write_at(file.fileno(), data, place)
        with scratch.open("rb") as source:
            write_at(file.fileno(), source.read(preamble.mel_offset), 0)
        file.truncate(preamble.file_bytes)
        os.fsync(file.fileno())
    partial.path.replace(plan.path)
    sync(plan.path.parent)
    sweep(plan.path)


def sweep(cache: Path) -> None:
    """Removes what an unfinished build leaves beside its file."""
    beside(cache, ".journal").unlink(missing_ok=True)
    beside(cache, ".tmp").unlink(missing_ok=True)
    shutil.rmtree(beside(cache, ".overflow"), ignore_errors=True)


def put_features(plan: CachePlan, features: NDArray[np.float32], reasons: Sequence[str]) -> bool:
    """Write (N, F) `features` and why some tracks have none into the finished cache; False where they are there.

    What the cache holds is put into a journal first, by which it is an unfinished one that lacks nothing: a kill at any
    moment leaves the old cache, or one that `build_cache` completes without any source.
    """
    with build_lock(plan.path):
        with h5py.File(plan.path) as file:
            columns = Columns.read(file)
        columns.features = features
        columns.features_state = np.array([LEFT_OUT if reason else WRITTEN for reason in reasons], np.uint8)
        columns.features_note = np.array([encode_note(reason) for reason in reasons], columns.features_note.dtype)
        present = header.read_preamble(plan.path)
        wanted = header.write_header(beside(plan.path, ".tmp"), plan, columns, is_complete=True)
        beside(plan.path, ".tmp").unlink()
        if wanted == present:
            return False
        if wanted.mel_offset != present.mel_offset:
            raise CacheError(f"{plan.path} was built with another version of HDF5; delete it and build it again")
        beside(plan.path, ".journal").unlink(missing_ok=True)
        journal = Journal(beside(plan.path, ".journal"), journal_head(plan, present.mel_offset))
        stems = [track.stem for track in plan.tracks]
        journal.append({"job": "features", "stems": stems, "tracks": _records(columns), "strays": []})
        plan.path.replace(partial_path(plan.path))
        sync(plan.path.parent)
        finish(plan, Partial.of(plan, present.mel_offset), columns)
    return True


def _records(columns: Columns) -> list[Record]:
    """What `columns_of` makes the same columns of."""
    return [
        Record(
            row,
            int(columns.length[row]),
            int(columns.checksum[row]),
            decode_note(columns.mel_note[row]),
            columns.features[row].tobytes().hex() if columns.features_state[row] == WRITTEN else "",
            decode_note(columns.features_note[row]),
        )
        for row in range(len(columns.length))
    ]
