"""Which files are meant: paths, folders, globs and lists become one list of audio files, the same on every machine."""

import glob
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from songmood.audio.stream import STREAMED_SUFFIXES
from songmood.errors import TaggingError
from songmood.tagging.batch.file_names import on_a_line

APPLE_DOUBLE = "._"  # what macOS leaves beside each file on other disks


@dataclass
class Found:
    """The audio files, and what was passed over.

    Attributes:
        paths: as they were named, or below the folders that were named; no path twice.
        unusable: paths that were named and cannot be tagged, or folders that cannot be read, with the reason.
        passed_over: how many files in folders were no audio (``foreign``) or no regular files (``special``).
    """

    paths: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)


def discover(named: Sequence[str]) -> Found:
    """Look up what a user names.

    Args:
        named: files; folders, whose files are taken at any depth, in the order of their names; or globs, which may hold
            ``**``.

    Raises:
        TaggingError: nothing is there.
    """
    found = Found()
    for name in named:
        matches = [name] if os.path.lexists(name) else sorted(glob.glob(name, recursive=True))  # noqa: PTH207 -- Path.glob takes no absolute pattern
        if not matches:
            found.unusable[name] = "there is no such file"
        for match in matches:
            _take(match, found)
    found.paths = list(dict.fromkeys(found.paths))
    if not found.paths:
        first = next((f": {on_a_line(name)}: {reason}" for name, reason in found.unusable.items()), "")
        raise TaggingError(f"no audio file was found{first}; expected {', '.join(STREAMED_SUFFIXES)}")
    return found


def _take(path: str, found: Found) -> None:
    """A path that was named: what is wrong with it is said."""
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        found.unusable[path] = f"cannot be looked up: {error.strerror}"
        return
    if stat.S_ISDIR(mode):
        _take_folder(path, found)
    elif not stat.S_ISREG(mode):
        found.unusable[path] = "is no regular file"
    elif not path.lower().endswith(STREAMED_SUFFIXES):
        found.unusable[path] = f"is no audio file: expected {', '.join(STREAMED_SUFFIXES)}"
    else:
        found.paths.append(path)


def _take_folder(folder: str, found: Found) -> None:
    """Audio files at any depth; a folder that links lead to again is not entered twice."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder.rstrip(os.sep) + os.sep]  # the next to look at is last; no Path objects: there may be a million
    while waiting:
        path = waiting.pop()
        if not path.endswith(os.sep):
            found.paths.append(path)
            continue
        try:
            status = Path(path).stat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                waiting += reversed(_usable(path, found))
        except OSError as error:
            found.unusable[path] = f"cannot be read: {error.strerror}"


def _usable(folder: str, found: Found) -> list[str]:
    """Its audio files and its folders, which end in a slash, in the order of their names."""
    usable = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            kind = _kind(entry)
            if kind == "folder":
                usable.append(entry.path + os.sep)
            elif kind == "special":
                found.passed_over["special"] += 1
            elif not entry.name.lower().endswith(STREAMED_SUFFIXES) or entry.name.startswith(APPLE_DOUBLE):
                found.passed_over["foreign"] += 1
            else:
                usable.append(entry.path)
    return usable


def _kind(entry: os.DirEntry[str]) -> str:
    """``folder``, ``file``, or ``special``: a pipe, a device, a link to nowhere or in a circle."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "special"
    except OSError:
        return "special"


def listed(content: bytes) -> list[str]:
    """The paths in a list, one a line, or ended by zero bytes as ``find -print0`` does."""
    lines: Iterable[bytes] = content.split(b"\0") if b"\0" in content else content.splitlines()
    return [os.fsdecode(line) for line in lines if line.strip()]


def passed_over(found: Found) -> str:
    """A line on what was passed over in folders; empty where nothing was."""
    kinds = {"foreign": "not audio", "special": "not regular files"}
    said = [f"{count:,} {kinds[kind]}" for kind, count in found.passed_over.items()]
    return f"passed over: {', '.join(said)}" if said else ""
