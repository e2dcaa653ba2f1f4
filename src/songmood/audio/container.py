"""Around the decoder: whether a file's container says that it was cut short, and keeping the decoder quiet."""

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

OGG_PAGE_BYTES = 65_307  # the longest page that there is: 27 + 255 + 255 * 255
UNKNOWN_SIZE = (0, 0xFFFFFFFF)  # what programs write into a WAV header when they stream
_stderr_lock = threading.Lock()


def cut_short(path: Path) -> str | None:
    """Evidence that bytes are missing from the end of a WAV, OGG or Opus file, else None.

    libsndfile takes what is left of such a file for the whole. (FLAC and MP3 show it by what is decoded.) An OGG that
    was cut exactly between two pages cannot be told from a complete recording and passes.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start == b"RIFF":
            return _riff_cut_short(file, path.stat().st_size)
        if start == b"OggS":
            return _ogg_cut_short(file, path.stat().st_size)
    return None


def _riff_cut_short(file: BinaryIO, size: int) -> str | None:
    """Compare the data chunk's length with the bytes after it."""
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        position += 8
        if name == b"data":
            there = size - position
            if length in UNKNOWN_SIZE or there >= length:
                return None
            return f"{there:,} of the {length:,} bytes of samples in its header are there"
        position += length + length % 2  # chunks start at even offsets
    return None


def _ogg_cut_short(file: BinaryIO, size: int) -> str | None:
    """Look whether the last page is whole."""
    file.seek(max(0, size - OGG_PAGE_BYTES))
    tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    length = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 26 else 27
    return "it ends in the middle of an Ogg page" if len(page) < length else None


@contextmanager
def quiet_decoder(path: Path) -> Iterator[None]:
    """Keep libmpg123, which reads MP3, from writing its notes to the terminal: what matters is raised.

    It writes to the process's standard error directly, so that is turned to nowhere meanwhile; for MP3 alone, one file
    at a time, since it is the whole process's.
    """
    if path.suffix.lower() != ".mp3":
        yield
        return
    with _stderr_lock:
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)
