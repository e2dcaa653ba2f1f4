"""The members of a tar, streamed: nothing is unpacked, and nothing in the tar is trusted.

The standard library's `tarfile` reads headers of any size, keeps every member, follows sparse maps and links, and
raises many kinds of exceptions on mutated bytes. Here one loop over the 512-byte blocks (ustar, pax, GNU) yields plain
files and says of everything else why it is none. A member's bytes are read when they are asked for, and never written.
"""

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

BLOCK = 512  # bytes
LONGEST_HEADER = 1 << 16  # bytes of a long name or of pax records; the names here have 20 characters
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_PASSED_OVER = (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK)
_WITHOUT_CONTENT = {
    tarfile.DIRTYPE: "a directory",
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_PAX_RECORD = re.compile(rb"(\d{1,8}) ([^=]{1,200})=")


class TarDamagedError(Exception):
    """The rest of the tar cannot be read; the message says what and where."""


class ByteStream(Protocol):
    """What is read of a file."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill what can be filled now; 0 at the end."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move."""


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


class TarStream:
    """Reads a tar from its beginning to its end, once: iterate over the members and `read` those that are wanted."""

    def __init__(self, file: ByteStream, longest: int, *, can_seek: bool = True) -> None:
        """Begin.

        Args:
            file: the tar's bytes.
            longest: bytes after which the tar counts as endless; a compressed one can be as long as it likes.
            can_seek: whether unwanted content is skipped without reading it.
        """
        self._file = file
        self._longest = longest
        self._can_seek = can_seek
        self._position = 0
        self._unread = 0  # bytes of the current member's content
        self._padding = 0  # bytes from the content's end to a full block

    def __iter__(self) -> Iterator[Member]:
        """The members; directories are passed over.

        Raises:
            TarDamagedError: a header is damaged, or the tar ends in the middle of something, or does not end.
        """
        overrides: dict[str, str] = {}  # what headers before the member say of it
        while (header := self._header()) is not None:
            if header.type in _PAX:
                overrides |= pax_records(self._metadata())
            elif header.type == tarfile.GNUTYPE_LONGNAME:
                overrides["path"] = self._metadata().split(b"\0", 1)[0].decode("utf-8", "replace")
            elif header.type not in _PASSED_OVER:
                if header.type != tarfile.DIRTYPE:
                    yield self._member(header, overrides)
                overrides = {}
            self._skip()

    def read(self) -> memoryview:
        """The content of the current member, once.

        Raises:
            TarDamagedError: the tar ends in the middle of it.
        """
        content = np.empty(self._unread, np.uint8).data  # unlike a bytearray not zeroed first
        self._fill(content)
        self._unread = 0
        return content

    def _header(self) -> tarfile.TarInfo | None:
        block = bytearray(BLOCK)
        begin = self._position
        if not self._fill(memoryview(block), may_end=True) or not any(block):
            return None  # a missing end mark is no matter: whatever should be there and is not will be missed
        try:
            header = tarfile.TarInfo.frombuf(bytes(block), "utf-8", "replace")
        except (tarfile.HeaderError, ValueError, OverflowError) as error:
            raise TarDamagedError(f"its header at byte {begin} is damaged ({error})") from None
        if header.size < 0:
            raise TarDamagedError(f"its header at byte {begin} is damaged (a size of {header.size})")
        if header.type == tarfile.GNUTYPE_SPARSE and block[482]:  # the map goes on in further blocks
            self._pass_over_sparse_map()
        self._expect(0 if header.type in _WITHOUT_CONTENT else header.size)
        return header

    def _member(self, header: tarfile.TarInfo, overrides: dict[str, str]) -> Member:
        name = overrides.get("path", header.name).removeprefix("./")
        fault = _WITHOUT_CONTENT.get(header.type, None if header.type in _FILES else "not a plain file")
        if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in overrides):
            fault = "a sparse file"
        if header.type in _FILES and "size" in overrides:
            if re.fullmatch("[0-9]{1,18}", overrides["size"]) is None:
                raise TarDamagedError(f"its header at byte {self._position} is damaged (a size that is no number)")
            self._expect(int(overrides["size"]))
        return Member(name, self._unread, fault)

    def _expect(self, size: int) -> None:
        self._unread = size
        self._padding = -size % BLOCK

    def _metadata(self) -> bytes:
        if self._unread > LONGEST_HEADER:
            raise TarDamagedError(f"a header of {self._unread} bytes at byte {self._position}")
        return bytes(self.read())

    def _pass_over_sparse_map(self) -> None:
        block = bytearray(BLOCK)
        self._fill(memoryview(block))
        while block[504]:
            self._fill(memoryview(block))

    def _skip(self) -> None:
        left = self._unread + self._padding
        self._expect(0)
        if self._can_seek:
            self._advance(left)
            self._file.seek(left, 1)
            return
        while left:
            scratch = bytearray(min(left, 1 << 20))
            self._fill(memoryview(scratch))
            left -= len(scratch)

    def _fill(self, view: memoryview, *, may_end: bool = False) -> bool:
        """Fill `view`; False where the tar ends just here and `may_end`."""
        size = len(view)
        while view:
            try:
                got = self._file.readinto(view)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise TarDamagedError(f"it cannot be decompressed after byte {self._position} ({error})") from None
            if not got:
                if may_end and len(view) == size:
                    return False
                raise TarDamagedError(f"it ends at byte {self._position}, in the middle of a member")
            self._advance(got)
            view = view[got:]
        return True

    def _advance(self, size: int) -> None:
        self._position += size
        if self._position > self._longest:
            raise TarDamagedError(f"it goes on after {self._longest} bytes, more than all of its tracks need")


@contextmanager
def open_tar(path: Path, longest: int) -> Iterator[TarStream]:
    """The stream of a tar on disk, plain or gzipped (told by its first bytes, not by its name)."""
    with path.open("rb", buffering=0) as file:
        is_compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if is_compressed:
            with gzip.open(file) as plain:
                yield TarStream(cast(ByteStream, plain), longest, can_seek=False)
        else:
            yield TarStream(cast(ByteStream, file), longest)


def pax_records(data: bytes) -> dict[str, str]:
    """The `length key=value` records of a pax header.

    Raises:
        TarDamagedError: it does not consist of such records.
    """
    records = {}
    position = 0
    while position < len(data):
        record = _PAX_RECORD.match(data, position)
        end = position + int(record[1]) if record else 0
        if record is None or not record.end() <= end - 1 < len(data) or data[end - 1 : end] != b"\n":
            raise TarDamagedError("a pax header that is none")
        records[record[2].decode("utf-8", "replace")] = data[record.end() : end - 1].decode("utf-8", "replace")
        position = end
    return records
