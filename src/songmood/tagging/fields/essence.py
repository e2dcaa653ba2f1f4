"""All of a music file but its mood field: what must be the same, byte for byte, after that field is written.

Read without Mutagen, which wrote it. Each reader returns the other fields, raw and sorted, then the sound and whatever
else the file holds, as bytes or their hash.
"""

import hashlib
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from songmood.errors import TaggingError

Data = bytes | mmap.mmap

FLAC_COMMENTS, FLAC_PADDING = 4, 1  # kinds of metadata blocks
OGG_COMMENTS = {b"\x03vorbis": 7, b"OpusTags": 8}  # how the second packet begins -> where its comments do
CONTAINERS = (b"moov", b"udta", b"ilst", b"trak", b"mdia", b"minf", b"stbl")  # of MP4
MOVES = (b"stco", b"co64", b"free")  # where the sound lies in the file, and room: a longer field moves them


def essence(path: Path) -> list[bytes]:
    """What is in a file beside its moods.

    Raises:
        TaggingError: it cannot be read as what its name says.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _READERS[path.suffix.lower()](data)
    except (ValueError, struct.error, IndexError, StopIteration, OSError) as error:
        raise TaggingError(f"{path} is not whole enough to write to: {error}") from error


def _flac(data: Data) -> list[bytes]:
    start = _after_id3(data)
    if data[start : start + 4] != b"fLaC":
        raise ValueError("no FLAC stream")
    found, at, is_last = [data[:start]], start + 4, False
    while not is_last:
        kind, size = data[at] & 0x7F, int.from_bytes(data[at + 1 : at + 4], "big")
        is_last = bool(data[at] & 0x80)
        block = data[at + 4 : at + 4 + size]
        if kind == FLAC_COMMENTS:
            found += _comments(block)
        elif kind != FLAC_PADDING:
            found.append(bytes([kind]) + block)
        at += 4 + size
    return [*found, _hash(data, at)]


def _comments(block: bytes) -> list[bytes]:
    """The vendor and the entries of Vorbis comments, moods left out."""
    entries, at = [], 0
    (size,) = struct.unpack_from("<I", block, at)
    vendor, at = block[4 : 4 + size], 4 + size
    (count,) = struct.unpack_from("<I", block, at)
    at += 4
    for _ in range(count):
        (size,) = struct.unpack_from("<I", block, at)
        entries.append(block[at + 4 : at + 4 + size])
        at += 4 + size
    return [vendor, *sorted(entry for entry in entries if not entry.upper().startswith(b"MOOD="))]


def _ogg(data: Data) -> list[bytes]:
    """Packets, however they lie in pages, and the place in time of the last one."""
    packets = _packets(data)
    first, comments = next(packets), next(packets)
    start = next((start for kind, start in OGG_COMMENTS.items() if comments.startswith(kind)), None)
    if start is None:
        raise ValueError("neither Vorbis nor Opus")
    rest = hashlib.sha256()
    for packet in packets:
        rest.update(len(packet).to_bytes(4, "big") + packet)
    last = data.rfind(b"OggS")
    return [first, comments[:start], *_comments(comments[start:]), rest.digest(), data[last + 6 : last + 14]]


def _packets(data: Data) -> Iterator[bytes]:
    """The packets of the one stream in an Ogg file."""
    at, parts, serial = 0, [], data[14:18]
    while at < len(data):
        if data[at : at + 4] != b"OggS" or data[at + 14 : at + 18] != serial:
            raise ValueError("a page is missing, or there are several streams")
        lacing = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(lacing)
        for size in lacing:
            parts.append(data[at : at + size])
            at += size
            if size < 255:
                yield b"".join(parts)
                parts = []
    if at > len(data):
        raise ValueError("the last page is cut short")


def _mp3(data: Data) -> list[bytes]:
    """Frames of the ID3v2 tag by themselves, padding left aside, then all that is behind the tag."""
    start = _after_id3(data)
    frames, at, version = [], 10, data[3] if start else 0
    while at + 10 <= start and data[at] != 0:
        raw = data[at + 4 : at + 8]
        size = _syncsafe(raw) if version == 4 else int.from_bytes(raw, "big")
        frame = data[at : at + 10 + size]
        if frame[:4] != b"TMOO" and not (frame[:4] == b"TXXX" and _description(frame) == "MOOD"):
            frames.append(frame)
        at += 10 + size
    return [*sorted(frames), _hash(data, start)]


def _description(frame: bytes) -> str:
    """Of a TXXX frame; its texts may be in one of four encodings."""
    encoding = ("latin-1", "utf-16", "utf-16-be", "utf-8")[frame[10] & 3]
    return frame[11:].decode(encoding, "replace").partition("\0")[0]


def _mp4(data: Data) -> list[bytes]:
    return [b"%s %s" % atom for atom in _atoms(data, 0, len(data))]


def _atoms(data: Data, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Name and content hash of each atom, those of containers one by one; moods and what they move left out."""
    while at + 8 <= end:
        size, name = struct.unpack(">I4s", data[at : at + 8])
        head = 8
        if size == 1:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
            head = 16
        size = size or end - at
        if size < head or at + size > end:
            raise ValueError("an atom is cut short")
        content = at + head
        if name in CONTAINERS or name == b"meta":
            yield from _atoms(data, content + 4 * (name == b"meta"), at + size)
        elif not (name == b"----" and b"MOOD" in data[content : at + size]) and name not in MOVES:
            yield name, _hash(data, content, at + size)
        at += size


def _after_id3(data: Data) -> int:
    """Where an ID3v2 tag ends; 0 where there is none."""
    if data[:3] != b"ID3":
        return 0
    return 10 + _syncsafe(data[6:10]) + 10 * bool(data[5] & 0x10)  # the bit says that a footer follows


def _syncsafe(raw: bytes) -> int:
    """Four bytes of seven bits each."""
    return raw[0] << 21 | raw[1] << 14 | raw[2] << 7 | raw[3]


def _hash(data: Data, start: int, end: int | None = None) -> bytes:
    with memoryview(data) as view, view[start:end] as part:
        return hashlib.sha256(part).digest()


_READERS = {".flac": _flac, ".ogg": _ogg, ".opus": _ogg, ".mp3": _mp3, ".m4a": _mp4, ".mp4": _mp4}
