"""The songs that were dropped: a queue, one thread that tags them, and what came out."""

import logging
import os
import queue
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import soundfile

from songmood.audio.container import quiet_decoder
from songmood.audio.samples import UNKNOWN_FRAMES
from songmood.audio.stream import STREAMED_SUFFIXES
from songmood.errors import SongmoodError, TaggingError
from songmood.tagging.music_tagger import MusicTagger
from songmood.tagging.tags import Tags

log = logging.getLogger(__name__)

MAX_WAITING = 4  # songs that lie on the disk; the page keeps the others
LONGEST_NAME = 255


@dataclass
class Song:
    """A song that was dropped.

    Attributes:
        name: what its file was called; never a path here.
        key: what the page calls it.
        state: ``waiting``, ``working``, ``done`` or ``failed``.
        length: seconds, as its header says; 0 where it does not.
        heard: seconds so far, of the model that is at it.
        model: which model is at it, or has been last.
        reason: why it failed.
        results: model -> its tags.
    """

    name: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    state: str = "waiting"
    length: float = 0.0
    heard: float = 0.0
    model: str = ""
    reason: str = ""
    results: dict[str, Tags] = field(default_factory=dict)


class Songs:
    """Takes files, tags them one after the other in a thread of its own, and deletes them.

    Args:
        taggers: model -> tagger, of a network each.
        max_seconds: what is longer is given up.

    Attributes:
        taggers: as given.
        listed: key -> song, in the order of coming; one that is taken out is given up.
    """

    def __init__(self, taggers: Mapping[str, MusicTagger], max_seconds: float) -> None:
        self.taggers = dict(taggers)
        self._max_seconds = max_seconds
        self.listed: dict[str, Song] = {}
        self._waiting: queue.Queue[tuple[Song, Path] | None] = queue.Queue()
        self._folder = TemporaryDirectory(prefix="songmood-app-")
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Whether another song should wait outside."""
        return self._waiting.qsize() >= MAX_WAITING

    def place_for(self, name: str) -> Path:
        """Where the bytes of a song may be written: a name of our own, with the song's suffix if that is known."""
        suffix = Path(name).suffix.lower()
        return Path(self._folder.name) / f"{secrets.token_hex(8)}{suffix if suffix in STREAMED_SUFFIXES else ''}"

    def add(self, name: str, path: Path) -> Song:
        """Queue a song whose bytes are in `path`, which is deleted when it has been heard."""
        song = Song(name[:LONGEST_NAME])
        self.listed[song.key] = song
        self._waiting.put((song, path))
        return song

    def refuse(self, name: str, reason: str) -> Song:
        """List a song that cannot be taken."""
        song = Song(name[:LONGEST_NAME], state="failed", reason=reason)
        self.listed[song.key] = song
        return song

    def close(self) -> None:
        """Give up what is left, and delete it."""
        self.listed.clear()
        self._waiting.put(None)
        self._thread.join()
        self._folder.cleanup()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            song, path = item
            song.state = "working"
            try:
                song.length = _promised_seconds(path)
                for model, tagger in self.taggers.items():
                    self._tag(song, path, model, tagger)
                song.length, song.state = song.heard, "done"
            except SongmoodError as error:
                song.reason, song.state = str(error).replace(str(path), song.name), "failed"
            except Exception:  # a defect costs this song, and the log tells; without the thread all others would hang
                log.exception("a song could not be tagged")
                song.reason, song.state = "it could not be tagged: the terminal says more", "failed"
            finally:
                path.unlink(missing_ok=True)

    def _tag(self, song: Song, path: Path, model: str, tagger: MusicTagger) -> None:
        def hear(seconds: float) -> None:
            song.heard = seconds
            if song.key not in self.listed:
                raise TaggingError(f"{path} was removed")
            if seconds > self._max_seconds:
                raise TaggingError(f"{path} is longer than {self._max_seconds / 3600:g} hours: songmood tag takes it")

        song.model = model
        hear(0.0)
        song.results[model] = tagger.tag(path, on_progress=hear)


def _promised_seconds(path: Path) -> float:
    """The length in a file's header; 0 where there is none, or where hearing the file will show what is wrong."""
    try:
        with quiet_decoder(path):
            info = soundfile.info(os.fspath(path))
    except soundfile.LibsndfileError:
        return 0.0
    return 0.0 if info.frames == UNKNOWN_FRAMES else float(info.duration)
