"""A folder of results for any number of files: killed and started again, it goes on; shards of it are put together."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from songmood.errors import TaggingError
from songmood.tagging.batch.file_names import on_a_line
from songmood.tagging.batch.ledger import Key, Ledger, key_of, read_about
from songmood.tagging.batch.result import About, Failed, Result
from songmood.tagging.batch.shards import Shard, read_share, share_of, union, write_share
from songmood.tagging.music_tagger import MusicTagger
from songmood.tagging.tags import Tags

STATE = ".songmood"  # what a run needs to go on, inside its folder
LEDGER = re.compile(r"(?P<run>[0-9a-f]{16})-(?P<number>\d+)-of-(?P<count>\d+)\.jsonl")


def about(tagger: MusicTagger, *, with_timeline: bool, with_embeddings: bool) -> About:
    """What results of a tagger have in common."""
    limits = tagger.thresholds
    plain = None if limits is None else tuple(float(limit) if np.isfinite(limit) else None for limit in limits)
    return About(tagger.model, tagger.fingerprint, tagger.names, plain, with_timeline, with_embeddings)


class Collection:
    """The results of a shard's share of a list of files.

    Args:
        folder: of the results.
        of: what the results are of.
        paths: the whole list.
        shard: which share of it this is.

    Raises:
        TaggingError: the folder cannot be written, or another process is at this shard.
    """

    def __init__(self, folder: Path, of: About, paths: Sequence[str], shard: Shard) -> None:
        run = hashlib.sha256(json.dumps(asdict(of), sort_keys=True).encode()).hexdigest()[:16]
        self._share = share_of(paths, shard)
        self._ended = shard.file(folder / STATE, run, ".files")
        self._ledger = Ledger(shard.file(folder / STATE, run, ".jsonl"), of)
        self.about = of
        self.paths = self._share.paths

    def missing(self, *, retry: bool = False) -> list[Key]:
        """The files that are new or changed; with `retry`, those that could not be used, too."""
        keys = [key_of(path) or Key(path, -1, 0) for path in self.paths]
        again = {one.source for one in self.failed()} if retry else set()
        return [key for key in keys if key not in self._ledger or key.path in again]

    def tag(self, tagger: MusicTagger, keys: Sequence[Key], workers: int, on_done: Callable[[], object]) -> None:
        """Tag files; each counts as soon as it is done.

        Args:
            tagger: whose results these are.
            keys: of the files.
            workers: processes that decode; 0 for none.
            on_done: called after each file.
        """
        for number, result in tagger.tag_files([Path(key.path) for key in keys], workers):
            key = keys[number]
            if isinstance(result, Tags) and not self.about.with_timeline:
                result = replace(result, timeline=None)
            self._ledger.add(key, result if isinstance(result, Tags) else Failed(key.path, on_a_line(str(result))))
            on_done()

    def forget(self) -> None:
        """Begin anew."""
        self._ledger.clear()

    def end(self) -> None:
        """Leave word that nothing of this share is missing."""
        write_share(self._ended, self._share)

    @property
    def state(self) -> str:
        """Changes when a result does."""
        return f"{self._share.digest} {len(self.paths)} {self._ledger.size}"

    def results(self) -> Iterator[Result]:
        """What is finished, in the order of the list."""
        return self._ledger.results(self.paths)

    def failed(self) -> list[Failed]:
        """The files that could not be used."""
        return self._ledger.failed(self.paths)

    def close(self) -> None:
        """Let others at it."""
        self._ledger.close()


class Union:
    """The results of all shards of a run.

    Args:
        folder: in which they worked.

    Raises:
        TaggingError: there are none or those of several runs, one did not come to its end, or files are missing or
            double.
    """

    def __init__(self, folder: Path) -> None:
        state = folder / STATE
        run, count = _only_run(folder)
        shards = [Shard(number, count) for number in range(1, count + 1)]
        unfinished = [f"{one.number}/{count}" for one in shards if not one.file(state, run, ".files").is_file()]
        if unfinished:
            raise TaggingError(
                f"{len(unfinished)} of {count} shards in {folder} did not come to their end: run them again, with "
                f"--shard {', '.join(unfinished[:5])}"
            )
        shares = [(f"{one.number}/{count}", read_share(one.file(state, run, ".files"))) for one in shards]
        self._whole = union(shares)
        places = [one.file(state, run, ".jsonl") for one in shards]
        self.about = read_about(places[0])
        self._ledgers = {name: Ledger(place, self.about) for (name, _), place in zip(shares, places, strict=True)}
        missing = [path for path, name in self._whole if not self._ledgers[name].knows(path)]
        if missing:
            raise TaggingError(
                f"{len(missing):,} of {len(self._whole):,} files have no result, the first: {on_a_line(missing[0])}; "
                "run their shards again"
            )

    @property
    def state(self) -> str:
        """Changes when a result does."""
        return " ".join(f"{name} {ledger.size}" for name, ledger in sorted(self._ledgers.items()))

    def results(self) -> Iterator[Result]:
        """All results, in the order of the list."""
        for path, name in self._whole:
            yield from self._ledgers[name].results([path])

    def failed(self) -> list[Failed]:
        """The files that could not be used."""
        return [one for path, name in self._whole for one in self._ledgers[name].failed([path])]

    @property
    def paths(self) -> list[str]:
        """All files."""
        return [path for path, _ in self._whole]

    def close(self) -> None:
        """Let others at them."""
        for ledger in self._ledgers.values():
            ledger.close()


def _only_run(folder: Path) -> tuple[str, int]:
    """The run whose shards are in a folder, and how many shards it has."""
    found = [LEDGER.fullmatch(path.name) for path in (folder / STATE).glob("*.jsonl")]
    runs = {(match["run"], int(match["count"])) for match in found if match and int(match["count"]) > 1}
    if not runs:
        raise TaggingError(f"{folder} holds no shards: run songmood tag ... -o {folder} --shard 1/N, 2/N .. N/N first")
    if len(runs) > 1:
        counts = ", ".join(f"{run}: of {count}" for run, count in sorted(runs))
        raise TaggingError(f"{folder} holds shards of {len(runs)} runs ({counts}): give each its own folder")
    return runs.pop()
