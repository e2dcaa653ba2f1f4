"""The metadata brought from the data set's repository, each file read before it counts as there."""

import shutil
from collections.abc import Callable
from pathlib import Path

from songmood.corpora.jamendo.catalogue import METADATA, PINS, Dataset
from songmood.corpora.jamendo.fetch import Fetch
from songmood.corpora.jamendo.metadata import LARGEST, extras, wanted
from songmood.corpora.jamendo.mirrors import Mirrors, Patience
from songmood.corpora.jamendo.transfer import RemoteFile
from songmood.errors import CorpusError, DownloadError
from songmood.progress import progress

Reader = Callable[[Path], object]


def fetch_metadata(
    dataset: Dataset,
    folder: Path,
    source: str = METADATA,
    *,
    connections: int = 4,
    patience: Patience | None = None,
) -> list[str]:
    """Bring what is not in `folder` yet and return the paths of what was brought.

    Args:
        dataset: whose metadata.
        folder: gets the repository's layout.
        source: a URL or a folder with that layout. The lists of checksums of `METADATA` are held to `PINS`; whoever
            names another source vouches for it.
        connections: files at a time.
        patience: how long to try.

    Raises:
        DownloadError: a file cannot be had, or is not what it should be; the lists of checksums of single files may be
            missing, for the archives have checksums too.
    """
    brought = _bring(wanted(dataset), folder, source, connections, patience, is_needed=True)
    return brought + _bring(extras(dataset), folder, source, connections, patience, is_needed=False)


def _bring(
    files: dict[str, Reader],
    folder: Path,
    source: str,
    connections: int,
    patience: Patience | None,
    *,
    is_needed: bool,
) -> list[str]:
    missing = {path: reader for path, reader in files.items() if not (folder / path).is_file()}
    if "://" not in source:
        return _copy(missing, folder, Path(source), is_needed=is_needed)
    incoming = folder / "incoming"
    faults = []
    pins = PINS if source == METADATA else {}
    remote = [RemoteFile(path, pins.get(path), limit=LARGEST) for path in missing]
    with (
        progress("fetching metadata", len(missing), "files") as meter,
        Fetch(remote, incoming, Mirrors([source]), connections=connections, patience=patience, flat=False) as arrivals,
    ):
        for arrival in arrivals:
            path = arrival.file.path
            if arrival.fault is None:
                _accept(arrival.path, folder / path, missing[path], f"{source}/{path}")
            else:
                faults.append((path, str(arrival.fault)))
            meter.advance(1)
    shutil.rmtree(incoming, ignore_errors=True)
    if faults and is_needed:
        raise DownloadError(f"{len(faults)} of {len(files)} metadata files could not be had, the first: {faults[0][1]}")
    return [path for path in missing if path not in dict(faults)]


def _copy(missing: dict[str, Reader], folder: Path, source: Path, *, is_needed: bool) -> list[str]:
    there = [path for path in missing if (source / path).is_file()]
    absent = [path for path in missing if path not in there]
    if absent and is_needed:
        raise DownloadError(
            f"{source} lacks {absent[0]} ({len(absent)} files in all), expected the repository's data folder"
        )
    for path in there:
        incoming = folder / "incoming" / path
        incoming.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, incoming)
        _accept(incoming, folder / path, missing[path], str(source / path))
    shutil.rmtree(folder / "incoming", ignore_errors=True)
    return there


def _accept(incoming: Path, target: Path, reader: Reader, origin: str) -> None:
    """Give a file its place if its reader can make sense of it."""
    try:
        reader(incoming)
    except CorpusError as error:
        reason = str(error).replace(str(incoming), target.name)
        incoming.unlink()
        raise DownloadError(f"{origin} is not what it should be: {reason}; give --metadata URL or DIR") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming.replace(target)
