"""MTG-Jamendo as a corpus: a split and a subset are lists of tracks over one cache of all of them."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from songmood.audio.parameters import MelParameters
from songmood.cache.partial import partial_path
from songmood.cache.read import MelCache, no_cache
from songmood.corpora.corpus import SPLITS, check_splits, corpus_tags
from songmood.corpora.jamendo.acousticbrainz import FeatureSet
from songmood.corpora.jamendo.catalogue import SPLIT_NUMBERS, TAG_LISTS, choose_dataset
from songmood.corpora.jamendo.store import Store
from songmood.errors import CacheError, ConfigError, CorpusError
from songmood.tracks import Track, read_tag_list, read_tracks, target_matrix


class JamendoCorpus:
    """One split of one subset of the data set.

    Attributes:
        store: what is here of the data set, shared by all splits and subsets.
        features: which AcousticBrainz values a track's features are.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        split: int = 0,
        subset: str = "moodtheme",
        dataset: str | None = None,
        features: FeatureSet | None = None,
        cache_path: Path | str | None = None,
        mel: MelParameters | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            root: holds `metadata/` and, while they are needed, the archives.
            split: 0 to 4.
            subset: moodtheme, genre, instrument, top50tags or all.
            dataset: autotagging_moodtheme or raw_30s; None: the smaller one that holds the subset.
            features: None for none.
            cache_path: of the HDF5 file; None: beside `root`.
            mel: what the spectrograms were made with; None: the data set's parameters.

        Raises:
            ConfigError: there is no such split, subset or data set.
        """
        if split not in SPLIT_NUMBERS:
            raise ConfigError(f"corpus.split={split}, expected one of {', '.join(map(str, SPLIT_NUMBERS))}")
        chosen = choose_dataset(dataset, subset)
        suffix = "" if chosen.name == "autotagging_moodtheme" else f"-{chosen.name}"
        root = Path(root)
        self.cache_path = Path(cache_path) if cache_path is not None else root.with_name(f"{root.name}{suffix}.h5")
        self.mel = mel or MelParameters()
        self.store = Store(chosen, root, self.cache_path, self.mel)
        self.name = f"jamendo-{subset}-split{split}"
        self.features = features
        self.feature_names = tuple(features.columns) if features else ()
        self._split_files = {part: chosen.split_file(subset, split, part) for part in SPLITS}
        self._tag_list = TAG_LISTS.get(subset)

    @cached_property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """The tracks of "train", "validation" and "test", in the order of their files.

        Raises:
            CorpusError: a file of the split is missing or damaged.
        """
        splits = {split: read_tracks(self.store.text(path)) for split, path in self._split_files.items()}
        check_splits(splits)
        return splits

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags in the organisers' order.

        Raises:
            CacheError: nothing of the data set is here: names three ways on, since a run asks for the tags first.
            CorpusError: a file of the split is missing or damaged.
        """
        if not (self.cache_path.exists() or (self.store.metadata / self._split_files["train"]).is_file()):
            raise self._missing()
        listed = read_tag_list(self.store.text(self._tag_list)) if self._tag_list else None
        return corpus_tags(self.splits, listed, self.name)

    def open(self) -> MelCache:
        """The cache, as the subset and the feature set see it: the same file, their targets and their columns.

        Tracks outside the splits have no targets; features that the cache lacks are NaN.

        Raises:
            CacheError: there is none: names three ways on; or it is another one, or damaged.
        """
        if not self.cache_path.exists():
            raise self._missing()
        cache = MelCache.open(self.cache_path, self.mel)
        targets = np.zeros((len(cache.track_ids), len(self.tags)), np.uint8)
        for tracks in self.splits.values():  # their files are the truth about tags
            targets[cache.rows([track.track_id for track in tracks])] = target_matrix(tracks, self.tags)
        features = np.full((len(cache.track_ids), len(self.feature_names)), np.nan, np.float32)
        for column, name in enumerate(self.feature_names):
            if name in cache.feature_names:
                features[:, column] = cache.features[:, cache.feature_names.index(name)]
        return dataclasses.replace(
            cache, tags=self.tags, targets=targets, feature_names=self.feature_names, features=features
        )

    def absent_features(self, cache: MelCache) -> tuple[str, ...]:
        """Which columns of the feature set are in no track of `cache`."""
        columns = zip(cache.feature_names, cache.features.T, strict=True)
        return tuple(name for name, column in columns if np.isnan(column).all())

    def check_features(self, cache: MelCache) -> None:
        """For those who need the features: does `cache` have them?

        Raises:
            CorpusError: some are in no track; names them, and the feature set that the distribution does hold.
        """
        if self.features is None:
            raise CorpusError(f"{self.name} was made without features; choose some with corpus/features=distribution")
        absent = self.absent_features(cache)
        if len(absent) == len(self.feature_names):
            raise CorpusError(
                f"{self.cache_path} holds no AcousticBrainz features; add them with "
                "`songmood data build --type acousticbrainz`"
            )
        if absent:
            blocks = ", ".join(sorted({name.split(".")[0] for name in absent}))
            raise CorpusError(
                f"the features {self.features.name} cannot be had: no track has {', '.join(absent)} (the distribution "
                f"has no block {blocks}; NN/ID.json.highlevel.json files in the archives would bring highlevel). "
                "corpus/features=distribution takes what it holds"
            )

    def _missing(self) -> CacheError:
        if partial_path(self.cache_path).exists():
            return CacheError(f"{self.cache_path} is not finished; `songmood data build` goes on with it")
        dataset = self.store.dataset
        command = "make data" if dataset.subsets == ("moodtheme",) else f"songmood data build --dataset {dataset.name}"
        return no_cache(self.cache_path, command, dataset.fetched, dataset.kept)
