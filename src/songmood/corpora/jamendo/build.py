"""`songmood data fetch` and `build`: from whatever is here to all archives, or to the finished cache."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from songmood.cache.build import BuildReport, build_cache
from songmood.cache.disk import check_room, taken
from songmood.cache.finish import put_features
from songmood.cache.lock import build_lock
from songmood.cache.partial import partial_path
from songmood.cache.pool import usable_cores
from songmood.corpora.jamendo.archives import MelTar
from songmood.corpora.jamendo.catalogue import TYPES
from songmood.corpora.jamendo.features import FeatureTar
from songmood.corpora.jamendo.fetch import Fetch, Sources
from songmood.corpora.jamendo.store import Store
from songmood.errors import CacheError
from songmood.progress import progress

MEGABYTE = 1_000_000
RESERVE = 100 * MEGABYTE  # of the disk, for the headers, notes and everybody else


def fetch_archives(store: Store, kinds: Sequence[str], sources: Sources) -> None:
    """Bring all archives that a build of `kinds` needs, to build another time.

    Raises:
        DownloadError: some could not be had; the others are here.
        CacheError: there is not enough room, or another process fetches or builds.
    """
    with build_lock(_made(store.root)):
        files = [file for kind in kinds for file in store.pending(kind)]
        here = sum(path.stat().st_size for path in _made(store.downloads).iterdir())
        expected = sum(store.expected(file.name) for file in files)
        check_room({store.downloads: max(0, expected - here) + RESERVE})
        with progress("fetching archives", max(1, expected // MEGABYTE), "MB") as meter:
            came = 0

            def count(size: int) -> None:
                nonlocal came
                came += size
                meter.advance(came // MEGABYTE - meter.done)

            with Fetch(files, store.downloads, replace(sources, keep_tars=True), on_bytes=count) as arrivals:
                for _ in arrivals:
                    pass


def build(
    store: Store, kinds: Sequence[str], sources: Sources, *, workers: int | None = None, strict: bool = False
) -> BuildReport:
    """Make the cache, go on with it, or add features to it: whatever of `kinds` is not there yet.

    Args:
        store: the data set.
        kinds: "melspecs" and, or, "acousticbrainz".
        sources: where archives come from that are needed.
        workers: processes; None: one per core that this process may use; 0: this one.
        strict: stop at the first file that is refused.

    Raises:
        DownloadError: archives could not be had; what the others held is kept.
        CacheError: as `build_cache`; or there is no room; or features are asked for and there is no cache.
        CorpusError: a file was refused, and `strict`.
    """
    workers = usable_cores() if workers is None else workers
    with build_lock(_made(store.root)):
        if "melspecs" not in kinds and store.pending("melspecs"):
            raise CacheError(
                f"no mel cache at {store.cache_path} to put features into; build both with "
                "`songmood data build --type melspecs,acousticbrainz`"
            )
        _check_room(store, kinds, sources)
        _made(store.downloads)
        if files := "acousticbrainz" in kinds and store.pending("acousticbrainz"):
            with Fetch(files, store.downloads, sources) as arrivals:
                feature_tars = (FeatureTar(path, store.tracks_in(path.name), strict) for _, path in arrivals)
                store.feature_rows.read(feature_tars, workers, on_done=lambda job: arrivals.used_up(job.name))
        with Fetch(store.pending("melspecs"), store.downloads, sources) as arrivals:
            report = build_cache(
                store.plan,
                (MelTar(path, store.tracks_in(path.name), strict) for _, path in arrivals),
                workers=workers,
                strict=strict and not store.is_built,  # what was left out then was said then
                on_done=lambda job: arrivals.used_up(job.name),
            )
        if "acousticbrainz" in kinds:
            put_features(store.plan, *store.feature_rows.matrix([track.stem for track in store.plan.tracks]))
            strays = (stray for entry in store.feature_rows.entries.values() for stray in entry["strays"])
            report = replace(report, strays=(*strays, *report.strays))
        _tidy(store, keep_tars=sources.keep_tars)
    return report


def _tidy(store: Store, *, keep_tars: bool) -> None:
    """Remove what killed builds left of archives that have been read."""
    for kind in TYPES:
        pending = {file.name for file in store.pending(kind)}
        for name in (file.name for file in store.archives(kind) if file.name not in pending):
            (store.downloads / f"{name}.part").unlink(missing_ok=True)
            if not keep_tars:
                (store.downloads / name).unlink(missing_ok=True)
    if not any(store.downloads.iterdir()):
        store.downloads.rmdir()


def _check_room(store: Store, kinds: Sequence[str], sources: Sources) -> None:
    """Before anything is fetched: room for the rest of the cache and for the archives that lie about at once."""
    sizes = sorted((store.expected(file.name) for kind in kinds for file in store.pending(kind)), reverse=True)
    at_once = sum(sizes[: sources.ahead]) if sources.mirrors else 0
    begun = taken(partial_path(store.cache_path))
    cache = 0 if store.is_built else max(0, int(store.plan.slots[-1]) * 2 * store.mel.num_bands - begun)
    if cache or at_once:
        check_room({store.cache_path.parent: cache + RESERVE, store.downloads: at_once})


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
