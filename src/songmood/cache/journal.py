"""A journal: append-only JSON lines, one for each finished piece of work, on the disk before it counts as done."""

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from songmood.cache.disk import sync, write_at


class Record(NamedTuple):
    """What became of one track; a job's line in a cache's journal holds one for each that it delivered.

    Attributes:
        row: of the track in the cache.
        length: frames that were written; 0 where the track is left out.
        checksum: CRC-32 of the rows.
        note: what a user should know, or why the track is left out.
        features: the bytes of the float32 values in hexadecimal, which keeps every NaN as it is; empty for none.
        features_note: why there are no features.
    """

    row: int
    length: int
    checksum: int
    note: str
    features: str = ""
    features_note: str = ""


class Journal:
    """The lines of one file; a context manager that closes it.

    Attributes:
        entries: the lines after the first.
    """

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        """Goes on with the journal at `path` where its first line is `head`, else begins it anew.

        A line that a kill or a loss of power cut off is dropped.
        """
        lines, end = _whole_lines(path)
        is_begun = lines[:1] == [head]
        self.entries = lines[1:] if is_begun else []
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._end = end if is_begun else 0
        os.ftruncate(self._descriptor, self._end)
        if not is_begun:
            self._write(head)
            sync(path.parent)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def append(self, entry: dict[str, Any]) -> None:
        """Adds a line, and returns when it would survive a loss of power."""
        self._write(entry)
        self.entries.append(entry)

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        write_at(self._descriptor, data, self._end)
        os.fsync(self._descriptor)
        self._end += len(data)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole, the first included; none where there is no such file."""
    return _whole_lines(path)[0]


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines up to the first that is not whole, and the bytes that they take."""
    lines: list[dict[str, Any]] = []
    end = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        try:
            content = json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n") or not isinstance(content, dict):
            break
        lines.append(content)
        end += len(line)
    return lines, end
