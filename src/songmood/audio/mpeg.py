"""MP3 files of unknown length: how many frames they hold, and the Info frame that tells it to the decoder.

Without an Info, Xing or VBRI frame libsndfile guesses the length from the first frame's bit rate and stops there: it
may lose most of a variable-rate file without a word. Counting the frames' headers is quick; an Info frame with the
count, put before the audio in memory, mends it. (libmpg123 then leaves out the decoder's own delay of 529 samples.)
"""

import io
import struct
from pathlib import Path
from typing import NamedTuple

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


def with_known_length(path: Path) -> io.BytesIO | None:
    """The file's bytes behind an Info frame, where it is an MP3 that does not tell its length; else None.

    Only layer III is looked at: other layers have a constant rate.
    """
    data = path.read_bytes()
    start = _first_frame(data)
    first = _frame(data, start)
    if first is None or data[start + first.tag_offset : start + first.tag_offset + 4] in LENGTH_TAGS:
        return None
    if data[start + 36 : start + 40] == b"VBRI":  # always there, whatever the side information's size
        return None
    return io.BytesIO(_info_frame(data[start : start + 4], _count(data, start)) + data[start:])


def _after_id3(data: bytes) -> int:
    """Where audio begins: behind the ID3v2 tags, whose length is coded in 7 bits a byte."""
    start = 0
    while data[start : start + 3] == b"ID3" and len(data) >= start + 10:
        high, middle, low, lowest = data[start + 6 : start + 10]
        start += 10 + (high << 21 | middle << 14 | low << 7 | lowest)
    return start


def _first_frame(data: bytes) -> int:
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


def _frame(data: bytes, at: int) -> _Frame | None:
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


def _count(data: bytes, start: int) -> int:
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
