"""The mood fields that players read, by Mutagen, which is GPL-2-or-later and imported in this module alone.

Vorbis comments ``MOOD`` (FLAC, OGG, Opus), ID3 ``TMOO`` and ``TXXX:MOOD`` (MP3; ID3v2.3 knows the second one only), MP4
``----:com.apple.iTunes:MOOD``. Several moods are several values of a field; in ID3v2.3, which has one, they are joined
by slashes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from songmood.errors import TaggingError

FIELD = "MOOD"
MP4_FIELD = f"----:com.apple.iTunes:{FIELD}"
SUFFIXES = (".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4")
ID3V1 = 128  # bytes at a file's end


def require_mutagen() -> None:
    """Say at once what writing needs.

    Raises:
        TaggingError: it is not installed.
    """
    try:
        import mutagen  # noqa: F401
    except ImportError:
        raise TaggingError("--write needs Mutagen, which is not installed: pip install 'songmood[write]'") from None


def read_moods(path: Path) -> list[str]:
    """What the file's mood field says; empty where it has none.

    Raises:
        TaggingError: its kind has no such field, or the file is damaged.
    """
    tags = _open(path).tags
    if tags is None:
        return []
    if path.suffix.lower() == ".mp3":
        texts = [str(text) for frame in tags.getall(f"TXXX:{FIELD}") for text in frame.text]
        return [text for joined in texts for text in joined.split("/")] if tags.version[1] == 3 else texts
    if path.suffix.lower() in (".m4a", ".mp4"):
        return [bytes(value).decode("utf-8", "replace") for value in tags.get(MP4_FIELD, [])]
    return [str(text) for text in tags.get(FIELD, [])]


def write_moods(path: Path, moods: Sequence[str]) -> None:
    """Put moods into the file, in place of what the field said.

    Raises:
        TaggingError: as `read_moods`, or its tag is of a version that cannot be kept.
    """
    import mutagen

    music = _open(path)
    try:
        if path.suffix.lower() == ".mp3":
            _write_id3(path, music, moods)
            return
        if music.tags is None:
            music.add_tags()
        if path.suffix.lower() in (".m4a", ".mp4"):
            music.tags[MP4_FIELD] = [mood.encode() for mood in moods]
        else:
            music.tags[FIELD] = list(moods)
        music.save()
    except mutagen.MutagenError as error:
        raise TaggingError(f"the fields of {path} cannot be written: {error}") from error


def _write_id3(path: Path, music: Any, moods: Sequence[str]) -> None:
    from mutagen import id3

    if music.tags is None:
        music.add_tags()
    version = music.tags.version[1]
    if version < 3:
        raise TaggingError(f"{path} has an ID3v2.{version} tag, which knows no moods: convert it to ID3v2.4")
    end = path.read_bytes()[-ID3V1:]
    music.tags.setall(f"TXXX:{FIELD}", [id3.TXXX(encoding=id3.Encoding.UTF8, desc=FIELD, text=list(moods))])
    if version == 4:
        music.tags.setall("TMOO", [id3.TMOO(encoding=id3.Encoding.UTF8, text=list(moods))])
    music.tags.save(path, v2_version=version, v1=id3.ID3v1SaveOptions.UPDATE)
    if end.startswith(b"TAG"):  # which would be made anew from the other fields
        with path.open("r+b") as file:
            file.seek(-ID3V1, 2)
            file.write(end)


def _open(path: Path) -> Any:
    import mutagen
    from mutagen.mp3 import MP3

    if path.suffix.lower() not in SUFFIXES:
        raise TaggingError(f"{path} has no mood field that players read: those that have end in {', '.join(SUFFIXES)}")
    try:
        music = MP3(path, translate=False, load_v1=False) if path.suffix.lower() == ".mp3" else mutagen.File(path)
    except (mutagen.MutagenError, OSError) as error:
        raise TaggingError(f"the fields of {path} cannot be read: {error}") from error
    if music is None:
        raise TaggingError(f"the fields of {path} cannot be read: it is not what its name says")
    return music
