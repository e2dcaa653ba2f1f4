"""A finished cache: what is in it, and its spectrograms as one array on disk."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.cache.header import PAGE, Preamble, left_out, read_preamble, strings
from songmood.cache.partial import partial_path
from songmood.errors import CacheError


@dataclass(frozen=True, eq=False)
class MelCache:
    """One corpus: N tracks of all splits, L tags, F features. Made by `open`; picklable, each process maps it anew.

    Attributes:
        path: the HDF5 file.
        fingerprint: hex, of the content.
        source: what the cache was built from.
        mel_parameters: what the spectrograms were made with.
        tags: columns of `targets`.
        feature_names: columns of `features`; empty for a cache without.
        track_ids: the rows.
        offset: (N,) a track's first frame in `mel`.
        length: (N,) its frames; 0 where it was left out.
        checksum: (N,) CRC-32 of its rows.
        targets: (N, L) 1 where the track has the tag.
        features: (N, F) NaN where unknown.
        left_out: track id to the reason.
        notes: track id to what a user should know about a track that was kept.
    """

    path: Path
    fingerprint: str
    source: str = field(repr=False)
    mel_parameters: MelParameters = field(repr=False)
    tags: tuple[str, ...] = field(repr=False)
    feature_names: tuple[str, ...] = field(repr=False)
    track_ids: tuple[str, ...] = field(repr=False)
    offset: NDArray[np.int64] = field(repr=False)
    length: NDArray[np.int64] = field(repr=False)
    checksum: NDArray[np.uint32] = field(repr=False)
    targets: NDArray[np.uint8] = field(repr=False)
    features: NDArray[np.float32] = field(repr=False)
    left_out: dict[str, str] = field(repr=False)
    notes: dict[str, str] = field(repr=False)
    preamble: Preamble = field(repr=False)

    @classmethod
    def open(cls, path: Path, mel: MelParameters | None = None) -> "MelCache":
        """Reads everything but the spectrograms, which must have been made with `mel`; None takes any.

        Raises:
            CacheError: the file is missing, unfinished, of another schema or size, damaged in front of the
                spectrograms, or made with other parameters.
        """
        path = Path(path)
        if not path.exists():
            raise no_cache(path)
        preamble = read_preamble(path)
        _check_bytes(path, preamble)
        with h5py.File(path, "r") as file:
            cache = cls(path=path, preamble=preamble, **_read(file))
        cache._check_mel(mel)
        return cache

    @cached_property
    def mel(self) -> np.memmap[Any, np.dtype[np.float16]]:
        """(frames, bands) float16 dB, read-only; mapped when first asked for."""
        shape = (self.preamble.rows, self.preamble.bands)
        return np.memmap(self.path, np.float16, "r", self.preamble.mel_offset, shape)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """Track id to row."""
        return {track_id: row for row, track_id in enumerate(self.track_ids)}

    def rows(self, track_ids: Sequence[str]) -> NDArray[np.int64]:
        """The rows of tracks, in their order.

        Raises:
            CacheError: some are not in this cache.
        """
        missing = [track_id for track_id in track_ids if track_id not in self.row_of]
        if missing:
            raise CacheError(
                f"{len(missing):,} of {len(track_ids):,} tracks are not in {self.path}, the first is {missing[0]}; "
                "it belongs to another corpus: build it again or set another cache"
            )
        return np.array([self.row_of[track_id] for track_id in track_ids], np.int64)

    def __getstate__(self) -> dict[str, Any]:
        return {column.name: getattr(self, column.name) for column in fields(self)}  # without the map

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if read_preamble(self.path) != self.preamble:
            raise CacheError(f"{self.path} was replaced by another cache while it was in use; start again")

    def _check_mel(self, mel: MelParameters | None) -> None:
        present, wanted = self.mel_parameters.to_dict(), (mel or self.mel_parameters).to_dict()
        if other := [
            f"{name}={present[name]} (not {wanted[name]})" for name in wanted if wanted[name] != present[name]
        ]:
            raise CacheError(
                f"{self.path} was made with {', '.join(other)}; delete it to build it anew, or set another cache"
            )


def no_cache(path: Path, command: str = "make data", fetched: int = 68, kept: int = 36) -> CacheError:
    """Says where to go from a cache that is not there; `command` fetches so many GB, and keeps so many, to build it."""
    if partial_path(path).exists():
        return CacheError(f"{path} is not finished ({partial_path(path).name}): start the same build again to go on")
    return CacheError(
        f"no mel cache at {path}. Build it with `{command}` ({fetched} GB to fetch, {kept} GB kept), "
        "or try `corpus=demo` (made here in a minute) or `corpus=folder corpus.root=DIR` (your own music)."
    )


def _check_bytes(path: Path, preamble: Preamble) -> None:
    """Before the HDF5 library sees the file: is it whole, and are its structures what was written?"""
    size = path.stat().st_size
    if size != preamble.file_bytes:
        raise CacheError(
            f"{path} has {size:,} bytes, expected {preamble.file_bytes:,}; copy it again, or delete it to build anew"
        )
    with path.open("rb") as file:
        file.seek(PAGE)
        digest = hashlib.sha256(file.read(preamble.mel_offset - PAGE)).hexdigest()
    if digest != preamble.header_sha256:
        raise CacheError(f"{path} is damaged in its header; copy it again, or delete it to build it anew")


def _read(file: h5py.File) -> dict[str, Any]:
    """The fields of `MelCache` that the file holds."""
    columns = {name: file[name][:] for name in file if name != "mel"}
    track_ids = strings(columns["track_id"])
    reasons = left_out(columns, track_ids)
    said = [strings(columns[name]) for name in ("mel_note", "features_note") if name in columns]
    return {
        "fingerprint": bytes(file.attrs["fingerprint"]).decode(),
        "source": str(file.attrs["source"]),
        "mel_parameters": MelParameters(**json.loads(file.attrs["mel_parameters"])),
        "tags": strings(file.attrs["tag_names"]),
        "feature_names": strings(file.attrs["feature_names"]),
        "track_ids": track_ids,
        "offset": columns["offset"],
        "length": columns["length"],
        "checksum": columns["checksum"],
        "targets": columns["tags"],
        "features": columns.get("features", np.zeros((len(track_ids), 0), np.float32)),
        "left_out": reasons,
        "notes": {
            track_id: "; ".join(filter(None, notes))
            for track_id, *notes in zip(track_ids, *said, strict=True)
            if any(notes) and track_id not in reasons
        },
    }
