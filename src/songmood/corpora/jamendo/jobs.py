"""The archives as jobs: each is read once, in a worker process, and hands over its tracks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.cache.plan import Delivery, Stray
from songmood.corpora.jamendo.acousticbrainz import (
    FEATURES,
    LARGEST_DOCUMENT,
    SUFFIXES,
    feature_row,
    merge_rows,
    parse_document,
)
from songmood.corpora.jamendo.tars import BLOCK, Member, TarDamagedError, TarStream, open_tar
from songmood.corpora.npy import parse_mel_npy
from songmood.errors import CorpusError
from songmood.tracks import Track

FRAME_BYTES = 384  # 96 float32
FRAMES_PER_SECOND = 46.875
_NUMBER = re.compile(r"-(\d\d)\.tar(\.gz)?$")


@dataclass(frozen=True)
class Archive:
    """A tar, and what is wanted of it.

    Attributes:
        path: of the tar.
        tracks: whose files it should hold.
        strict: stop at the first file that does not belong there.
    """

    path: Path
    tracks: tuple[Track, ...] = field(repr=False)
    strict: bool = False

    @property
    def name(self) -> str:
        """The tar's file name."""
        return self.path.name

    @property
    def stems(self) -> tuple[str, ...]:
        """What it should deliver."""
        return tuple(track.stem for track in self.tracks)

    def contents(self, limits: Mapping[str, int]) -> Iterator[tuple[str, memoryview | str] | Stray]:
        """Each wanted file once, in the tar's order: its name, and its bytes or the reason why they are of no use.

        Between them comes what does not belong there; files that do not come are named at the end.

        Args:
            limits: the names of the wanted files and the most bytes that each may have.

        Raises:
            CorpusError: something else is in the tar, and `strict`.
        """
        left = dict(limits)
        end = f"not in {self.name}"
        try:
            with open_tar(self.path, _longest(limits.values())) as stream:
                for member in stream:
                    if member.name in left:
                        content = self._content(member, stream, left[member.name])
                        del left[member.name]  # not before: the tar may end in the middle of it
                        yield member.name, content
                    else:
                        yield self._stray(member, limits)
        except TarDamagedError as error:
            end = f"not read from {self.name}: {error}"
        yield from ((name, end) for name in left)

    def _stray(self, member: Member, limits: Mapping[str, int]) -> Stray:
        stray = Stray(f"{member.label} in {self.name}: {_why_stray(member, limits)}")
        if self.strict:
            raise CorpusError(f"{stray.text} (strict; without it the file would be ignored)")
        return stray

    def _content(self, member: Member, stream: TarStream, limit: int) -> memoryview | str:
        if member.fault is not None:
            return f"{member.fault} in {self.name}, expected a plain file"
        if member.size > limit:
            return f"{member.size:,} bytes in {self.name}, expected at most {limit:,} for the track's duration"
        return stream.read()  # no checksum: the tar's was right


class MelTar(Archive):
    """An archive of spectrograms, `NN/ID.npy`; features come later, by `feature_pass`."""

    def run(self) -> Iterator[Delivery | Stray]:
        """Every track that should be there, with its spectrogram or the reason why it has none."""
        limits = {f"{track.stem}.npy": largest_npy(track.duration) for track in self.tracks}
        for item in self.contents(limits):
            yield item if isinstance(item, Stray) else self._delivery(*item)

    def _delivery(self, name: str, content: memoryview | str) -> Delivery:
        stem = name.removesuffix(".npy")
        if isinstance(content, str):
            return Delivery(stem, refusal=content)
        try:
            return Delivery(stem, mel=parse_mel_npy(content))
        except ValueError as error:
            return Delivery(stem, refusal=f"{error} (in {self.name})")


class FeatureTar(Archive):
    """An archive of AcousticBrainz documents, `NN/ID.json` and perhaps `NN/ID.json.highlevel.json`."""

    def run(self) -> Iterator[Delivery | Stray]:
        """Every track that should be there, with what its documents hold of `FEATURES`, or the reason for none."""
        documents = {f"{track.stem}{suffix}": track.stem for track in self.tracks for suffix in SUFFIXES}
        rows: dict[str, dict[str, NDArray[np.float32]]] = {stem: {} for stem in self.stems}
        reasons: dict[str, str] = {}
        for item in self.contents(dict.fromkeys(documents, LARGEST_DOCUMENT)):
            if isinstance(item, Stray):
                yield item
                continue
            name, row = item[0], _row(item[1])
            if not isinstance(row, str):
                rows[documents[name]][name] = row
            elif not name.endswith(SUFFIXES[1]):  # the second document may be absent without a word
                reasons[documents[name]] = row
        for stem in self.stems:
            if rows[stem]:  # the order of names, not of the tar, decides between two documents
                yield Delivery(stem, features=merge_rows(rows[stem][name] for name in sorted(rows[stem])))
            else:
                yield Delivery(stem, refusal=reasons[stem])


def _row(content: memoryview | str) -> NDArray[np.float32] | str:
    if isinstance(content, str):
        return content
    try:
        return feature_row(parse_document(content), FEATURES)
    except ValueError as error:
        return str(error)


def largest_npy(duration: float) -> int:
    """Bytes that the spectrogram of a track may have: twice its duration and a minute, for durations can be wrong."""
    return 4_096 + FRAME_BYTES * int((2 * duration + 60) * FRAMES_PER_SECOND)


def folder_of(tar: str) -> str:
    """The folder that an archive holds: ``"24"`` of `...-24.tar`.

    Raises:
        CorpusError: the archive's name has no number.
    """
    number = _NUMBER.search(tar)
    if number is None:
        raise CorpusError(f"an archive called {tar}, expected a name that ends in -00.tar to -99.tar")
    return number[1]


def _longest(limits: Iterable[int]) -> int:
    return (1 << 20) + sum(limit + 8 * BLOCK for limit in limits)


def _why_stray(member: Member, limits: Mapping[str, int]) -> str:
    if member.name in limits:
        return "a second time; the first was taken"
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "a path that leads out of the archive"
    return member.fault or "not of a track that belongs here"
