"""The tracks of one split that have a spectrogram, as arrays: where each lies in the cache, targets and features."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songmood.cache.read import MelCache
from songmood.errors import CorpusError, some
from songmood.random_bits import random_order

log = logging.getLogger(__name__)


class Stretches(NamedTuple):
    """A part of each track."""

    first: NDArray[np.int64]  # (N,) its first frame within the track
    frames: NDArray[np.int64]  # (N,) how many


@dataclass(frozen=True)
class SplitTracks:
    """N tracks in the order of the split."""

    name: str  # of the split
    track_ids: tuple[str, ...]  # (N,)
    offset: NDArray[np.int64]  # (N,) first frame in the cache's `mel`
    length: NDArray[np.int64]  # (N,) frames, at least 1
    targets: NDArray[np.uint8]  # (N, L) 0 or 1
    features: NDArray[np.float32] | None  # (N, F) NaN where absent; None where the cache has none

    @property
    def whole(self) -> Stretches:
        """All of each track."""
        return Stretches(np.zeros_like(self.length), self.length)

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """(N,) each track's id in 64 bits: the same wherever the track stands."""
        digests = [hashlib.blake2b(track_id.encode(), digest_size=8).digest() for track_id in self.track_ids]
        return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)

    def with_shuffled_targets(self, seed: int) -> "SplitTracks":
        """The same with each track given the targets of another one."""
        return replace(self, targets=self.targets[random_order(len(self.targets), seed)])


def read_split(
    cache: MelCache, name: str, track_ids: Sequence[str], targets: NDArray[np.uint8] | None = None
) -> SplitTracks:
    """Find a split's tracks in the cache; those that the cache leaves out are named in the log and left out here.

    Args:
        cache: of the corpus.
        name: of the split.
        track_ids: of the split, in its order.
        targets: (all of `track_ids`, L), where they are not the cache's.

    Raises:
        CacheError: for ids that the cache does not know.
        CorpusError: where no track is left.
    """
    rows = cache.rows(track_ids)
    is_kept = cache.length[rows] > 0
    left_out = [track_id for track_id, kept in zip(track_ids, is_kept, strict=True) if not kept]
    if left_out:
        counts = (len(left_out), len(track_ids))
        log.warning("%s: skipped for want of a spectrogram, %d of %d tracks: %s", name, *counts, some(left_out, most=5))
    rows = rows[is_kept]
    if not len(rows):
        raise CorpusError(
            f"the {name} split has {len(track_ids)} tracks, none with a spectrogram; expected at least one"
        )
    return SplitTracks(
        name,
        tuple(track_id for track_id, kept in zip(track_ids, is_kept, strict=True) if kept),
        cache.offset[rows],
        cache.length[rows],
        cache.targets[rows] if targets is None else np.asarray(targets, np.uint8)[is_kept],
        cache.features[rows] if cache.feature_names else None,
    )


def report_short_tracks(tracks: SplitTracks, window: int) -> None:
    """Name the tracks that are shorter than a window in the log."""
    short = [tracks.track_ids[index] for index in np.flatnonzero(tracks.length < window)]
    if short:
        counts = (len(short), len(tracks.track_ids))
        message = "%s: shorter than a window of %d frames and repeated to fill it, %d of %d tracks: %s"
        log.warning(message, tracks.name, window, *counts, some(short, most=5))
