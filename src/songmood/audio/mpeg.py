"""MP3 files of unknown length: how many frames they hold, and the Info frame that tells it to the decoder.

Without an Info, Xing or VBRI frame libsndfile guesses the length from the first frame's bit rate and stops there: it
may lose most of a variable-rate file without a word. Counting the frames' headers is quick; an Info frame with the
count, put before the audio as it is read, mends it. (libmpg123 then leaves out the decoder's own delay of 529 samples.)
"""

import io
import mmap
import struct
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KBIT_PER_SECOND = {  # MPEG version 1, and 2 or 2.5; layer III
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
LENGTH_TAGS = (b"Info", b"Xing", b"VBRI")
SYNC = b"\xff"  # every frame begins with it


class _Frame(NamedTuple):
    """One MPEG frame's place: its length in bytes, and where a length tag lies in it if it is one."""

    length: int
    tag_offset: int


def with_known_length(path: Path) -> BinaryIO | None:
    """The file behind an Info frame, where it is an MP3 that does not tell its length; else None.

    Only layer III is looked at: other layers have a constant rate. The file is read as it is decoded: a long one needs
    no memory.
    """
    if not path.stat().st_size:
        return None  # nothing can be mapped
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _first_frame(data)
        first = _frame(data, start)
        if first is None or data[start + first.tag_offset : start + first.tag_offset + 4] in LENGTH_TAGS:
            return None
        if data[start + 36 : start + 40] == b"VBRI":  # always there, whatever the side information's size
            return None
        info = _info_frame(data[start : start + 4], _count(data, start))
    return io.BufferedReader(_Behind(info, path, start))  # which fills a read, as libsndfile expects it


class _Behind(io.RawIOBase):
    """A file from some byte on, behind other bytes."""

    def __init__(self, head: bytes, path: Path, start: int) -> None:
        self._head = head
        self._file = path.open("rb", buffering=0)
        self._skipped = start - len(head)  # from a place here to the same in the file
        self._size = path.stat().st_size - self._skipped
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        if self._place < len(self._head):
            part = self._head[self._place : self._place + len(view)]
            view[: len(part)] = part
            count = len(part)
        else:
            self._file.seek(self._place + self._skipped)
            count = self._file.readinto(view)
        self._place += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _after_id3(data: bytes | mmap.mmap) -> int:
    """Where audio begins: behind the ID3v2 tags, whose length is coded in 7 bits a byte."""
    start = 0
    while data[start : start + 3] == b"ID3" and len(data) >= start + 10:
        high, middle, low, lowest = data[start + 6 : start + 10]
        start += 10 + (high << 21 | middle << 14 | low << 7 | lowest)
    return start


def _first_frame(data: bytes | mmap.mmap) -> int:
    """Where the first header stands that one of its kind follows; the end of the data where there is none.

    Before it there may be a tag's footer, zeros or the rest of a frame, where a header alone can come about by chance.
    """
    at = data.find(SYNC, _after_id3(data))
    while at >= 0:
        if frame := _frame(data, at):
            following = at + frame.length
            is_alike = data[following + 1 : following + 2] == data[at + 1 : at + 2] and _frame(data, following)
            if is_alike or following == len(data):
                return at
        at = data.find(SYNC, at + 1)
    return len(data)


def _frame(data: bytes | mmap.mmap, at: int) -> _Frame | None:
    """The layer III frame whose header stands at `at`, None where there is no such header."""
    if len(data) < at + 4 or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, rate_index, rate = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version not in SAMPLE_RATES or rate_index in (0, 15) or rate == 3:
        return None
    is_first, is_mono = version == 3, data[at + 3] >> 6 == 3
    bits = 1000 * KBIT_PER_SECOND[is_first][rate_index]
    length = (144 if is_first else 72) * bits // SAMPLE_RATES[version][rate] + (data[at + 2] >> 1 & 1)
    return _Frame(length, 4 + (17 if is_first == is_mono else 32 if is_first else 9))


def _count(data: bytes | mmap.mmap, start: int) -> int:
    """Frames from `start` on; what is not a frame is skipped."""
    count, at = 0, start
    while at < len(data) - 3:
        if frame := _frame(data, at):
            count, at = count + 1, at + frame.length
        else:
            following = data.find(SYNC, at + 1)
            at = following if following >= 0 else len(data)
    return count


def _info_frame(header: bytes, count: int) -> bytes:
    """A silent frame of the header's kind, at a rate that has room for the count."""
    middling = bytes((0xFF, header[1] | 1, 9 << 4 | header[2] & 0x0C, header[3]))  # no checksum, no padding
    frame = _frame(middling, 0)
    assert frame is not None
    body = bytearray(frame.length)
    body[:4] = middling
    body[frame.tag_offset : frame.tag_offset + 12] = b"Info" + struct.pack(">II", 1, count)  # 1: the count follows
    return bytes(body)
