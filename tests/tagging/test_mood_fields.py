"""Moods in the files' own fields: as players read them, nothing else touched, every byte taken back."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.audio.stream import file_blocks
from songmood.errors import TaggingError
from songmood.tagging.fields.delta import delta, restored
from songmood.tagging.fields.essence import essence
from songmood.tagging.fields.journal import Journal, take_back
from songmood.tagging.fields.moods import read_moods, write_moods
from songmood.tagging.fields.writing import planned, write
from tiny_tagger import write_music

mutagen = pytest.importorskip("mutagen", reason="Mutagen is not installed: pip install 'songmood[write]'")
from mutagen import flac, id3, mp4, oggopus, oggvorbis  # noqa: E402

MOODS = ["calm", "dark ambient"]
PICTURE = bytes(range(256)) * 300


def plain_flac(folder: Path) -> Path:
    return write_music(folder / "a.flac", 2.0)


def full_flac(folder: Path) -> Path:
    music = flac.FLAC(plain_flac(folder))
    music.update({"title": "T", "mood": "angry", "Comment": ["one", "two"]})
    picture = flac.Picture()
    picture.data, picture.mime = PICTURE, "image/png"
    music.add_picture(picture)
    music.save(padding=lambda info: 0)  # so that the sound has to move
    return folder / "a.flac"


def vorbis(folder: Path) -> Path:
    music = oggvorbis.OggVorbis(write_music(folder / "a.ogg", 5.0))
    music["artist"] = "A" * 70_000  # a page more
    music.save()
    return folder / "a.ogg"


def opus(folder: Path) -> Path:
    music = oggopus.OggOpus(write_music(folder / "a.opus", 2.0))
    music["mood"] = ["old", "older"]
    music.save()
    return folder / "a.opus"


def untagged_mp3(folder: Path) -> Path:
    return write_music(folder / "a.mp3", 2.0)


def mp3(folder: Path, version: int) -> Path:
    path = untagged_mp3(folder)
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=id3.Encoding.UTF16, text="Ü"))
    tags.add(id3.TXXX(encoding=id3.Encoding.LATIN1, desc="MOODY", text="no mood"))
    tags.add(id3.APIC(encoding=id3.Encoding.LATIN1, mime="image/png", type=3, desc="c", data=PICTURE))
    tags.add(id3.PRIV(owner="o", data=b"\0\1\2"))
    tags.save(path, v2_version=version)
    with path.open("ab") as file:
        file.write(b"TAG" + b"Title of its own".ljust(125, b"\0"))
    return path


def m4a(folder: Path) -> Path:
    if shutil.which("ffmpeg") is None:
        pytest.skip("FFmpeg, which makes the M4A, is not installed")
    write_music(folder / "a.wav", 2.0)
    command = ["ffmpeg", "-v", "error", "-i", folder / "a.wav", "-c:a", "aac", "-movflags", "+faststart"]
    subprocess.run([*command, "-metadata", "title=T", folder / "a.m4a"], check=True)
    music = mp4.MP4(folder / "a.m4a")
    music["covr"] = [mp4.MP4Cover(PICTURE)]
    music["----:com.apple.iTunes:ENERGY"] = [b"5"]
    music.save()
    return folder / "a.m4a"


MAKERS = [plain_flac, full_flac, vorbis, opus, untagged_mp3, partial(mp3, version=3), partial(mp3, version=4), m4a]
NAMES = ["flac", "flac with all", "vorbis", "opus", "mp3 without a tag", "id3v2.3", "id3v2.4", "m4a"]
everywhere = pytest.mark.parametrize("make", MAKERS, ids=NAMES)


def heard(path: Path) -> np.ndarray:
    return np.concatenate(list(file_blocks(path, 12_000)))


def change(path: Path, folder: Path) -> Journal:
    journal, plan = Journal(folder / "journal.jsonl"), planned(path, MOODS)
    assert plan is not None
    write(plan, journal)
    return journal


@everywhere
def test_the_field_is_written_and_every_byte_is_taken_back(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before, sound = path.read_bytes(), heard(path)
    path.chmod(0o640)
    os.utime(path, ns=(1_600_000_000_000_000_001, 1_600_000_000_000_000_002))
    journal = change(path, tmp_path)
    assert read_moods(path) == MOODS
    np.testing.assert_array_equal(heard(path), sound)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert planned(path, MOODS) is None  # nothing more to do
    (back,) = journal.changes()
    assert take_back(back) == "restored"
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == 1_600_000_000_000_000_002
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert take_back(back) == "as it was"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@everywhere
def test_the_journal_is_small(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    change(path, tmp_path)
    assert (tmp_path / "journal.jsonl").stat().st_size < 6_000


@everywhere
def test_what_is_beside_the_moods_is_the_essence(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before = essence(path)
    write_moods(path, ["x" * 10_000])
    assert essence(path) == before
    data = bytearray(path.read_bytes())
    data[-200] ^= 1  # of the sound, or what stands for it
    path.write_bytes(data)
    assert essence(path) != before


def test_other_fields_are_as_they_were(tmp_path: Path) -> None:
    path = full_flac(tmp_path)
    change(path, tmp_path)
    music = flac.FLAC(path)
    assert dict(music.tags) == {"title": ["T"], "comment": ["one", "two"], "mood": MOODS}
    assert music.pictures[0].data == PICTURE
    tags = id3.ID3(change(mp3(tmp_path / "x", 4), tmp_path / "y") and tmp_path / "x" / "a.mp3")
    assert (tags["TIT2"].text, tags["APIC:c"].data, tags["PRIV:o:\0\1\2".replace("\0", "\0")].data) == (
        ["Ü"], PICTURE, b"\0\1\2"
    )  # fmt: skip


def test_id3_has_both_fields_in_its_newer_version_and_one_in_the_older(tmp_path: Path) -> None:
    for version, moods in ((4, (MOODS, MOODS)), (3, ([], ["calm/dark ambient"]))):
        path = mp3(tmp_path / str(version), version)
        change(path, tmp_path / str(version))
        tags = id3.ID3(path, translate=False)
        assert tags.version[1] == version
        assert [text for frame in tags.getall("TMOO") for text in frame.text] == moods[0]
        assert tags["TXXX:MOOD"].text == moods[1]
        assert tags["TXXX:MOODY"].text == ["no mood"]
        assert path.read_bytes()[-128:].startswith(b"TAGTitle of its own")


def test_a_tag_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    path = untagged_mp3(tmp_path)
    path.write_bytes(b"ID3\2\0\0\0\0\0\x0aTT2\0\0\4\0abc" + path.read_bytes())
    before = path.read_bytes()
    with pytest.raises(TaggingError, match=r"has an ID3v2\.2 tag"):
        change(path, tmp_path)
    assert path.read_bytes() == before


def test_a_field_that_cannot_be_read_exactly_is_not_rewritten(tmp_path: Path) -> None:
    path = plain_flac(tmp_path)
    music = flac.FLAC(path)
    music["title"] = "TITLE"
    music.save()
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"T\xff\xfeLE"))  # no UTF-8
    before = path.read_bytes()
    with pytest.raises(TaggingError, match="stays as it is: more than its mood field would change"):
        change(path, tmp_path)
    assert path.read_bytes() == before


def test_a_file_that_changed_since_is_left_alone(tmp_path: Path) -> None:
    path = plain_flac(tmp_path)
    (back,) = change(path, tmp_path).changes()
    write_moods(path, ["mine"])
    now = path.read_bytes()
    assert take_back(back) == "changed since: left as it is"
    assert path.read_bytes() == now
    path.unlink()
    assert take_back(back).startswith("cannot be written")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    path = plain_flac(tmp_path)
    (tmp_path / "link.flac").symlink_to(path)
    change(tmp_path / "link.flac", tmp_path)
    assert (tmp_path / "link.flac").is_symlink()
    assert read_moods(path) == MOODS


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "b.flac", "c.ogg"])
def test_what_has_no_field_or_is_no_music_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"nothing of the kind" * 30)
    with pytest.raises(TaggingError, match=r"has no mood field|cannot be read"):
        planned(tmp_path / name, MOODS)


def test_nothing_is_planned_where_nothing_is_decided(tmp_path: Path) -> None:
    assert planned(plain_flac(tmp_path), []) is None


def test_a_read_only_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plain_flac(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(TaggingError, match="cannot be written: it is read-only"):
        change(path, tmp_path)


def test_a_journal_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaggingError, match=r"cannot be read .*: name a journal of --write"):
        list(Journal(tmp_path / "none").changes())
    (tmp_path / "other").write_text("{}\n")
    with pytest.raises(TaggingError, match="is no journal of --write"):
        list(Journal(tmp_path / "other").changes())
    (tmp_path / "torn").write_text('{"path": "a')
    assert not list(Journal(tmp_path / "torn").changes())


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=40), st.binary(max_size=40))
def test_a_delta_leads_back(start: bytes, end: bytes, old_middle: bytes, new_middle: bytes) -> None:
    old, new = (np.frombuffer(start + middle + end, np.uint8) for middle in (old_middle, new_middle))
    assert b"".join(restored(new, delta(old, new))) == old.tobytes()
