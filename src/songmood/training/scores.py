"""The scores of one pass over a split, gathered from all processes once, at its end."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class SplitScores:
    """What a pass over a split gives, a row for each window, in the order of the split.

    Attributes:
        scores: (M, L) float64 in [0, 1].
        targets: (M, L) bool.
        track: (M,) int64, which row of the split's track list a window is from, ascending.
    """

    scores: NDArray[np.float64]
    targets: NDArray[np.bool_]
    track: NDArray[np.int64]

    def by_track(self) -> "SplitScores":
        """One row a track: the mean score of its windows."""
        track, first, counts = np.unique(self.track, return_index=True, return_counts=True)
        sums = np.add.reduceat(self.scores, first, axis=0) if len(track) else self.scores
        return SplitScores(sums / counts[:, None], self.targets[first], track)


class Prediction(NamedTuple):
    """What `Trainer.predict` gives for a batch, a row for each window.

    Attributes:
        tracks: (B,) ids of the windows' tracks.
        scores: (B, L) in [0, 1].
        decisions: (B, L) bool.
    """

    tracks: tuple[str, ...]
    scores: Tensor
    decisions: Tensor


class ScoreCollector:
    """Keeps each batch's scores where they were computed; the host waits for them once, in `gather`."""

    def __init__(self) -> None:
        self._batches: list[tuple[Tensor, Tensor, Tensor]] = []
        self._gathered: SplitScores | None = None

    def clear(self) -> None:
        """Forget the last pass."""
        self._batches.clear()
        self._gathered = None

    def add(self, scores: Tensor, target: Tensor, window: Tensor, track: Tensor) -> None:
        """Take a batch.

        Args:
            scores: (B, L) in [0, 1].
            target: (B, L), 0 or 1.
            window: (B,) the row of each window in the split's list of windows.
            track: (B,) the row of its track in the split's list of tracks.
        """
        self._batches.append((scores.detach(), target.detach(), torch.stack([window, track])))

    def gather(self) -> SplitScores:
        """All processes' windows, each once, in the split's order; every process must call it."""
        if self._gathered is None:
            scores = torch.cat([batch[0] for batch in self._batches]).cpu().double().numpy()
            targets = torch.cat([batch[1] for batch in self._batches]).cpu().bool().numpy()
            places = torch.cat([batch[2] for batch in self._batches], dim=1).cpu().numpy()
            parts = _from_all_processes((scores, targets, places))
            window, track = np.concatenate([part[2] for part in parts], axis=1)
            order = np.argsort(window, kind="stable")
            self._gathered = SplitScores(
                np.concatenate([part[0] for part in parts])[order],
                np.concatenate([part[1] for part in parts])[order],
                track[order],
            )
            self._batches.clear()
        return self._gathered


_Part = tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]


def _from_all_processes(mine: _Part) -> list[_Part]:
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [mine]
    parts: list[_Part | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(parts, mine)
    return [part for part in parts if part is not None]
