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

from songmood.cache.disk import sync, write_at
from songmood.cache.half import checksum
from songmood.cache.header import (
    LEFT_OUT,
    PENDING,
    WRITTEN,
    Columns,
    decode_note,
    encode_note,
    read_preamble,
    write_header,
)
from songmood.cache.journal import Journal, Record, read_journal
from songmood.cache.lock import build_lock
from songmood.cache.partial import Partial, journal_path, overflow_folder, partial_path, scratch_path
from songmood.cache.plan import CachePlan
from songmood.errors import CacheError

NOT_DELIVERED = "no source holds it"


def columns_of(plan: CachePlan, entries: Iterable[dict[str, Any]]) -> Columns:
    """What a journal says; what was not delivered counts as left out."""
    columns = Columns.blank(plan)
    for record in (Record(*values) for entry in entries for values in entry["tracks"]):
        row = record.row
        columns.length[row], columns.checksum[row] = record.length, record.checksum
        columns.mel_state[row] = WRITTEN if record.length else LEFT_OUT
        columns.mel_note[row] = encode_note(record.note)
        columns.features_state[row] = WRITTEN if record.features else LEFT_OUT
        columns.features_note[row] = encode_note(record.features_note)
        if record.features:
            columns.features[row] = np.frombuffer(bytes.fromhex(record.features), np.float32)
    missing = columns.mel_state == PENDING
    columns.mel_note[missing] = encode_note(NOT_DELIVERED)
    columns.mel_state[missing] = LEFT_OUT
    is_long = columns.length > np.diff(plan.slots)
    columns.offset[is_long] = plan.slots[-1] + np.cumsum(columns.length[is_long]) - columns.length[is_long]
    return columns


def finish(plan: CachePlan, partial: Partial, columns: Columns) -> None:
    """The three steps, from wherever a killed build left them."""
    is_long = columns.offset >= plan.slots[-1]
    scratch = scratch_path(plan.path)
    header = write_header(scratch, plan, columns, int(plan.slots[-1] + columns.length[is_long].sum()), is_complete=True)
    if header.mel_offset != partial.mel_offset:
        raise CacheError(f"{partial.path} was begun with another version of HDF5; delete it and build again")
    with partial.path.open("r+b", buffering=0) as file:
        for row in np.flatnonzero(is_long).tolist():
            _place(file.fileno(), partial, row, columns)
        with scratch.open("rb") as source:
            write_at(file.fileno(), source.read(header.mel_offset), 0)
        file.truncate(header.file_bytes)
        os.fsync(file.fileno())
    partial.path.replace(plan.path)
    sync(plan.path.parent)
    sweep(plan.path)


def _place(descriptor: int, partial: Partial, row: int, columns: Columns) -> None:
    """Copies a long spectrogram behind the last slot; the cache that gets features has it there already."""
    first, length = int(columns.offset[row]), int(columns.length[row])
    aside = partial.aside(row)
    if aside.exists():
        data = aside.read_bytes()
        partial.write_rows(descriptor, first, np.frombuffer(data, np.float16).reshape(-1, partial.num_bands))
    else:
        size = 2 * partial.num_bands
        data = os.pread(descriptor, length * size, partial.mel_offset + first * size)
    if checksum(data) != columns.checksum[row]:
        raise CacheError(f"{aside} is lost or damaged; delete {partial.path} and build again")


def sweep(cache: Path) -> None:
    """Removes what an unfinished build leaves beside its file."""
    journal_path(cache).unlink(missing_ok=True)
    scratch_path(cache).unlink(missing_ok=True)
    shutil.rmtree(overflow_folder(cache), ignore_errors=True)


def put_features(plan: CachePlan, features: NDArray[np.float32], reasons: Sequence[str]) -> bool:
    """Write (N, F) `features` and why some tracks have none into the finished cache; False where they are there.

    What the cache holds is put into a journal first, by which it is an unfinished one that lacks nothing: a kill at any
    moment leaves the old cache, or one that `build_cache` completes without any source.
    """
    with build_lock(plan.path):
        present, scratch = read_preamble(plan.path), scratch_path(plan.path)
        with h5py.File(plan.path) as file:
            columns = Columns.read(file)
        columns.features = features
        columns.features_state = np.array([LEFT_OUT if reason else WRITTEN for reason in reasons], np.uint8)
        columns.features_note = np.array([encode_note(reason) for reason in reasons], columns.features_note.dtype)
        header = write_header(scratch, plan, columns, present.rows, is_complete=True)
        scratch.unlink()
        if header.mel_offset != present.mel_offset:
            raise CacheError(f"{plan.path} was built with another version of HDF5; delete it and build it again")
        if header == present:
            return False
        partial = Partial.of(plan, present.mel_offset)
        journal_path(plan.path).unlink(missing_ok=True)
        with Journal(journal_path(plan.path), journal_head(partial, plan)) as journal:
            stems = [track.stem for track in plan.tracks]
            journal.append({"job": "features", "stems": stems, "tracks": _records(columns), "strays": []})
        plan.path.replace(partial.path)
        sync(plan.path.parent)
        finish(plan, partial, columns)
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


def journal_head(partial: Partial, plan: CachePlan) -> dict[str, Any]:
    """The first line of a cache's journal: it goes on only under the plan that began it."""
    return {"plan": plan.digest, "mel_offset": partial.mel_offset}


def finished_stems(plan: CachePlan) -> set[str]:
    """The tracks that an unfinished build of this plan need not be brought again; none where there is no such build."""
    if not partial_path(plan.path).exists():
        return set()
    head, *entries = read_journal(journal_path(plan.path)) or [{}]
    return {stem for entry in entries for stem in entry["stems"]} if head.get("plan") == plan.digest else set()
