"""A track on its way through the networks, and what they say of it in the end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from songmood.evaluation.quantiles import percentiles
from songmood.tag_names import short_names
from songmood.tagging.engine import Engine, Scored
from songmood.tagging.network import mean_thresholds
from songmood.tagging.tags import Tags, Timeline
from songmood.tagging.windows import Windower

Floats = NDArray[np.float64]


class View:
    """A track as one network sees it: its windows and what became of them.

    Args:
        engine: scores the windows.
        hop: seconds from one window's start to the next one's; None for half a window.
        features: of the track by name, as far as any network wants them.
    """

    def __init__(self, engine: Engine, hop: float | None, features: dict[str, float]) -> None:
        self.network = engine.network
        self.scored: list[Scored] = []
        self._engine = engine
        network = engine.network
        rate = network.mel.frames_per_second
        self.windows = Windower(network.window, network.window // 2 if hop is None else max(1, round(hop * rate)))
        wanted = [features[name] for name in network.features]
        self._features = np.array(wanted, dtype=np.float32) if wanted else None

    def feed(self, frames: NDArray[np.float32]) -> None:
        """The next frames (n, bands)."""
        for window in self.windows.feed(frames):
            self._engine.add(window, self._features, self.scored)

    def end(self) -> None:
        """There are no more."""
        for window in self.windows.end():
            self._engine.add(window, self._features, self.scored)

    @property
    def is_scored(self) -> bool:
        """Whether every window that there is has come out of the network."""
        return len(self.scored) == len(self.windows.starts)

    @property
    def scores(self) -> NDArray[np.float32]:
        """(W, L) probabilities."""
        return np.stack([window.scores for window in self.scored])

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """(E,) the mean over the windows."""
        vectors = [window.embedding for window in self.scored if window.embedding is not None]
        return np.stack(vectors).mean(axis=0, dtype=np.float64).astype(np.float32) if vectors else None


class Track:
    """One track, as all the networks see it.

    Args:
        source: its path, None for samples.
        engines: one for each network.
        hop: seconds; None for half a window.
        features: by name, as far as any network wants them.
    """

    def __init__(
        self, source: str | None, engines: Sequence[Engine], hop: float | None, features: dict[str, float]
    ) -> None:
        self.source = source
        self.views = [View(engine, hop, features) for engine in engines]
        self.is_ended = False

    def feed(self, frames: NDArray[np.float32]) -> None:
        """The next frames (n, bands)."""
        for view in self.views:
            view.feed(frames)

    def end(self) -> None:
        """There are no more."""
        for view in self.views:
            view.end()
        self.is_ended = True

    @property
    def seconds(self) -> float:
        """How much has come."""
        first = self.views[0]
        return max(first.windows.num_frames - 1, 0) / first.network.mel.frames_per_second

    @property
    def is_done(self) -> bool:
        """Whether nothing is to come any more."""
        return self.is_ended and all(view.is_scored for view in self.views)

    def tags(self, model: str, fingerprint: str) -> Tags:
        """What is said of the track, once it is done.

        Args:
            model: what the results call the networks.
            fingerprint: of what changes results.
        """
        networks = [view.network for view in self.views]
        thresholds = mean_thresholds(networks)
        values: Floats = np.mean([view.scores.mean(axis=0, dtype=np.float64) for view in self.views], axis=0)
        return Tags(
            source=self.source,
            duration=self.seconds,
            model=model,
            fingerprint=fingerprint,
            names=short_names(networks[0].tags),
            values=values,
            ranks=_ranks(self.views),
            decisions=None if thresholds is None else values >= thresholds,
            timeline=self._timeline(),
            embedding=self.views[0].embedding,
            notes=tuple(dict.fromkeys(note for view in self.views for note in _notes(view))),  # alike: once
        )

    def _timeline(self) -> Timeline | None:
        first = self.views[0]
        if any(view.windows.starts != first.windows.starts for view in self.views):
            return None
        start = np.array(first.windows.starts) / first.network.mel.frames_per_second
        end = np.minimum(start + first.network.seconds, self.seconds)
        return Timeline(start, end, np.mean([view.scores for view in self.views], axis=0))


def _ranks(views: Sequence[View]) -> Floats | None:
    """(L,) percentiles; of several networks, the mean of what each says."""
    ranks = []
    for view in views:
        if view.network.quantiles is None:
            return None
        ranks.append(percentiles(view.scores.mean(axis=0, dtype=np.float64), view.network.quantiles))
    return np.mean(ranks, axis=0)  # type: ignore[no-any-return]


def _notes(view: View) -> list[str]:
    network, notes = view.network, []
    if view.windows.num_frames < network.window:
        notes.append(f"shorter than a window of {network.seconds:.1f} s: repeated from its start, as in training")
    if missing := network.unheard_features:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        notes.append(
            f"{network.name} wants features that audio does not tell, which count as absent: {missing[0]}{more}"
        )
    if network.thresholds is None:
        notes.append(f"{network.name} has no fitted thresholds: nothing is decided")
    return notes
