"""Archives as jobs, fetched while earlier ones are read, deleted when they have been."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from songmood.corpora.jamendo.catalogue import MIRRORS
from songmood.corpora.jamendo.fetch import Fetch
from songmood.corpora.jamendo.jobs import Archive
from songmood.corpora.jamendo.mirrors import Patience
from songmood.corpora.jamendo.transfer import RemoteFile
from songmood.errors import DownloadError

A = TypeVar("A", bound=Archive)
AHEAD = 2  # finished archives that may wait beside those that are on their way


@dataclass(frozen=True)
class Sources:
    """Where archives come from.

    Attributes:
        mirrors: base URLs, best first; none: only the shelves.
        shelves: folders that hold archives already; they stay there.
        connections: archives at a time.
        keep_tars: keep fetched archives once they are read.
        patience: how long to try; None: several minutes for each archive.
    """

    mirrors: tuple[str, ...] = MIRRORS
    shelves: tuple[Path, ...] = ()
    connections: int = 4
    keep_tars: bool = False
    patience: Patience | None = None

    @property
    def ahead(self) -> int | None:
        """How many archives may be on the disk or on their way at once; None for all."""
        return None if self.keep_tars else self.connections + AHEAD

    def open(
        self, files: Sequence[RemoteFile], folder: Path, on_bytes: Callable[[int], None], *, is_bounded: bool = True
    ) -> Fetch:
        """Start to fetch `files` into `folder`."""
        return Fetch(
            files,
            folder,
            self.mirrors,
            connections=self.connections,
            ahead=self.ahead if is_bounded else None,
            patience=self.patience,
            shelves=self.shelves,
            on_bytes=on_bytes,
        )


class Supply(Generic[A]):
    """Jobs for a build; a context manager, whose end stops what is still on its way.

    Args:
        sources: where from.
        folder: gets the archives that are fetched.
        files: which are needed.
        make: the job of an archive.
    """

    def __init__(self, sources: Sources, folder: Path, files: Sequence[RemoteFile], make: Callable[[Path], A]) -> None:
        self._sources = sources
        self._folder = folder
        self._files = files
        self._make = make
        self._fetch: Fetch | None = None

    def __enter__(self) -> "Supply[A]":
        return self

    def __exit__(self, *_: object) -> None:
        if self._fetch is not None:
            self._fetch.close()

    def jobs(self) -> Iterator[A]:
        """A job for each archive, as they come.

        Raises:
            DownloadError: after all others, if some could not be had; names them.
        """
        faults: list[DownloadError] = []
        self._fetch = self._sources.open(self._files, self._folder, lambda _: None)
        for arrival in self._fetch:
            if arrival.fault is None:
                yield self._make(arrival.path)
            else:
                faults.append(arrival.fault)
        if faults:
            raise DownloadError(
                f"{len(faults)} of {len(self._files)} archives could not be had, the rest is kept: "
                + " | ".join(map(str, faults))
            )

    def done(self, job: A) -> None:
        """All of a job is in the cache."""
        if job.path.parent == self._folder and not self._sources.keep_tars:
            job.path.unlink(missing_ok=True)
        if self._fetch is not None:
            self._fetch.release()
