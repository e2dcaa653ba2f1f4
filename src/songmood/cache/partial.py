"""The cache in the making: a plain file in which each track has its slot, written by whichever process has its job.

Where a row lies is the plan's choice, so tracks arrive in any order. A spectrogram longer than its slot waits in a file
beside, for the end. What is in the file is told by the journal beside it, which the parent writes.
"""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from songmood.audio.parameters import MelParameters
from songmood.cache.disk import FULL, sync
from songmood.cache.half import to_half
from songmood.cache.journal import Record
from songmood.cache.plan import Delivery, Job, Slot
from songmood.errors import CacheError, CorpusError

SILENT = "silent throughout"

Slots = Mapping[str, Slot]


@dataclass(frozen=True)
class Partial:
    """An unfinished cache file; small, and picklable."""

    cache: Path  # of the finished one
    mel_offset: int  # bytes that the header will take
    mel: MelParameters  # what the spectrograms are made with
    num_features: int  # of a track

    @property
    def path(self) -> Path:
        """Of the file."""
        return partial_path(self.cache)

    def aside(self, row: int) -> Path:
        """Where a track waits that is too long for its slot."""
        return beside(self.cache, ".overflow") / f"{row}.f16"

    def place(self, frame: int) -> int:
        """Where in the file a frame starts."""
        return self.mel_offset + frame * 2 * self.mel.num_bands

    def store(self, file: BinaryIO, slot: Slot, delivery: Delivery) -> Record:
        """Writes what a job has for a track.

        Raises:
            ValueError: another number of features than the plan says; a fault of the job, not of a file.
        """
        features = ""
        if delivery.features is not None and self.num_features:
            if delivery.features.shape != (self.num_features,):
                raise ValueError(f"features of shape {delivery.features.shape}, expected {(self.num_features,)}")
            features = delivery.features.astype(np.float32).tobytes().hex()
        try:
            if delivery.refusal is not None or delivery.mel is None:
                raise ValueError(delivery.refusal or "no spectrogram")
            rows = to_half(delivery.mel, self.mel.num_bands)
        except ValueError as refusal:
            return Record(slot.row, 0, 0, str(refusal), features)
        if len(rows) <= slot.frames:
            file.seek(self.place(slot.first))
            file.write(rows.data)  # not through a memory map: there a full disk is a signal, here an OSError
        else:
            aside = self.aside(slot.row)
            aside.parent.mkdir(exist_ok=True)
            aside.write_bytes(rows.data)
            sync(aside)
        silent = SILENT if float(delivery.mel.max()) <= self.mel.floor_db else None
        note = "; ".join(filter(None, (delivery.note, silent)))
        return Record(slot.row, len(rows), zlib.crc32(rows.data), note, features)


def write_job(partial: Partial, is_strict: bool, slots: Slots, job: Job) -> dict[str, Any]:
    """Does a job: returns its line for the journal when the rows of its tracks would survive a loss of power.

    Args:
        partial: the file that gets them.
        is_strict: stop at the first refusal.
        slots: by stem, of the tracks that are wanted.
        job: delivers them, and perhaps others.

    Raises:
        CorpusError: a track was refused and `is_strict`.
        CacheError: the source cannot be read.
    """
    records: dict[str, Record] = {}
    strays: list[str] = []
    try:
        with partial.path.open("r+b") as file:
            for item in job.run():
                if isinstance(item, str):
                    strays.append(item)
                elif item.stem in records:
                    strays.append(f"{item.stem} in {job.name}: a second time; the first was taken")
                elif item.stem not in job.stems:
                    strays.append(f"{item.stem} in {job.name}: was not announced")
                elif item.stem in slots:
                    record = records[item.stem] = partial.store(file, slots[item.stem], item)
                    if is_strict and not record.length:
                        raise CorpusError(strictly(item.stem, record.note))
            file.flush()
            os.fsync(file.fileno())
        overflow = beside(partial.cache, ".overflow")
        for folder in (overflow, overflow.parent) if overflow.exists() else ():
            sync(folder)  # so that files of this job that wait there are found again
    except OSError as error:
        if error.errno in FULL:
            raise
        raise CacheError(f"{job.name}: {error}") from error
    return {"job": job.name, "stems": list(slots), "tracks": list(records.values()), "strays": strays}


def strictly(name: str, reason: str) -> str:
    """The message of a strict build."""
    return f"{name}: {reason} (strict; without it the track would be left out)"


def beside(cache: Path, suffix: str) -> Path:
    """Where an unfinished build keeps its ``.journal`` and the ``.overflow``."""
    return cache.with_name(cache.name + suffix)


def partial_path(cache: Path) -> Path:
    """Where a cache is while it is being built."""
    return beside(cache, ".partial")
