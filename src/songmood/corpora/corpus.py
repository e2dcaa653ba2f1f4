"""What a corpus is, and what must hold of its splits."""

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Protocol

from songmood.audio.parameters import MelParameters
from songmood.cache.read import MelCache
from songmood.errors import CorpusError, some
from songmood.tracks import Track, tags_of

logger = logging.getLogger(__name__)

SPLITS = ("train", "validation", "test")


class Corpus(Protocol):
    """Tracks, tags and splits, and where their cache is."""

    @property
    def name(self) -> str:
        """For run folders and tables."""

    @property
    def cache_path(self) -> Path:
        """Of the HDF5 file."""

    @property
    def tags(self) -> tuple[str, ...]:
        """In the order of the targets' columns."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of the cache's features; empty for a corpus without. Known before the cache is built."""

    @property
    def mel(self) -> MelParameters:
        """What the spectrograms are made with."""

    @property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """``train``, ``validation`` and ``test``, rows in the order of their TSVs."""

    def open(self) -> MelCache:
        """The cache, built first where that is quick and local; else CacheError says how to build it."""

    def check_features(self, cache: MelCache) -> None:
        """For a network that takes features: CorpusError says which of them `cache` lacks, and the remedy."""


def check_splits(splits: Mapping[str, Sequence[Track]]) -> None:
    """Refuses splits that share a track; tells the log where they share an artist.

    Raises:
        CorpusError: a track id or a path is in two splits.
    """
    for (first, tracks), (second, others) in combinations(splits.items(), 2):
        for what, key in (("track", "track_id"), ("path", "stem")):
            there = {getattr(track, key) for track in tracks}
            if twice := next((value for track in others if (value := getattr(track, key)) in there), None):
                raise CorpusError(f"{what} {twice} is in the splits {first} and {second}; each belongs to one")
        if shared := {track.artist_id for track in tracks} & {track.artist_id for track in others}:
            who = some(sorted(shared))
            logger.warning(
                "%d artists are in both %s and %s (%s): scores will flatter", len(shared), first, second, who
            )


def corpus_tags(splits: Mapping[str, Sequence[Track]], listed: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """The tags of a corpus: those listed, or all that a split has, sorted. Tells the log which lack examples where.

    Args:
        splits: of the corpus.
        listed: the tags in the order of the targets' columns; None for all there are.
        where: the corpus, for messages.

    Raises:
        CorpusError: a track has a tag that is not listed, a tag is listed twice, or there are no tags at all.
    """
    used = tags_of(track for tracks in splits.values() for track in tracks)
    tags = used if listed is None else tuple(listed)
    if not tags or len(set(tags)) < len(tags):
        raise CorpusError(f"{where} has {len(tags)} tags, {len(set(tags))} of them different; expected some, each once")
    for split, track in ((split, track) for split, tracks in splits.items() for track in tracks):
        for tag in track.tags:
            if tag not in tags:
                raise CorpusError(
                    f"{where}: track {track.track_id} of split {split} has the tag {tag!r}, which is not in the tag "
                    "list; add it to the list or leave the list out"
                )
    if nowhere := [tag for tag in tags if tag not in used]:
        logger.warning("%d of %d tags are on no track of %s: %s", len(nowhere), len(tags), where, some(nowhere))
    for split, tracks in splits.items():
        present = tags_of(tracks)
        if lacking := [tag for tag in tags if tag in used and tag not in present]:
            logger.warning(
                "%d of %d tags have no positive in split %s: %s", len(lacking), len(tags), split, some(lacking)
            )
    return tags
