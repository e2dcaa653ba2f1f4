"""The tagger that users hold: files or samples in, tags out, by one network or several."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.errors import ConfigError, SongmoodError
from songmood.tag_names import short_names
from songmood.tagging.decoders import Block, Event, Failure, Start, heard, heard_by_processes, heard_here, heard_samples
from songmood.tagging.engine import Engine, device_named
from songmood.tagging.listening import Ear, Wanted, mono_samples
from songmood.tagging.network import Network, mean_thresholds, require_fit
from songmood.tagging.tags import Tags
from songmood.tagging.track import Track

RESULTS = 1  # raised when the same networks and options give other results than before
HOPS = (0.1, 3600.0)  # seconds


class MusicTagger:
    """Tags music with one network, or with the mean of several.

    A track gets the same scores alone, among others and in any process; on another device they differ in the last
    digits. Not for two threads at once.

    Args:
        networks: with the same tags and spectrograms.
        device: ``auto``, or torch's name for one.
        hop: seconds from one window's start to the next one's; None for half a window.
        with_embeddings: whether tags carry what the output layer sees; of a single network.

    Attributes:
        networks: as given.
        tags: (L,) full names, the order of scores.
        names: (L,) the same without their category.
        thresholds: (L,) for the mean of the networks' scores; None where one has none.
        model: what results call the networks.
        fingerprint: sixteen hexadecimal digits that change with anything that changes results.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        device: str = "auto",
        hop: float | None = None,
        *,
        with_embeddings: bool = False,
    ) -> None:
        require_fit(networks)
        if with_embeddings and len(networks) > 1:
            raise ConfigError("embeddings of several models cannot be averaged: name one model")
        if hop is not None and not HOPS[0] <= hop <= HOPS[1]:
            raise ConfigError(f"hop={hop}: expected {HOPS[0]:g} to {HOPS[1]:g} seconds, such as 14.57, half a window")
        self.networks = tuple(networks)
        self.tags = networks[0].tags
        self.names = short_names(self.tags)
        self.thresholds = mean_thresholds(networks)
        self.model = " + ".join(network.name for network in networks)
        says = [str(RESULTS), str(hop), *(network.fingerprint for network in networks)]
        self.fingerprint = hashlib.sha256("\n".join(says).encode()).hexdigest()[:16]
        self._hop = hop
        where = device_named(device)
        self._engines = [Engine(network, where, with_embeddings=with_embeddings) for network in networks]
        self._wanted = Wanted(networks[0].mel, tuple(sorted({name for one in networks for name in one.features})))

    def __repr__(self) -> str:
        return f"<MusicTagger {self.model}, {len(self.tags)} tags>"

    def tag(
        self,
        music: str | Path | NDArray[np.generic],
        sample_rate: int | None = None,
        *,
        on_progress: Callable[[float], None] | None = None,
    ) -> Tags:
        """Tag one track.

        Args:
            music: an audio file, or samples: (S,), (S, channels) or (channels, S), float with full scale at 1, int16
                or int32.
            sample_rate: Hz of the samples; a file knows its own.
            on_progress: told the seconds that have been heard so far.

        Raises:
            CorpusError: naming the file and what is wrong with it.
            ValueError: samples without their rate, or that are no sound; a file with a rate.
        """
        ear = Ear(self._wanted)
        if isinstance(music, str | Path):
            if sample_rate is not None:
                raise ValueError(f"sample_rate={sample_rate} with a file: a file knows its own, leave it out")
            events, source = heard(Path(music), ear), str(music)
        else:
            events, source = heard_samples(*mono_samples(music, sample_rate), ear), None
        (result,) = self._results([source], ((0, event) for event in events), on_progress)
        if isinstance(result[1], SongmoodError):
            raise result[1]
        return result[1]

    def tag_many(
        self,
        paths: Iterable[str | Path],
        *,
        workers: int = 0,
        on_error: Callable[[SongmoodError], object] | None = None,
    ) -> Iterator[Tags]:
        """Tag files, in their order.

        Args:
            paths: audio files.
            workers: processes that decode beside this one; 0 for none. (They are spawned: a script that asks for them
                starts its work below ``if __name__ == "__main__":``.)
            on_error: told of a file that cannot be used, which is then left out.

        Raises:
            CorpusError: naming such a file, without `on_error`.
        """
        held: dict[int, Tags | SongmoodError] = {}
        turn = 0
        for number, result in self.tag_files([Path(path) for path in paths], workers):
            held[number] = result
            while (ready := held.pop(turn, None)) is not None:
                turn += 1
                if isinstance(ready, Tags):
                    yield ready
                elif on_error is None:
                    raise ready
                else:
                    on_error(ready)

    def tag_files(self, paths: Sequence[Path], workers: int) -> Iterator[tuple[int, Tags | SongmoodError]]:
        """Tag files; each result comes with the file's number as soon as it is there, or with what is wrong with it."""
        heard = heard_by_processes(paths, self._wanted, workers) if workers else heard_here(paths, self._wanted)
        return self._results([str(path) for path in paths], heard)

    def _results(
        self,
        sources: Sequence[str | None],
        events: Iterable[tuple[int, Event]],
        on_progress: Callable[[float], None] | None = None,
    ) -> Iterator[tuple[int, Tags | SongmoodError]]:
        tracks: dict[int, Track] = {}
        for number, event in events:
            if isinstance(event, Start):
                tracks[number] = self._open(sources[number], event)
            elif isinstance(event, Block):
                tracks[number].feed(event.frames)
                if on_progress:
                    on_progress(tracks[number].seconds)
            elif isinstance(event, Failure):
                tracks.pop(number, None)
                yield number, event.error
            else:
                tracks[number].end()
            yield from self._done(tracks)
        for engine in self._engines:
            engine.flush()
        yield from self._done(tracks)

    def _open(self, source: str | None, start: Start) -> Track:
        values = [] if start.features is None else start.features.tolist()
        return Track(source, self._engines, self._hop, dict(zip(self._wanted.features, values, strict=True)))

    def _done(self, tracks: dict[int, Track]) -> Iterator[tuple[int, Tags]]:
        for number in [number for number, track in tracks.items() if track.is_done]:
            yield number, tracks.pop(number).tags(self.model, self.fingerprint)
