"""The members of a tar, streamed: nothing is unpacked, and nothing in the tar is trusted.

`tarfile` reads the headers, from a file that goes forwards only and gives out so many bytes for each; wanted contents
are read past it, without a copy. Of everything that is no plain file it is said why.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

BLOCK = tarfile.BLOCKSIZE
LONGEST_HEADER = 1 << 12  # bytes, with long names and pax records; the names here have 20 characters
MOST_MEMBERS = 10_000  # an archive has some hundred; a tar of empty files is one way to fill a memory
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
Bytes = io.RawIOBase | io.BufferedIOBase
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class TarDamagedError(Exception):
    """The rest of the tar cannot be read; the message says what and where."""


class Member(NamedTuple):
    """An entry of a tar."""

    name: str  # as it stands in the tar, for comparing; never a path to write to
    content: memoryview | str | None  # its bytes, or why there are none; None where nobody wants them

    @property
    def label(self) -> str:
        """The name, fit to be printed."""
        return _UNPRINTABLE.sub("?", self.name[:100]) + ("..." if len(self.name) > 100 else "")


class _Forwards:
    """A file as `tarfile` is given it: forwards only, not beyond `longest`, and for each header so many bytes."""

    def __init__(self, file: Bytes, longest: int) -> None:
        self._file = file
        self._longest = longest
        self.position = 0  # bytes from the beginning
        self.header_left = LONGEST_HEADER  # bytes that may still be read of the current header
        self.block = b""  # what was read last

    def tell(self) -> int:
        return self.position

    def seek(self, position: int) -> None:
        if position < self.position:
            raise TarDamagedError(f"its header at byte {self.position} leads back to byte {position}")
        self.expect(position - self.position)
        self._file.seek(position)
        self.position = position

    def read(self, size: int) -> bytes:
        if not 0 <= size <= self.header_left:
            raise TarDamagedError(f"a header of more than {LONGEST_HEADER:,} bytes at byte {self.position}")
        self.header_left -= size
        block = bytearray(size)
        self.block = bytes(block[: self.readinto(memoryview(block))])
        return self.block

    def readinto(self, view: memoryview) -> int:
        """Fill `view`; the number of bytes, fewer only at the end."""
        begin = self.position
        while view and (got := self._file.readinto(view)):
            self.position += got
            view = view[got:]
        self.expect(0)
        return self.position - begin

    def expect(self, size: int) -> None:
        """Raise where the tar has no room for `size` bytes more."""
        if self.position + size > self._longest:
            raise TarDamagedError(f"it goes on after {self._longest} bytes, more than all of its tracks need")


def read_members(file: Bytes, limit_of: Callable[[str], int | None], longest: int) -> Iterator[Member]:
    """The members of a tar, from its beginning to its end; directories are passed over.

    Args:
        file: the tar's bytes.
        limit_of: the most bytes that a member of this name may have; None where it is not wanted.
        longest: bytes after which the tar counts as endless; a compressed one can be as long as it likes.

    Raises:
        TarDamagedError: a header is damaged, or the tar ends in the middle of something, or does not end.
    """
    forwards = _Forwards(file, longest)
    tar: tarfile.TarFile | None = None
    for _ in range(MOST_MEMBERS + 1):  # and the end
        begin = tar.offset if tar else 0
        forwards.header_left = LONGEST_HEADER
        try:
            if tar is None:  # reads the first header at once
                tar = tarfile.TarFile(fileobj=cast(Any, forwards), encoding="utf-8", errors="replace")
            tar.pax_headers = {}  # what an earlier header said of all members: one more way to contradict them
            entry = tar.next()
        except (TarDamagedError, OSError, EOFError):
            raise
        except Exception as error:  # mutated bytes make it raise many kinds: ValueError, OverflowError, IndexError ...
            raise _damaged(begin, str(error)) from None
        if entry is None and any(forwards.block):  # a missing end mark is no matter: what is not there will be missed
            raise _damaged(begin, "truncated" if len(forwards.block) < BLOCK else "bad checksum")
        if entry is None:
            return
        if entry.size < 0 or not entry.pax_headers.get("size", "0").isdecimal():
            raise _damaged(begin, "a size that is no number")
        if not entry.isdir():
            name = entry.name.removeprefix("./")
            yield Member(name, _content(entry, forwards, limit_of(name)))
    raise TarDamagedError(f"it has more than {MOST_MEMBERS:,} members")


def _content(entry: tarfile.TarInfo, file: _Forwards, limit: int | None) -> memoryview | str | None:
    if entry.issparse() or any(key.startswith("GNU.sparse") for key in entry.pax_headers):
        return "a sparse file, expected a plain one"
    if not entry.isreg():
        return f"{_KINDS.get(entry.type, 'a special file')}, expected a plain one"
    if limit is None:
        return None
    if entry.size > limit:
        return f"{entry.size:,} bytes, expected at most {limit:,}"
    file.expect(entry.size)
    content = np.empty(entry.size, np.uint8).data  # unlike a bytearray not zeroed first
    if file.readinto(content) < len(content):
        raise TarDamagedError(f"it ends at byte {file.position}, in the middle of a member")
    return content


def _damaged(position: int, reason: str) -> TarDamagedError:
    return TarDamagedError(f"its header at byte {position} is damaged ({reason})")


@contextmanager
def open_tar(path: Path) -> Iterator[Bytes]:
    """The bytes of a tar on disk, plain or gzipped (told by its first bytes, not by its name).

    Raises:
        TarDamagedError: what is read in the block cannot be decompressed.
    """
    with path.open("rb", buffering=0) as file:
        is_compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            yield gzip.GzipFile(fileobj=file) if is_compressed else file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TarDamagedError(f"it cannot be decompressed ({error})") from None
