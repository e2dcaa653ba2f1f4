"""The text files of the data set, as its repository lays them out: which there are, and how they come here."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from songmood.corpora.corpus import SPLITS
from songmood.corpora.jamendo.catalogue import METADATA, PINS, SPLIT_NUMBERS, TAG_LISTS, TYPES, Dataset, RemoteFile
from songmood.corpora.jamendo.fetch import Fetch, Sources
from songmood.errors import CorpusError, DownloadError
from songmood.progress import progress
from songmood.tracks import read_lines, read_tag_list, read_tracks

_CHECKSUM = re.compile(r"([0-9a-f]{64}) [ *]?(\S+)")
LARGEST = 64 << 20  # bytes; the largest, all tracks with their tags, has seven million


def read_checksums(path: Path) -> dict[str, str]:
    """The archives' SHA-256 sums by name, of a list of `<hex> <name>` lines, in its order.

    Raises:
        CorpusError: with file and line, where a line is none, a name is there twice, or the list is empty.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        match = _CHECKSUM.fullmatch(line.strip())
        if match is None or match[2] in sums:
            raise CorpusError(f"{path}:{number}: {line[:80]!r}, expected '<SHA-256> <name>', each name once")
        sums[match[2]] = match[1]
    return sums


def wanted(dataset: Dataset) -> dict[str, Callable[[Path], object]]:
    """What has to be fetched of the metadata: for each path the reader that tells whether it is in order."""
    files: dict[str, Callable[[Path], object]] = {dataset.tracks: read_tracks}
    for subset in dataset.subsets:
        files |= {
            dataset.split_file(subset, number, split): read_tracks for number in SPLIT_NUMBERS for split in SPLITS
        }
        if subset in TAG_LISTS:
            files[TAG_LISTS[subset]] = read_tag_list
    return files | {dataset.checksums(kind): read_checksums for kind in TYPES}


def fetch_metadata(dataset: Dataset, folder: Path, source: str | None = None) -> list[str]:
    """Bring what is not in `folder` yet, each file read before it counts as there; the paths of what was brought.

    Args:
        dataset: whose metadata.
        folder: gets the repository's layout.
        source: a URL or a folder with that layout; None for `METADATA`, whose lists of checksums are held to `PINS`:
            whoever names another source vouches for it.

    Raises:
        DownloadError: a file cannot be had, or is not what it should be.
    """
    readers = wanted(dataset)
    pins = {} if source else PINS
    source = source or METADATA
    files = [RemoteFile(path, pins.get(path), LARGEST) for path in readers if not (folder / path).is_file()]
    if not files:
        return []
    mirrors, shelves = ((source,), ()) if "://" in source else ((), (Path(source),))
    sources = Sources(mirrors, shelves, keep_tars=True)
    incoming = folder / "incoming"
    brought = []
    try:
        with (
            progress("fetching metadata", len(files), "files") as meter,
            Fetch(files, incoming, sources, what="metadata files", flat=False) as arrivals,
        ):
            for file, path in arrivals:
                _accept(path, folder / file.path, readers[file.path], f"{source}/{file.path}")
                brought.append(file.path)
                meter.advance()
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return brought


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
