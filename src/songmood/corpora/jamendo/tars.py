"""The members of a tar, streamed: nothing is unpacked, and nothing in the tar is trusted.

`tarfile` reads the headers, from a file that goes forwards only and gives out so many bytes for each; contents are read
past it when they are asked for, without a copy. Of everything that is no plain file it is said why.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

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
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class TarDamagedError(Exception):
    """The rest of the tar cannot be read; the message says what and where."""


@dataclass(frozen=True)
class Member:
    """An entry of a tar.

    Attributes:
        name: as it stands in the tar, for comparing; never a path to write to.
        size: bytes of its content.
        fault: why it is not a plain file; None where it is one.
    """

    name: str
    size: int
    fault: str | None = None

    @property
    def label(self) -> str:
        """The name, fit to be printed."""
        return _UNPRINTABLE.sub("?", self.name[:100]) + ("..." if len(self.name) > 100 else "")


class _Forwards:
    """A file as `tarfile` is given it: forwards only, not beyond `longest`, and for each header so many bytes.

    Attributes:
        position: bytes from the beginning.
        header_left: bytes that may still be read of the current header.
        block: what was read last.
    """

    def __init__(self, file: io.RawIOBase | io.BufferedIOBase, longest: int) -> None:
        self._file = file
        self._longest = longest
        self.position = 0
        self.header_left = LONGEST_HEADER
        self.block = b""

    def tell(self) -> int:
        return self.position

    def seek(self, position: int) -> None:
        if position < self.position:
            raise TarDamagedError(f"its header at byte {self.position} leads back to byte {position}")
        self.expect(position - self.position)
        with self._damage_named():
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
        with self._damage_named():
            while view and (got := self._file.readinto(view)):
                self.position += got
                view = view[got:]
        self.expect(0)
        return self.position - begin

    def expect(self, size: int) -> None:
        """Raise where the tar has no room for `size` bytes more."""
        if self.position + size > self._longest:
            raise TarDamagedError(f"it goes on after {self._longest} bytes, more than all of its tracks need")

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise TarDamagedError(f"it cannot be decompressed after byte {self.position} ({error})") from None


class TarStream:
    """Reads a tar from its beginning to its end, once: iterate over the members and `read` those that are wanted.

    Args:
        file: the tar's bytes.
        longest: bytes after which the tar counts as endless; a compressed one can be as long as it likes.
    """

    def __init__(self, file: io.RawIOBase | io.BufferedIOBase, longest: int) -> None:
        self._file = _Forwards(file, longest)
        self._tar: tarfile.TarFile | None = None
        self._unread = 0  # bytes of the current member's content

    def __iter__(self) -> Iterator[Member]:
        """The members; directories are passed over.

        Raises:
            TarDamagedError: a header is damaged, or the tar ends in the middle of something, or does not end.
        """
        for _ in range(MOST_MEMBERS + 1):  # and the end
            entry = self._next()
            if entry is None:
                return
            if not entry.isdir():
                self._unread = entry.size
                yield Member(entry.name.removeprefix("./"), entry.size, _fault(entry))
        raise TarDamagedError(f"it has more than {MOST_MEMBERS:,} members")

    def read(self) -> memoryview:
        """The content of the current member, once.

        Raises:
            TarDamagedError: the tar ends in the middle of it.
        """
        self._file.expect(self._unread)
        content = np.empty(self._unread, np.uint8).data  # unlike a bytearray not zeroed first
        self._unread = 0
        if self._file.readinto(content) < len(content):
            raise TarDamagedError(f"it ends at byte {self._file.position}, in the middle of a member")
        return content

    def _next(self) -> tarfile.TarInfo | None:
        begin = self._tar.offset if self._tar else 0
        self._file.header_left = LONGEST_HEADER
        try:
            if self._tar is None:  # reads the first header at once
                self._tar = tarfile.TarFile(fileobj=cast(Any, self._file), encoding="utf-8", errors="replace")
            self._tar.pax_headers = {}  # what an earlier header said of all members: one more way to contradict them
            entry = self._tar.next()
        except (TarDamagedError, OSError):
            raise
        except Exception as error:  # mutated bytes make it raise many kinds: ValueError, OverflowError, IndexError ...
            raise _damaged(begin, str(error)) from None
        if entry is None and any(self._file.block):  # a missing end mark is no matter: what is not there will be missed
            raise _damaged(begin, "truncated" if len(self._file.block) < BLOCK else "bad checksum")
        if entry and (entry.size < 0 or not entry.pax_headers.get("size", "0").isdecimal()):
            raise _damaged(begin, "a size that is no number")
        return entry


def _damaged(position: int, reason: str) -> TarDamagedError:
    return TarDamagedError(f"its header at byte {position} is damaged ({reason})")


def _fault(entry: tarfile.TarInfo) -> str | None:
    if entry.issparse() or any(key.startswith("GNU.sparse") for key in entry.pax_headers):
        return "a sparse file"
    return None if entry.isreg() else _KINDS.get(entry.type, "not a plain file")


@contextmanager
def open_tar(path: Path, longest: int) -> Iterator[TarStream]:
    """The stream of a tar on disk, plain or gzipped (told by its first bytes, not by its name)."""
    with path.open("rb", buffering=0) as file:
        is_compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if is_compressed:
            with gzip.open(file) as plain:
                yield TarStream(plain, longest)
        else:
            yield TarStream(file, longest)
