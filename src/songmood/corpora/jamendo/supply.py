"""Archives as jobs of the cache builder, fetched while earlier ones are read, deleted when they have been."""

import threading
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

    Attributes:
        strays: what else was in the archives, and was ignored; a line each.
    """

    def __init__(
        self, sources: Sources, folder: Path, files: Callable[[], list[RemoteFile]], make: Callable[[Path], A]
    ) -> None:
        """Prepare.

        Args:
            sources: where from.
            folder: gets the archives that are fetched.
            files: says which are needed; asked when the first job is, for by then the build knows what it has.
            make: the job of an archive.
        """
        self.strays: list[str] = []
        self._sources = sources
        self._folder = folder
        self._files = files
        self._make = make
        self._fetch: Fetch | None = None
        self._quiet = threading.Condition()
        self._in_work = 0
        self._is_closed = False

    def __enter__(self) -> "Supply[A]":
        return self

    def __exit__(self, *_: object) -> None:
        with self._quiet:
            self._is_closed = True
            self._quiet.notify_all()
        if self._fetch is not None:
            self._fetch.close()

    def jobs(self) -> Iterator[A]:
        """A job for each archive, as they come.

        Raises:
            DownloadError: at the end, when all others have been read, if some could not be had; names them.
        """
        faults: list[DownloadError] = []
        self._fetch = self._sources.open(self._files(), self._folder, lambda _: None)
        for arrival in self._fetch:
            if arrival.fault is not None:
                faults.append(arrival.fault)
                continue
            with self._quiet:
                self._in_work += 1
            yield self._make(arrival.path)
        if faults:
            with self._quiet:
                self._quiet.wait_for(lambda: self._in_work == 0 or self._is_closed)
            raise DownloadError(
                f"{len(faults)} of {self._fetch.num_files} archives could not be had, the rest is kept: "
                + " | ".join(map(str, faults))
            )

    def done(self, job: A) -> None:
        """All of a job is in the cache."""
        if job.strays is not None and job.strays.exists():
            self.strays += job.strays.read_text(encoding="utf-8").splitlines()
            job.strays.unlink()
        if job.path.parent == self._folder and not self._sources.keep_tars:
            job.path.unlink(missing_ok=True)
        if self._fetch is not None:
            self._fetch.release()
        with self._quiet:
            self._in_work -= 1
            self._quiet.notify_all()
