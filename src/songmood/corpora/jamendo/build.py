"""`songmood data fetch` and `build`: from whatever is here to all archives, or to the finished cache."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from songmood.cache.build import BuildReport, build_cache
from songmood.cache.cores import usable_cores
from songmood.cache.disk import gigabytes
from songmood.cache.finish import sweep
from songmood.cache.lock import BuildLock
from songmood.corpora.jamendo.catalogue import TYPES
from songmood.corpora.jamendo.feature_pass import put_features, read_archives
from songmood.corpora.jamendo.jobs import FeatureTar, MelTar, folder_of
from songmood.corpora.jamendo.store import Store
from songmood.corpora.jamendo.supply import Sources, Supply
from songmood.errors import CacheError, DownloadError
from songmood.progress import progress

log = logging.getLogger(__name__)

MEGABYTE = 1_000_000
RESERVE = 100 * MEGABYTE  # of the disk, for the headers, notes and everybody else


@dataclass(frozen=True)
class Outcome:
    """What a build ended with.

    Attributes:
        report: what became of the tracks; None where the cache was there already.
        strays: what else was in the archives and was ignored, a line each.
    """

    report: BuildReport | None
    strays: tuple[str, ...] = ()


def fetch_archives(store: Store, kinds: Sequence[str], sources: Sources) -> None:
    """Bring all archives that a build of `kinds` needs, to build another time.

    Raises:
        DownloadError: some could not be had; the others are here.
        CacheError: there is not enough room, or another process fetches or builds.
    """
    with BuildLock(_made(store.root)):
        files = [file for kind in kinds for file in store.pending(kind)]
        here = sum(path.stat().st_size for path in _made(store.downloads).iterdir())
        expected = sum(store.expected(file.name) for file in files)
        check_room({store.downloads: max(0, expected - here)})
        with progress("fetching archives", max(1, expected // MEGABYTE), "MB") as meter:
            counted = 0

            def count(size: int) -> None:
                nonlocal counted
                before, counted = counted, counted + size
                meter.advance(counted // MEGABYTE - before // MEGABYTE)

            with sources.open(files, store.downloads, count, is_bounded=False) as arrivals:
                faults = [arrival.fault for arrival in arrivals if arrival.fault is not None]
    if faults:
        raise DownloadError(f"{len(faults)} of {len(files)} archives could not be had: {' | '.join(map(str, faults))}")


def build(
    store: Store, kinds: Sequence[str], sources: Sources, *, workers: int | None = None, strict: bool = False
) -> Outcome:
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
    report, strays = None, []
    with BuildLock(_made(store.root)):
        needs_mel = store.is_nearly_built or ("melspecs" in kinds and not store.is_built)
        if not needs_mel and not store.is_built:
            raise CacheError(
                f"no mel cache at {store.cache_path} to put features into; build both with "
                "`songmood data build --type melspecs,acousticbrainz`"
            )
        _check_room(store, kinds, sources)
        _made(store.downloads)
        if "acousticbrainz" in kinds:
            strays += _read_features(store, sources, workers, strict)
        if needs_mel:
            report, ignored = _build_mel(store, sources, workers, strict)
            strays += ignored
        if "acousticbrainz" in kinds:
            put_features(store.plan, *store.feature_rows.matrix([track.stem for track in store.plan.tracks]))
        strays += _tidy(store, keep_tars=sources.keep_tars)
    for stray in strays:
        log.info("ignored %s", stray)
    return Outcome(report, tuple(strays))


def _build_mel(store: Store, sources: Sources, workers: int, strict: bool) -> tuple[BuildReport, list[str]]:
    listed = store.metadata.has(store.dataset.checksums("melspecs", "tracks"))
    sums = store.metadata.checksums(store.dataset, "melspecs", "tracks") if listed else {}

    def job(path: Path) -> MelTar:
        tracks = store.folders[folder_of(path.name)]
        own = {name: sums[name] for name in (f"{track.stem}.npy" for track in tracks) if name in sums}
        return MelTar(path, tracks, own, store.downloads / f"{path.name}.strays", strict)

    with Supply(sources, store.downloads, lambda: store.pending("melspecs"), job) as supply:
        report = build_cache(
            store.plan,
            supply.jobs(),
            workers=workers,
            strict=strict,
            on_done=lambda job: supply.done(cast(MelTar, job)),
        )
        return report, supply.strays


def _read_features(store: Store, sources: Sources, workers: int, strict: bool) -> list[str]:
    files = store.pending("acousticbrainz")

    def job(path: Path) -> FeatureTar:
        tracks = store.folders.get(folder_of(path.name), ())
        return FeatureTar(path, tracks, {}, store.downloads / f"{path.name}.strays", strict)

    with Supply(sources, store.downloads, lambda: files, job) as supply:
        if files:
            read_archives(supply.jobs(), store.feature_rows, len(files), workers, supply.done)
        return supply.strays


def _tidy(store: Store, *, keep_tars: bool) -> list[str]:
    """Remove what killed builds left of archives that have been read, and say what they had ignored in them."""
    strays: list[str] = []
    for kind in TYPES:
        pending = {file.name for file in store.pending(kind)}
        for file in store.archives(kind):
            if file.name in pending:
                continue
            noted = store.downloads / f"{file.name}.strays"
            if noted.exists():
                strays += noted.read_text(encoding="utf-8").splitlines()
            for leftover in (noted, store.downloads / f"{file.name}.part"):
                leftover.unlink(missing_ok=True)
            if not keep_tars:
                (store.downloads / file.name).unlink(missing_ok=True)
    if not any(store.downloads.iterdir()):
        store.downloads.rmdir()
    with BuildLock(store.cache_path):
        sweep(store.cache_path)
    return strays


def _check_room(store: Store, kinds: Sequence[str], sources: Sources) -> None:
    """Before anything is fetched: room for the rest of the cache and for the archives that lie about at once."""
    sizes = sorted((store.expected(file.name) for kind in kinds for file in store.pending(kind)), reverse=True)
    at_once = 0 if not sources.mirrors else sum(sizes[: sources.ahead])
    check_room({store.cache_path.parent: store.missing_cache_bytes(), store.downloads: at_once})


def check_room(needed: dict[Path, int]) -> None:
    """CacheError with the numbers where the disks of these folders lack the bytes that are needed there."""
    by_disk: dict[int, tuple[Path, int]] = {}
    for folder, size in needed.items():
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        first, sum_so_far = by_disk.get(existing.stat().st_dev, (existing, 0))
        by_disk[existing.stat().st_dev] = (first, sum_so_far + size)
    for folder, size in by_disk.values():
        free = shutil.disk_usage(folder).free
        if size and size + RESERVE > free:
            raise CacheError(
                f"{gigabytes(size)} are needed on the disk of {folder} and {gigabytes(free)} are free; "
                "make room, or set SONGMOOD_DATA to a folder on another disk"
            )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
