"""File names, which may hold almost any byte, where they must do no harm: on a terminal, in a table, in a playlist."""

import os
from pathlib import Path
from urllib.parse import quote


def on_a_line(path: str | Path) -> str:
    """For people: newlines, escape sequences and bytes that are no UTF-8 are spelt out, so that it is one line."""
    return "".join(letter if letter.isprintable() else _spelt(letter) for letter in in_utf8(path))


def _spelt(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def in_utf8(path: str | Path) -> str:
    r"""For tables: bytes that are no UTF-8 are spelt out, such as ``\xff``; all else as it is."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def in_a_playlist(path: str | Path) -> bytes:
    """For M3U: the absolute path's own bytes; as a URI where a line cannot hold them."""
    place = os.fsencode(os.path.abspath(path))  # noqa: PTH100 -- `resolve` would follow links
    return b"file://" + quote(place).encode("ascii") if b"\n" in place or b"\r" in place else place
