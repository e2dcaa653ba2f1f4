"""What is here of a corpus, as tables: cache, splits, tags, and what is missing."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from rich.filesize import decimal
from rich.table import Table

from songmood.cache.disk import taken
from songmood.cache.partial import partial_path
from songmood.cache.read import MelCache
from songmood.corpora.corpus import Corpus
from songmood.errors import CacheError, CorpusError, some
from songmood.tracks import Track


def inventory(corpus: Corpus) -> Iterator[Table | str]:
    """Tables and lines about a corpus; whatever is not there is said, never an error."""
    cache, lines = _cache_lines(corpus)
    yield two_columns(f"Cache {corpus.cache_path}", lines)
    try:
        splits = dict(corpus.splits)
    except CorpusError as error:
        yield f"missing: {error}"
        return
    yield _split_table(corpus.name, splits, cache)
    yield _tag_table(corpus.tags, splits)


def _cache_lines(corpus: Corpus) -> tuple[MelCache | None, list[tuple[str, str]]]:
    unfinished = partial_path(corpus.cache_path)
    try:
        cache = MelCache.open(corpus.cache_path)
    except CacheError as error:
        lines = [("state", str(error))]
        if unfinished.exists():
            lines.append(("unfinished", decimal(taken(unfinished))))
        return None, lines
    frames = int(cache.length.sum())
    hours = frames / cache.mel_parameters.frames_per_second / 3_600
    held = [
        name for name, column in zip(cache.feature_names, cache.features.T, strict=True) if np.isfinite(column).any()
    ]
    refused = [f"{track_id} ({reason})" for track_id, reason in cache.left_out.items()]
    return cache, [
        ("size", decimal(corpus.cache_path.stat().st_size)),
        ("tracks", f"{int((cache.length > 0).sum()):,}, {hours:,.1f} hours, {frames:,} frames"),
        ("left out", f"{len(cache.left_out):,}" + ": " * bool(refused) + some(refused)),
        ("features", f"{len(held)} of {len(cache.feature_names)}" + (f": {', '.join(held)}" if held else "")),
        ("fingerprint", cache.fingerprint),
    ]


def _split_table(name: str, splits: dict[str, tuple[Track, ...]], cache: MelCache | None) -> Table:
    table = Table("split", title=f"Splits of {name}")
    for heading in ("tracks", "hours", "artists", "not in the cache"):
        table.add_column(heading, justify="right")
    there = set() if cache is None else {cache.track_ids[row] for row in np.flatnonzero(cache.length)}
    for split, tracks in splits.items():
        hours = sum(track.duration for track in tracks) / 3_600
        artists = len({track.artist_id for track in tracks})
        absent = sum(track.track_id not in there for track in tracks)
        table.add_row(split, f"{len(tracks):,}", f"{hours:,.1f}", f"{artists:,}", f"{absent:,}")
    return table


def _tag_table(tags: tuple[str, ...], splits: dict[str, tuple[Track, ...]]) -> Table:
    table = Table("tag", title=f"{len(tags)} tags")
    counts = {split: Counter(tag for track in tracks for tag in track.tags) for split, tracks in splits.items()}
    for split in splits:
        table.add_column(split, justify="right")
    for tag in tags:
        table.add_row(tag, *(f"{counts[split][tag]:,}" for split in splits))
    return table


def two_columns(title: str, lines: list[tuple[str, str]]) -> Table:
    """A table of names and what is to be said of each."""
    table = Table(title=title, show_header=False)
    for key, value in lines:
        table.add_row(key, value)
    return table
