"""The cache file's layout, schema 1: everything in front of the spectrograms.

The file begins with a preamble of 4,096 bytes (HDF5 calls it a user block): one line of JSON that says where `mel`
starts, how long it is and the SHA-256 of all bytes between. So truncation, an unfinished build and a flipped bit in
the header are found without handing damaged bytes to the HDF5 library. Then come HDF5's structures and the datasets,
each at a multiple of 4,096 bytes, and `mel` last: the file ends with its last row.

Every dataset has a fixed size that the plan decides, and no timestamps: so the header's length is known before the
first row comes, and it is written when the last one is there. The columns `mel_state`, `mel_note`, `features_state` and
`features_note` say which tracks were left out and why.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.cache.plan import CachePlan
from songmood.errors import CacheError
from songmood.tracks import target_matrix

SCHEMA = 1
PAGE = 4096  # bytes: the preamble, and the alignment of every dataset
NOTE_BYTES = 160
PENDING, WRITTEN, LEFT_OUT = 0, 1, 2  # states of a part of a track
LONGEST_ATTRIBUTE = 60_000  # bytes; HDF5 takes 64 KB


@dataclass(frozen=True)
class Preamble:
    """The first page of a cache file.

    Attributes:
        schema: of the file.
        is_complete: false while it is being built.
        plan: `CachePlan.digest`.
        mel_offset: bytes in front of `mel`.
        rows: frames in `mel`.
        bands: values in a frame.
        header_sha256: of the bytes between the preamble and `mel`; empty in an unfinished file.
    """

    schema: int
    is_complete: bool
    plan: str
    mel_offset: int
    rows: int
    bands: int
    header_sha256: str

    @property
    def file_bytes(self) -> int:
        """How long the whole file must be."""
        return self.mel_offset + self.rows * self.bands * 2

    def to_bytes(self) -> bytes:
        """The page."""
        values = {"songmood": "mel cache", **asdict(self)}
        values["crc32"] = zlib.crc32(json.dumps(values).encode())
        return (json.dumps(values) + "\n").encode().ljust(PAGE, b"\0")

    @classmethod
    def parse(cls, page: bytes, path: Path) -> "Preamble":
        """Reads the page; CacheError where it is anything but what `to_bytes` writes."""
        try:
            values = json.loads(page.rstrip(b"\0"))
            preamble = cls(**{column.name: values[column.name] for column in fields(cls)})
        except (ValueError, TypeError, KeyError):
            raise CacheError(
                f"{path} is not a mel cache, or its first page is damaged; delete it and build it again"
            ) from None
        if preamble.schema != SCHEMA:
            raise CacheError(f"{path} has schema {preamble.schema}, expected {SCHEMA}; delete it and build it again")
        if preamble.to_bytes() != page:
            raise CacheError(f"{path} is damaged on its first page; delete it and build it again")
        return preamble


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


@dataclass
class Columns:
    """What a build finds out per track, in the order in which the file holds it; all (N,) unless said otherwise."""

    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    checksum: NDArray[np.uint32]
    mel_state: NDArray[np.uint8]
    mel_note: NDArray[np.bytes_]
    features: NDArray[np.float32]  # (N, F)
    features_state: NDArray[np.uint8]
    features_note: NDArray[np.bytes_]

    @classmethod
    def blank(cls, count: int, width: int) -> "Columns":
        """Of `count` tracks and `width` features nothing has arrived: every state pending, every feature NaN."""
        notes = np.zeros((2, count), f"S{NOTE_BYTES}")
        states = np.full((2, count), PENDING, np.uint8)
        return cls(
            offset=np.zeros(count, np.int64),
            length=np.zeros(count, np.int64),
            checksum=np.zeros(count, np.uint32),
            mel_state=states[0],
            mel_note=notes[0],
            features=np.full((count, width), np.nan, np.float32),
            features_state=states[1],
            features_note=notes[1],
        )

    @classmethod
    def read(cls, file: h5py.File) -> "Columns":
        """Those of a cache; one without features has none of their columns."""
        columns = cls.blank(len(file["length"]), 0)
        for name in vars(columns).keys() & file.keys():
            setattr(columns, name, file[name][:])
        return columns

    def left_out(self, track_ids: Sequence[str]) -> dict[str, str]:
        """Track id to reason."""
        rows = np.flatnonzero(self.mel_state == LEFT_OUT).tolist()
        return {track_ids[row]: decode_note(self.mel_note[row]) for row in rows}

    def notes(self, track_ids: Sequence[str]) -> dict[str, str]:
        """Track id to what a user should know about a track that was kept."""
        has_note = (self.mel_note != b"") | (self.features_note != b"")
        both = (self.mel_note, self.features_note)
        return {
            track_ids[row]: "; ".join(decode_note(note[row]) for note in both if note[row])
            for row in np.flatnonzero((self.mel_state == WRITTEN) & has_note).tolist()
        }


def write_header(path: Path, plan: CachePlan, columns: Columns, *, is_complete: bool) -> Preamble:
    """Creates a cache file, its spectrograms all holes in the file: the disk gives them no room yet."""
    rows = max(int(plan.slots[-1]), int((columns.offset + columns.length).max()))
    with h5py.File(
        path, "w", libver=("earliest", "v110"), userblock_size=PAGE, alignment_threshold=1, alignment_interval=PAGE,
    ) as file:  # fmt: skip
        _write_attributes(file, plan, fingerprint(plan, columns) if is_complete else "")
        strings = {
            "track_id": [track.track_id for track in plan.tracks],
            "artist_id": [track.artist_id for track in plan.tracks],
            "path": [track.path for track in plan.tracks],
        }
        for name, values in strings.items():
            file.create_dataset(name, data=_utf8(values), track_times=False)
        file.create_dataset("duration", data=np.array([t.duration for t in plan.tracks]), track_times=False)
        file.create_dataset("tags", data=target_matrix(plan.tracks, plan.tags), track_times=False)
        for name, array in vars(columns).items():
            if plan.feature_names or not name.startswith("features"):
                file.create_dataset(name, data=array, track_times=False)
        offset = _allocate_mel(file, rows, plan.mel.num_bands)
    with path.open("r+b") as raw:
        raw.seek(PAGE)
        digest = hashlib.sha256(raw.read(offset - PAGE)).hexdigest() if is_complete else ""
        preamble = Preamble(SCHEMA, is_complete, plan.digest, offset, rows, plan.mel.num_bands, digest)
        raw.seek(0)
        raw.write(preamble.to_bytes())
    assert path.stat().st_size == preamble.file_bytes, "mel must be the last thing in the file"
    return preamble


def _write_attributes(file: h5py.File, plan: CachePlan, content: str) -> None:
    file.attrs["schema"] = SCHEMA
    file.attrs["mel_parameters"] = json.dumps(plan.mel.to_dict())
    file.attrs["source"] = plan.source
    file.attrs["fingerprint"] = np.array(content.encode(), "S64")
    for name, values in (("tag_names", plan.tags), ("feature_names", plan.feature_names)):
        encoded = _utf8(values)
        if encoded.nbytes > LONGEST_ATTRIBUTE:
            raise CacheError(
                f"the {len(values)} {name} take {encoded.nbytes:,} bytes, expected at most {LONGEST_ATTRIBUTE:,}"
            )
        file.attrs.create(name, encoded)


def _allocate_mel(file: h5py.File, rows: int, bands: int) -> int:
    """Creates `mel`, contiguous, allocated now and never filled; returns where in the file it starts."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple((rows, bands))
    mel = h5py.h5d.create(file.id, b"mel", h5py.h5t.IEEE_F16LE, space, properties)
    return int(mel.get_offset())


def _utf8(values: tuple[str, ...] | list[str]) -> NDArray[Any]:
    encoded = [value.encode() for value in values]
    return np.array(encoded, h5py.string_dtype("utf-8", max(map(len, encoded), default=0) or 1))


def encode_note(note: str) -> bytes:
    """One line of UTF-8 in at most `NOTE_BYTES` bytes, cut between characters."""
    line = " ".join(note.replace("\0", " ").split())
    return line.encode()[:NOTE_BYTES].decode(errors="ignore").encode()


def decode_note(note: bytes) -> str:
    """What `encode_note` was given, at most cut."""
    return note.decode(errors="replace")


def fingerprint(plan: CachePlan, columns: Columns) -> str:
    """SHA-256 over the content, however it came here: ids, tags, features, mel parameters, lengths, rows' checksums."""
    digest = hashlib.sha256()
    names = {
        "schema": SCHEMA,
        "mel": plan.mel.to_dict(),
        "tags": plan.tags,
        "features": plan.feature_names,
        "tracks": [(track.track_id, track.path) for track in plan.tracks],
    }
    digest.update(json.dumps(names, ensure_ascii=False).encode())
    digest.update(target_matrix(plan.tracks, plan.tags).tobytes())
    for array in (columns.length, columns.checksum, columns.features):
        digest.update(array.tobytes())
    return digest.hexdigest()
