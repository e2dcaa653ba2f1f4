"""Archives as jobs: each is read once, in a worker process, and every track that it should hold is accounted for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from songmood.cache.plan import Delivery
from songmood.corpora.jamendo.tars import BLOCK, Member, TarDamagedError, open_tar, read_members
from songmood.corpora.npy import parse_mel_npy
from songmood.errors import CorpusError
from songmood.tracks import Track

FRAME_BYTES = 384  # 96 float32
FRAMES_PER_SECOND = 46.875
_NUMBER = re.compile(r"-(\d\d)\.tar(\.gz)?$")


@dataclass(frozen=True)
class Archive:
    """A tar, and what is wanted of it."""

    path: Path
    tracks: tuple[Track, ...] = field(repr=False)  # whose files it should hold
    strict: bool = False  # stop at the first file that does not belong there

    @property
    def name(self) -> str:
        """The tar's file name."""
        return self.path.name

    @property
    def stems(self) -> tuple[str, ...]:
        """What it should deliver."""
        return tuple(track.stem for track in self.tracks)

    def contents(self, limits: Mapping[str, int]) -> Iterator[tuple[str, memoryview | str] | str]:
        """Each wanted file once, in the tar's order: its name, and its bytes or the reason why they are of no use.

        Between them comes a line on each thing that does not belong there; files that do not come are named at the end.

        Args:
            limits: the names of the wanted files and the most bytes that each may have.

        Raises:
            CorpusError: something else is in the tar, and `strict`.
        """
        left = dict(limits)
        end = f"not in {self.name}"
        longest = (1 << 20) + sum(limit + 8 * BLOCK for limit in limits.values())
        try:
            with open_tar(self.path) as file:
                for member in read_members(file, left.get, longest):
                    if member.name not in left:
                        stray = f"{member.label} in {self.name}: {_why_stray(member, limits)}"
                        if self.strict:
                            raise CorpusError(f"{stray} (strict; without it the file would be ignored)")
                        yield stray
                        continue
                    del left[member.name]
                    content = member.content  # needs no checksum: the tar's was right
                    yield member.name, content if isinstance(content, memoryview) else f"{content} (in {self.name})"
        except TarDamagedError as error:
            end = f"not read from {self.name}: {error}"
        yield from ((name, end) for name in left)


class MelTar(Archive):
    """An archive of spectrograms, `NN/ID.npy`; features come later, from a `FeatureTar`."""

    def run(self) -> Iterator[Delivery | str]:
        """Every track that should be there, with its spectrogram or the reason why it has none; and what else is."""
        for item in self.contents({f"{track.stem}.npy": largest_npy(track.duration) for track in self.tracks}):
            if isinstance(item, str):
                yield item
                continue
            stem, content = item[0].removesuffix(".npy"), item[1]
            mel, reason = None, content if isinstance(content, str) else None
            try:
                if not isinstance(content, str):
                    mel = parse_mel_npy(content)
            except ValueError as error:
                reason = f"{error} (in {self.name})"
            yield Delivery(stem, mel, refusal=reason)


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


def _why_stray(member: Member, limits: Mapping[str, int]) -> str:
    if member.name in limits:
        return "a second time; the first was taken"
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "a path that leads out of the archive"
    return str(member.content or "not of a track that belongs here")
