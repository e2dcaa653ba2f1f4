"""Spectrograms in ``.npy`` files, read as hostile input: no pickle, nothing that the header does not say.

Taken is what the data set distributes: format 1.0-3.0, ``<f4``, shape (96, T) with at least one frame, Fortran order
(time is the slow axis on disk, so the bytes are (T, 96) already) or C order. The header is matched by a pattern, never
evaluated; the number of bytes must be the header's to the byte; the values must be finite.
"""

import os
import re
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.cache.half import check_finite
from songmood.errors import CorpusError

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 4096  # bytes; a plain array's has 118
LARGEST_FILE = 1 << 30  # bytes: 16 hours of 96 bands

_FIELD = re.compile(
    r"\s*(?:'(?P<key>\w{1,20})'|\"(?P<key2>\w{1,20})\")\s*:\s*"
    r"(?P<value>'[^'\\]{0,20}'|\"[^\"\\]{0,20}\"|True|False|\([\d\s,]{0,60}\))\s*(?:,|$)"
)
_SHAPE = re.compile(r"\(\s*(\d{1,12})\s*,\s*(\d{1,12})\s*,?\s*\)")
_KEYS = {"descr", "fortran_order", "shape"}


class MelFileError(CorpusError):
    """A spectrogram file that cannot be used.

    Attributes:
        name: the file.
        reason: why, without the name.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason

    def __reduce__(self) -> tuple[type["MelFileError"], tuple[str, str]]:
        return MelFileError, (self.name, self.reason)  # travels from worker processes


def read_mel_npy(path: Path, num_bands: int = 96) -> NDArray[np.float32]:
    """The (T, num_bands) spectrogram of a file, in dB.

    Raises:
        MelFileError: the file is missing, unreadable, larger than a GiB or not as the module says.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_FILE:
                raise MelFileError(str(path), f"{size:,} bytes, expected at most {LARGEST_FILE:,}")
            return parse_mel_npy(file.read(size), str(path), num_bands)
    except OSError as error:
        raise MelFileError(str(path), f"cannot be read: {error.strerror}") from None


def parse_mel_npy(data: bytes | bytearray | memoryview, name: str, num_bands: int = 96) -> NDArray[np.float32]:
    """The (T, num_bands) spectrogram in the bytes of a file, in dB: a view of them where their order allows.

    Raises:
        MelFileError: `name` and the reason.
    """
    try:
        header, start = _header(data)
        fortran_order, frames = _frames(header, num_bands)
        expected = frames * num_bands * 4
        present = len(data) - start
        if present != expected:
            raise ValueError(
                f"truncated, {present:,} bytes of values where the header says {expected:,}"
                if present < expected
                else f"{present - expected:,} bytes after the array's end"
            )
        values = np.frombuffer(data, np.dtype("<f4"), offset=start)
        mel = values.reshape(frames, num_bands) if fortran_order else values.reshape(num_bands, frames).T
        check_finite(mel)
    except ValueError as error:
        raise MelFileError(name, str(error)) from None
    return mel


def _header(data: bytes | bytearray | memoryview) -> tuple[str, int]:
    """The header's text and where the values start."""
    if bytes(data[:6]) != MAGIC:
        raise ValueError("not an .npy file (or a pickle), expected one that starts with \\x93NUMPY")
    version = tuple(data[6:8])
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"format version {'.'.join(map(str, version)) or 'missing'}, expected 1.0, 2.0 or 3.0")
    width, code = (2, "<H") if version == (1, 0) else (4, "<I")
    if len(data) < 8 + width:
        raise ValueError("truncated within its header")
    (length,) = struct.unpack(code, data[8 : 8 + width])
    if length > LONGEST_HEADER:
        raise ValueError(f"a header of {length:,} bytes, expected at most {LONGEST_HEADER:,}")
    start = 8 + width + length
    if len(data) < start:
        raise ValueError("truncated within its header")
    return bytes(data[8 + width : start]).decode("ascii", "replace"), start


def _frames(header: str, num_bands: int) -> tuple[bool, int]:
    """Whether the order is Fortran's, and the number of frames."""
    fields = _fields(header)
    descr = fields["descr"].strip("'\"")
    if descr.lstrip("<>|=").startswith("O"):
        raise ValueError("holds Python objects (a pickle), expected <f4")
    if descr != "<f4":
        raise ValueError(f"dtype {descr}, expected <f4 (little-endian float32)")
    if fields["fortran_order"] not in ("True", "False"):
        raise ValueError(f"fortran_order {fields['fortran_order']}, expected True or False")
    shape = _SHAPE.fullmatch(fields["shape"])
    if not shape or int(shape[1]) != num_bands:
        raise ValueError(f"shape {fields['shape']}, expected ({num_bands}, frames)")
    if int(shape[2]) == 0:
        raise ValueError(f"shape {fields['shape']}: no frames")
    return fields["fortran_order"] == "True", int(shape[2])


def _fields(header: str) -> dict[str, str]:
    text = header.strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("a header that is not a dictionary")
    body = text[1:-1].rstrip()
    fields: dict[str, str] = {}
    position = 0
    while position < len(body):
        field = _FIELD.match(body, position)
        key = field and (field["key"] or field["key2"])
        if not field or not key or key in fields:
            raise ValueError("a header that is not a plain array's (descr, fortran_order and shape, each once)")
        fields[key] = field["value"]
        position = field.end()
    if set(fields) != _KEYS:
        raise ValueError("a header that is not a plain array's (descr, fortran_order and shape, each once)")
    return fields
