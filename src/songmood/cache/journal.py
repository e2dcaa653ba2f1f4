"""A journal: append-only JSON lines, one for each finished piece of work, on the disk before it counts as done."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from songmood.cache.disk import sync


class Record(NamedTuple):
    """What became of one track; a job's line in a cache's journal holds one for each that it delivered."""

    row: int  # of the track in the cache
    length: int  # frames that were written; 0 where the track is left out
    checksum: int  # CRC-32 of the rows
    note: str  # what a user should know, or why the track is left out
    features: str = ""  # the bytes of the float32 values in hexadecimal, which keeps every NaN as it is; or none
    features_note: str = ""  # why there are no features


class Journal:
    """The lines of one file; `entries` are those after the first."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        """Goes on with the journal at `path` where its first line is `head`, else begins it anew."""
        begun, *self.entries = read_journal(path) or [{}]
        self.path = path
        if begun == head:
            self._write("")  # ends a line that was cut off
        else:
            self.entries = []
            path.unlink(missing_ok=True)
            self._write(json.dumps(head))
            sync(path.parent)

    def append(self, entry: dict[str, Any]) -> None:
        """Adds a line, and returns when it would survive a loss of power."""
        self._write(json.dumps(entry))
        self.entries.append(entry)

    def _write(self, line: str) -> None:
        with self.path.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The lines, the first included, without those that a kill or a loss of power cut off; none without a file."""
    lines = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with suppress(ValueError):
            lines.append(json.loads(line))
    return [line for line in lines if isinstance(line, dict)]


def records_of(journal: Journal) -> list[Record]:
    """What a cache's journal says of tracks."""
    return [Record(*values) for entry in journal.entries for values in entry["tracks"]]
