"""The metadata brought from the data set's repository, each file read before it counts as there."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from songmood.corpora.jamendo.catalogue import METADATA, PINS, Dataset
from songmood.corpora.jamendo.fetch import Arrival, Fetch
from songmood.corpora.jamendo.metadata import LARGEST, wanted
from songmood.corpora.jamendo.mirrors import Patience
from songmood.corpora.jamendo.transfer import RemoteFile
from songmood.errors import CorpusError, DownloadError
from songmood.progress import progress


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
        DownloadError: a file cannot be had, or is not what it should be.
    """
    readers = wanted(dataset)
    pins = PINS if source == METADATA else {}
    files = [RemoteFile(path, pins.get(path), LARGEST) for path in readers if not (folder / path).is_file()]
    incoming = folder / "incoming"
    brought, faults = [], []
    try:
        for arrival in _arrivals(files, source, incoming, connections, patience):
            path = arrival.file.path
            if arrival.fault is not None:
                faults.append(arrival.fault)
                continue
            _accept(arrival.path, folder / path, readers[path], f"{source}/{path}")
            brought.append(path)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    if faults:
        raise DownloadError(f"{len(faults)} of {len(files)} metadata files could not be had, the first: {faults[0]}")
    return brought


def _arrivals(
    files: Sequence[RemoteFile], source: str, incoming: Path, connections: int, patience: Patience | None
) -> Iterator[Arrival]:
    if "://" in source and files:
        with (
            progress("fetching metadata", len(files), "files") as meter,
            Fetch(files, incoming, [source], connections=connections, patience=patience, flat=False) as arrivals,
        ):
            for arrival in arrivals:
                yield arrival
                meter.advance()
        return
    for file in files:
        path = Path(source) / file.path
        lacks = f"{source} lacks {file.path}, expected the repository's data folder"
        yield Arrival(file, path, None if path.is_file() else DownloadError(lacks))


def _accept(path: Path, target: Path, reader: Callable[[Path], object], origin: str) -> None:
    """Give a file its place if its reader can make sense of it."""
    try:
        reader(path)
    except CorpusError as error:
        reason = str(error).replace(str(path), target.name)
        raise DownloadError(f"{origin} is not what it should be: {reason}; give --metadata URL or DIR") from None
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.part")
    shutil.copyfile(path, unfinished)
    unfinished.replace(target)
