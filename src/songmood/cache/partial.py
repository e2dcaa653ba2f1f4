"""The cache in the making: a file whose structure is complete and whose rows arrive in any order.

HDF5 is done with the file before the first row comes: rows, lengths and states are then plain writes at the datasets'
places, which leave HDF5's own structures alone. A state byte is written last, so a part that counts as there is there.
A spectrogram longer than its slot waits in a file beside, for the end.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.cache.disk import write_at
from songmood.cache.half import checksum
from songmood.cache.header import LEFT_OUT, NOTE_BYTES, PAGE, PENDING, WRITTEN, Columns, Preamble
from songmood.errors import CacheError


class Place(NamedTuple):
    """Where a dataset's values lie in the file."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def stride(self) -> int:
        """Bytes per track."""
        return int(self.dtype.itemsize * np.prod(self.shape[1:], dtype=int))


class Partial:
    """An unfinished cache file, open for writing; picklable, each process opens it for itself.

    Two processes never write the same part of the same track: `Ledger` sees to that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.preamble = Preamble.parse(os.pread(self._descriptor, PAGE, 0), path)
        with h5py.File(path, "r") as file:
            self._places = {
                name: Place(file[name].id.get_offset(), file[name].dtype, file[name].shape)
                for name in Columns.__dataclass_fields__
                if name in file
            }
        ends = [*self.read("offset"), self.preamble.rows]
        self.slots: NDArray[np.int64] = np.array(ends, np.int64)

    def __reduce__(self) -> tuple[type["Partial"], tuple[Path]]:
        return Partial, (self.path,)

    @property
    def overflow_folder(self) -> Path:
        """Where spectrograms wait that are longer than their slots."""
        return overflow_folder(self.path)

    @property
    def has_features(self) -> bool:
        """Whether tracks have features here."""
        return "features" in self._places

    def read(self, name: str) -> NDArray[Any]:
        """A column as it is now; writable, a copy."""
        place = self._places[name]
        data = os.pread(self._descriptor, place.stride * place.shape[0], place.offset)
        return np.frombuffer(bytearray(data), place.dtype).reshape(place.shape)

    def columns(self) -> Columns:
        """Every column as it is now."""
        columns = {name: self.read(name) for name in self._places}
        if not self.has_features:
            count = len(columns["length"])
            columns["features"] = np.zeros((count, 0), np.float32)
            columns["features_state"] = np.zeros(count, np.uint8)
            columns["features_note"] = np.zeros(count, f"S{NOTE_BYTES}")
        return Columns(**columns)

    def write_mel(self, index: int, rows: NDArray[np.float16], note: str) -> None:
        """Stores a track's rows (T, bands) in its slot, or beside the file where they are too long for it."""
        if len(rows) <= self.slots[index + 1] - self.slots[index]:
            self.write_rows(int(self.slots[index]), rows)
        else:
            self._set_aside(index, rows)
        self._write("length", index, np.int64(len(rows)).tobytes())
        self._write("checksum", index, np.uint32(checksum(rows.data)).tobytes())
        self._write("mel_note", index, encode_note(note))
        self._write("mel_state", index, bytes([WRITTEN]))

    def refuse_mel(self, index: int, reason: str) -> None:
        """Leaves a track out."""
        self._write("mel_note", index, encode_note(reason))
        self._write("mel_state", index, bytes([LEFT_OUT]))

    def write_features(self, index: int, features: NDArray[np.float32] | None, note: str) -> None:
        """Stores a track's features (F,); None leaves them NaN.

        Raises:
            ValueError: another number of features than the plan says; a fault of the job, not of a file.
        """
        if features is not None:
            expected = self._places["features"].shape[1:]
            if features.shape != expected:
                raise ValueError(f"features of shape {features.shape}, expected {expected}")
            self._write("features", index, np.ascontiguousarray(features, np.float32).tobytes())
        self._write("features_note", index, encode_note(note))
        self._write("features_state", index, bytes([LEFT_OUT if features is None else WRITTEN]))

    def write_rows(self, first: int, rows: NDArray[np.float16]) -> None:
        """Writes rows (T, bands) from frame `first` on; beyond the last slot the file grows."""
        write_at(self._descriptor, rows.data, self.preamble.mel_offset + first * self.preamble.row_bytes)

    def read_rows(self, first: int, count: int) -> bytes:
        """The bytes of `count` frames; fewer where the file ends before."""
        return os.pread(
            self._descriptor,
            count * self.preamble.row_bytes,
            self.preamble.mel_offset + first * self.preamble.row_bytes,
        )

    def aside(self, index: int) -> bytes:
        """The bytes of a track that waits beside the file; none where it does not."""
        path = self._aside_path(index)
        return path.read_bytes() if path.exists() else b""

    def forget_damaged(self) -> int:
        """Marks written tracks whose rows are not what was written as pending again; returns how many."""
        length, expected, state = self.read("length"), self.read("checksum"), self.read("mel_state")
        damaged = 0
        for index in np.flatnonzero(state == WRITTEN):
            first, capacity = self.slots[index], self.slots[index + 1] - self.slots[index]
            fits = length[index] <= capacity
            rows = self.read_rows(int(first), int(length[index])) if fits else self.aside(int(index))
            if len(rows) != length[index] * self.preamble.row_bytes or checksum(rows) != expected[index]:
                self._write("mel_state", int(index), bytes([PENDING]))
                damaged += 1
        return damaged

    def sync(self) -> None:
        """Waits until the disk has everything."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Gives the file back; the object is of no more use."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, name: str, index: int, data: bytes) -> None:
        place = self._places[name]
        assert len(data) == place.stride
        write_at(self._descriptor, data, place.offset + index * place.stride)

    def _aside_path(self, index: int) -> Path:
        return self.overflow_folder / f"{index}.f16"

    def _set_aside(self, index: int, rows: NDArray[np.float16]) -> None:
        self.overflow_folder.mkdir(exist_ok=True)
        path = self._aside_path(index)
        unfinished = path.with_suffix(".tmp")
        unfinished.write_bytes(rows.data)
        unfinished.replace(path)


def partial_path(cache: Path) -> Path:
    """Where a cache is while it is being built."""
    return cache.with_name(cache.name + ".partial")


def scratch_path(cache: Path) -> Path:
    """Where a header is written that is not whole yet; of no worth after a kill."""
    return cache.with_name(cache.name + ".tmp")


def overflow_folder(partial: Path) -> Path:
    """Where an unfinished cache's long spectrograms wait."""
    return partial.with_name(partial.name + ".overflow")


def encode_note(note: str) -> bytes:
    """One line of UTF-8 in exactly `NOTE_BYTES` bytes, cut between characters and padded with zeros."""
    line = " ".join(note.replace("\0", " ").split())
    return line.encode()[:NOTE_BYTES].decode(errors="ignore").encode().ljust(NOTE_BYTES, b"\0")


def decode_note(note: bytes) -> str:
    """What `encode_note` was given, at most cut."""
    return note.decode(errors="replace")


def read_preamble(path: Path) -> Preamble:
    """The first page of a cache, finished or not.

    Raises:
        CacheError: the file is missing, unreadable, or no cache.
    """
    try:
        with path.open("rb") as file:
            return Preamble.parse(file.read(PAGE), path)
    except OSError as error:
        raise CacheError(f"cannot read {path}: {error.strerror}") from None
