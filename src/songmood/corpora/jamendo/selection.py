"""A cache as one subset and one feature set see it: the same file, other columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.cache.read import MelCache
from songmood.tracks import Track, target_matrix


@dataclass(frozen=True, eq=False)
class Selection(MelCache):
    """A `MelCache` whose `tags` and `targets` are a subset's, and whose features are a feature set's."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return _reselect, (*super().__reduce__(), self.tags, self.targets, self.feature_names, self.features)


def select(
    cache: MelCache, splits: Mapping[str, Sequence[Track]], tags: Sequence[str], features: Sequence[str]
) -> Selection:
    """The view of `cache` in which the tracks of `splits` have their `tags` as targets; other tracks have none.

    Args:
        cache: that holds the tracks.
        splits: of a subset; their files are the truth about tags.
        tags: the columns of the targets.
        features: the columns of the features; those that the cache lacks are NaN.

    Raises:
        CacheError: the cache lacks tracks.
        CorpusError: a track has a tag outside `tags`.
    """
    targets = np.zeros((len(cache.track_ids), len(tags)), np.uint8)
    for tracks in splits.values():
        targets[cache.rows([track.track_id for track in tracks])] = target_matrix(tracks, tags)
    held = dict(zip(cache.feature_names, cache.features.T, strict=True))
    unknown = np.full(len(cache.track_ids), np.nan, np.float32)
    columns = [held.get(name, unknown) for name in features]
    chosen = np.stack(columns, axis=1) if columns else np.zeros((len(unknown), 0), np.float32)
    return _selected(cache, tuple(tags), targets, tuple(features), chosen)


def _selected(
    cache: MelCache,
    tags: tuple[str, ...],
    targets: NDArray[np.uint8],
    names: tuple[str, ...],
    features: NDArray[np.float32],
) -> Selection:
    values = {field.name: getattr(cache, field.name) for field in fields(MelCache)}
    return Selection(**(values | {"tags": tags, "targets": targets, "feature_names": names, "features": features}))


def _reselect(reopen: Any, arguments: tuple[Path, str], *selected: Any) -> Selection:
    return _selected(reopen(*arguments), *selected)
