"""Names with any bytes: one line for people, UTF-8 in tables, their own bytes in playlists."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.tagging.batch.file_names import in_a_playlist, in_utf8, on_a_line

NAMES = st.binary(min_size=1).filter(lambda name: b"\0" not in name)


@pytest.mark.parametrize(
    ("name", "line", "text"),
    [
        (b"a b.ogg", "a b.ogg", "a b.ogg"),
        ("Björk 🎻".encode(), "Björk 🎻", "Björk 🎻"),
        (b"a\nb\x1b[2J", r"a\nb\x1b[2J", "a\nb\x1b[2J"),
        (b"\xff\xc3\xa4", r"\xffä", r"\xffä"),
    ],
)
def test_by_example(name: bytes, line: str, text: str) -> None:
    assert on_a_line(os.fsdecode(name)) == line
    assert in_utf8(os.fsdecode(name)) == text


@given(NAMES)
def test_no_name_breaks_a_line_or_an_encoding(name: bytes) -> None:
    path = os.fsdecode(name)
    assert on_a_line(path).isprintable()
    in_utf8(path).encode("utf-8")
    entry = in_a_playlist(path)
    assert len(entry.splitlines()) == 1
    assert entry[:1] != b"#"  # which would make it a comment


def test_a_playlist_holds_the_bytes_of_the_path() -> None:
    assert in_a_playlist(os.fsdecode(b"/m/\xff.ogg")) == b"/m/\xff.ogg"
    assert in_a_playlist("/m/a\nb.ogg") == b"file:///m/a%0Ab.ogg"
    assert in_a_playlist(Path("a.ogg")) == os.fsencode(Path.cwd() / "a.ogg")
