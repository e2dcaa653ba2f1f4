"""`songmood data`: from nothing to a verified cache."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from songmood.corpora.jamendo.corpus import JamendoCorpus
    from songmood.corpora.jamendo.fetch import Sources

app = typer.Typer(no_args_is_help=True, help="Fetch, build, list and verify data sets.")

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Of conf/corpus, such as corpus=folder corpus.root=DIR."),
]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="autotagging_moodtheme or raw_30s (229 GB).")]
Types = Annotated[str, typer.Option("--type", help="melspecs, acousticbrainz, or both with a comma.")]
MirrorUrls = Annotated[
    list[str] | None, typer.Option("--mirror", help="Base URL of archives, instead of the known two.")
]
SourceDirs = Annotated[list[Path] | None, typer.Option("--source", help="A folder of archives; nothing else is asked.")]
MetadataFrom = Annotated[str | None, typer.Option("--metadata", help="URL or folder of the metadata.")]
Connections = Annotated[int, typer.Option(min=1, max=16, help="Archives at a time.")]
Workers = Annotated[int | None, typer.Option(min=0, help="Processes; by default one per core.")]


@app.command()
def fetch(
    overrides: Overrides = None,
    dataset: DatasetName = None,
    kinds: Types = "melspecs",
    mirror: MirrorUrls = None,
    metadata: MetadataFrom = None,
    metadata_only: Annotated[bool, typer.Option("--metadata-only", help="No archives.")] = False,
    connections: Connections = 4,
) -> None:
    """Bring metadata and archives, to build later or elsewhere. It goes on where it was; nothing comes twice."""
    from songmood.corpora.jamendo.build import fetch_archives
    from songmood.corpora.jamendo.metadata import fetch_metadata

    _show_log()
    corpus = _jamendo(corpus_of(overrides, dataset))
    types = _types(kinds)
    sources = _sources(mirror, None, connections, keep_tars=True)
    fetch_metadata(corpus.store.dataset, corpus.store.metadata, metadata)
    if not metadata_only:
        fetch_archives(corpus.store, types, sources)


@app.command()
def build(
    overrides: Overrides = None,
    dataset: DatasetName = None,
    kinds: Types = "melspecs",
    mirror: MirrorUrls = None,
    source: SourceDirs = None,
    metadata: MetadataFrom = None,
    connections: Connections = 4,
    keep_tars: Annotated[bool, typer.Option("--keep-tars", help="Keep archives once they are read.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first file that is refused.")] = False,
    workers: Workers = None,
) -> None:
    """Make a corpus's cache; for MTG-Jamendo, archives are fetched and read at the same time.

    Whatever stops it, the same command goes on where it was.
    """
    from songmood.corpora.jamendo.corpus import JamendoCorpus

    _show_log()
    corpus, types = corpus_of(overrides, dataset, strict=strict, workers=workers), _types(kinds)
    if isinstance(corpus, JamendoCorpus):
        from songmood.corpora.jamendo import build as jamendo
        from songmood.corpora.jamendo.metadata import fetch_metadata

        sources = _sources(mirror, source, connections, keep_tars=keep_tars)
        fetch_metadata(corpus.store.dataset, corpus.store.metadata, metadata)
        report = jamendo.build(corpus.store, types, sources, workers=workers, strict=strict)
        for stray in report.strays:
            typer.echo(f"ignored {stray}")
    cache = corpus.open()
    typer.echo(f"{cache.path} holds {int((cache.length > 0).sum()):,} of {len(cache.track_ids):,} tracks")
    if isinstance(corpus, JamendoCorpus) and "acousticbrainz" in types:
        _warn_of_absent_features(corpus, cache)


@app.command()
def info(overrides: Overrides = None, dataset: DatasetName = None) -> None:
    """Show what is there: tracks, hours, tags with counts, splits, sizes, and what is missing."""
    from rich.console import Console

    from songmood.corpora.inventory import inventory, two_columns
    from songmood.corpora.jamendo.corpus import JamendoCorpus

    console = Console(markup=False, emoji=False)  # tags and paths are shown as they are
    corpus = corpus_of(overrides, dataset)
    for part in inventory(corpus):
        console.print(part)
    if isinstance(corpus, JamendoCorpus):
        console.print(two_columns("Still to do", list(_still_to_do(corpus)) or [("nothing", "")]))


@app.command()
def verify(overrides: Overrides = None, dataset: DatasetName = None) -> None:
    """Read a cache against its checksums; exit status 1 and the damaged tracks where something is wrong."""
    from songmood.cache.verify import verify_cache
    from songmood.corpora.jamendo.corpus import JamendoCorpus
    from songmood.errors import CacheError

    _show_log()
    corpus = corpus_of(overrides, dataset)
    path = corpus.cache_path
    if not (path.exists() or isinstance(corpus, JamendoCorpus)):
        raise CacheError(f"no mel cache at {path}: `songmood data build {' '.join(overrides or [])}` makes it")
    damaged = verify_cache(path)
    for track_id in damaged:
        typer.echo(f"damaged {track_id}")
    if damaged:
        raise CacheError(f"{path} is damaged in {len(damaged)} tracks; delete it and run `songmood data build` again")
    typer.echo(f"{path} is what was written")


def corpus_of(
    overrides: list[str] | None, dataset: str | None, *, strict: bool = False, workers: int | None = None
) -> Any:
    """The corpus that the configuration and its overrides describe."""
    from songmood import config
    from songmood.errors import ConfigError
    from songmood.runs.configuration import FAULTS, compose_config, one_line, plain

    changes = [*(overrides or []), *([f"corpus.dataset={dataset}"] if dataset else [])]
    try:
        node = plain(compose_config("train", changes).corpus)
    except FAULTS as error:
        raise ConfigError(one_line(error)) from None
    node.pop("features_from", None)  # no part of its cache
    if strict and "strict" in node:
        node["strict"] = True
    if workers is not None and "workers" in node:
        node["workers"] = workers
    return config.build(node)


def _still_to_do(corpus: "JamendoCorpus") -> Iterator[tuple[str, str]]:
    """What is missing of the data set, by kind."""
    import numpy as np

    from songmood.cache.read import MelCache
    from songmood.corpora.jamendo.catalogue import TYPES
    from songmood.errors import CacheError, CorpusError

    try:
        has_features = bool(np.isfinite(MelCache.open(corpus.cache_path).features).any())
    except CacheError:
        has_features = False
    for kind in TYPES:
        try:
            pending = [file.name for file in corpus.store.pending(kind)]
        except CorpusError as error:
            yield kind, f"unknown: {error}"
            continue
        if pending and not (kind == "acousticbrainz" and has_features):
            yield kind, f"{len(pending)} archives, the first {pending[0]}"
    if corpus.features is not None and corpus.cache_path.exists():
        try:
            corpus.check_features(corpus.open())
        except (CacheError, CorpusError) as error:
            yield f"features {corpus.features.name}", str(error)


def _jamendo(corpus: Any) -> "JamendoCorpus":
    from songmood.corpora.jamendo.corpus import JamendoCorpus
    from songmood.errors import ConfigError

    if not isinstance(corpus, JamendoCorpus):
        raise ConfigError("only corpus=jamendo has anything to fetch; `songmood data build` makes the others' caches")
    return corpus


def _types(text: str) -> list[str]:
    from songmood.corpora.jamendo.catalogue import TYPES
    from songmood.errors import ConfigError

    types = [kind.strip() for kind in text.split(",")]
    if not types or set(types) - set(TYPES):
        raise ConfigError(f"--type {text}, expected {' or '.join(TYPES)}, or both with a comma")
    return types


def _sources(mirror: list[str] | None, source: list[Path] | None, connections: int, *, keep_tars: bool) -> "Sources":
    from songmood.corpora.jamendo.catalogue import MIRRORS
    from songmood.corpora.jamendo.fetch import Sources
    from songmood.errors import ConfigError

    shelves = tuple(source or ())
    absent = [str(shelf) for shelf in shelves if not shelf.is_dir()]
    if absent:
        raise ConfigError(f"--source {absent[0]} is no folder, expected one with archives")
    mirrors = tuple(mirror or (() if shelves else MIRRORS))
    return Sources(mirrors, shelves, connections, keep_tars)


def _warn_of_absent_features(corpus: "JamendoCorpus", cache: Any) -> None:
    from songmood.errors import CorpusError

    try:
        corpus.check_features(cache)
    except CorpusError as error:
        typer.echo(f"warning: {error}", err=True)


def _show_log() -> None:
    """Warnings and progress lines on stderr."""
    import logging

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each request
