"""A corpus whose tracks' features are vectors that the user brings."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from songmood.cache.read import MelCache
from songmood.corpora.corpus import Corpus
from songmood.tracks import Track
from songmood.vectors import Vectors, read_vectors


class BroughtFeatures:
    """Implements `Corpus` for another one, with the vectors of a file as features; its cache stays as it is."""

    def __init__(self, corpus: Corpus, path: Path) -> None:
        self._corpus = corpus
        self._path = path
        self.name, self.cache_path, self.mel = corpus.name, corpus.cache_path, corpus.mel

    @property
    def tags(self) -> tuple[str, ...]:
        """The corpus's."""
        return self._corpus.tags

    @property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """The corpus's."""
        return self._corpus.splits

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Of the vectors' columns.

        Raises:
            CorpusError: they cannot be used, or tracks are missing.
        """
        return self._vectors.names

    @cached_property
    def _ids(self) -> list[str]:
        return [track.track_id for tracks in self.splits.values() for track in tracks]

    @cached_property
    def _vectors(self) -> Vectors:
        return read_vectors(self._path, self._ids)

    def check_features(self, cache: MelCache) -> None:
        """Nothing to check: there is a vector for each track."""

    def open(self) -> MelCache:
        """The corpus's cache, seen with these features; its fingerprint is also of them."""
        cache, vectors = self._corpus.open(), self._vectors
        features = np.full((len(cache.track_ids), len(vectors.names)), np.nan, np.float32)
        features[cache.rows(self._ids)] = vectors.values
        fingerprint = hashlib.sha256(cache.fingerprint.encode() + features.tobytes()).hexdigest()
        return replace(cache, feature_names=vectors.names, features=features, fingerprint=fingerprint)
