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
import io
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from songmood.cache.journal import Record
from songmood.cache.plan import CachePlan
from songmood.errors import CacheError
from songmood.tracks import target_matrix

SCHEMA = 1
PAGE = 4096  # bytes: the preamble, and the alignment of every dataset
NOTE_BYTES = 160
NOT_DELIVERED = "no source holds it"
PENDING, WRITTEN, LEFT_OUT = 0, 1, 2  # states of a part of a track
LONGEST_ATTRIBUTE = 60_000  # bytes; HDF5 takes 64 KB

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Preamble:
    """The first page of a cache file."""

    plan: str  # `CachePlan.digest`
    mel_offset: int  # bytes in front of `mel`
    rows: int  # frames in `mel`
    bands: int  # values in a frame
    header_sha256: str  # of the bytes between the preamble and `mel`

    @property
    def file_bytes(self) -> int:
        """How long the whole file must be."""
        return self.mel_offset + self.rows * self.bands * 2

    def to_bytes(self) -> bytes:
        """The page."""
        values = {"songmood": "mel cache", "schema": SCHEMA, "is_complete": True, **asdict(self)}
        values["crc32"] = zlib.crc32(json.dumps(values).encode())
        return (json.dumps(values) + "\n").encode().ljust(PAGE, b"\0")


def read_preamble(path: Path) -> Preamble:
    """The first page of a finished cache.

    Raises:
        CacheError: the file is missing, unreadable, unfinished, no cache, or its page anything but what was written.
    """
    try:
        with path.open("rb") as file:
            page = file.read(PAGE)
    except OSError as error:
        raise CacheError(f"cannot read {path}: {error.strerror}") from None
    try:
        values = json.loads(page.rstrip(b"\0"))
        schema, preamble = values["schema"], Preamble(**{field.name: values[field.name] for field in fields(Preamble)})
    except (ValueError, TypeError, KeyError):
        raise CacheError(
            f"{path} is not a finished mel cache, or its first page is damaged; delete it and build it again"
        ) from None
    if schema != SCHEMA:
        raise CacheError(f"{path} has schema {schema}, expected {SCHEMA}; delete it and build it again")
    if preamble.to_bytes() != page:
        raise CacheError(f"{path} is damaged on its first page; delete it and build it again")
    return preamble


def columns_of(plan: CachePlan, records: Iterable[Record]) -> Columns:
    """What a build found out per track, in the order in which the file holds it; a track without a record is left out.

    Each is (N,), but `features` (N, F).
    """
    count, width = len(plan.tracks), len(plan.feature_names)
    columns: Columns = {
        "offset": plan.slots[:-1].copy(),
        "length": np.zeros(count, np.int64),
        "checksum": np.zeros(count, np.uint32),
        "mel_state": np.full(count, LEFT_OUT, np.uint8),
        "mel_note": np.full(count, _line(NOT_DELIVERED), f"S{NOTE_BYTES}"),
        "features": np.full((count, width), np.nan, np.float32),
        "features_state": np.full(count, PENDING, np.uint8),
        "features_note": np.zeros(count, f"S{NOTE_BYTES}"),
    }
    for record in records:
        row, features = record.row, bytes.fromhex(record.features)
        columns["length"][row], columns["checksum"][row] = record.length, record.checksum
        columns["mel_state"][row] = WRITTEN if record.length else LEFT_OUT
        columns["mel_note"][row] = _line(record.note)
        columns["features_state"][row] = WRITTEN if features else LEFT_OUT
        columns["features_note"][row] = _line(record.features_note)
        if features:
            columns["features"][row] = np.frombuffer(features, np.float32)
    long = columns["length"] > np.diff(plan.slots)
    columns["offset"][long] = plan.slots[-1] + np.cumsum(columns["length"][long]) - columns["length"][long]
    return columns


def header_of(plan: CachePlan, columns: Columns) -> tuple[Preamble, memoryview]:
    """All bytes in front of the spectrograms, and what the first page of them says."""
    rows = max(int(plan.slots[-1]), int((columns["offset"] + columns["length"]).max()))
    image = io.BytesIO()
    with h5py.File(
        image, "w", libver=("earliest", "v110"), userblock_size=PAGE, alignment_threshold=1, alignment_interval=PAGE
    ) as file:
        _write_attributes(file, plan, fingerprint(plan, columns))
        about = {
            "track_id": _utf8([track.track_id for track in plan.tracks]),
            "artist_id": _utf8([track.artist_id for track in plan.tracks]),
            "path": _utf8([track.path for track in plan.tracks]),
            "duration": np.array([track.duration for track in plan.tracks]),
            "tags": target_matrix(plan.tracks, plan.tags),
        }
        for name, array in (about | columns).items():
            if plan.feature_names or not name.startswith("features"):
                file.create_dataset(name, data=array, track_times=False)
        allocated = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        allocated.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        shape = (rows, plan.mel.num_bands)
        mel = file.create_dataset("mel", shape, "<f2", dcpl=allocated, fill_time="never", track_times=False)
        offset = mel.id.get_offset()
    end = image.seek(0, io.SEEK_END)
    assert end <= offset, "mel must be the last thing in the file"
    image.write(bytes(offset - end))
    header = image.getbuffer()  # no copy: of a large corpus these are some 30 MB
    preamble = Preamble(plan.digest, offset, *shape, hashlib.sha256(header[PAGE:]).hexdigest())
    header[:PAGE] = preamble.to_bytes()
    return preamble, header


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


def _utf8(values: tuple[str, ...] | list[str]) -> NDArray[Any]:
    encoded = [value.encode() for value in values]
    return np.array(encoded, h5py.string_dtype("utf-8", max(map(len, encoded), default=0) or 1))


def _line(note: str) -> bytes:
    """One line of UTF-8 in at most `NOTE_BYTES` bytes, cut between characters."""
    line = " ".join(note.replace("\0", " ").split())
    return line.encode()[:NOTE_BYTES].decode(errors="ignore").encode()


def strings(values: NDArray[Any]) -> tuple[str, ...]:
    """(N,) text of a file as Python has it."""
    return tuple(value.decode(errors="replace") if isinstance(value, bytes) else value for value in values.tolist())


def left_out(columns: Columns, track_ids: Sequence[str]) -> dict[str, str]:
    """Track id to the reason."""
    notes = strings(columns["mel_note"])
    return {track_ids[row]: notes[row] for row in np.flatnonzero(columns["length"] == 0).tolist()}


def fingerprint(plan: CachePlan, columns: Columns) -> str:
    """SHA-256 over the content, however it came here: ids, tags, features, mel parameters, lengths, rows' checksums."""
    names = {
        "schema": SCHEMA,
        "mel": plan.mel.to_dict(),
        "tags": plan.tags,
        "features": plan.feature_names,
        "tracks": [(track.track_id, track.path) for track in plan.tracks],
    }
    digest = hashlib.sha256(json.dumps(names, ensure_ascii=False).encode())
    for array in (target_matrix(plan.tracks, plan.tags), columns["length"], columns["checksum"], columns["features"]):
        digest.update(array.tobytes())
    return digest.hexdigest()
