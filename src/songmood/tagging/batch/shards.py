"""Shares of a list of files, which programs take without asking each other, and their union.

A file's share depends on its path alone, so that it stays where it is when the list grows. A shard that comes to its
end leaves the list of its files with their places in the whole: so the union knows that nothing is missing.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from songmood.errors import TaggingError
from songmood.tagging.batch.tables import written


@dataclass(frozen=True)
class Shard:
    """One of several shares.

    Attributes:
        number: from 1.
        count: how many shares there are.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """From ``I/N``.

        Raises:
            TaggingError: it is not of that form, or I is not from 1 to N.
        """
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise TaggingError(f"--shard {text}: expected I/N with I from 1 to N, such as 1/8")
        return cls(int(number), int(count))

    def holds(self, path: str) -> bool:
        """Whether a file is in this share."""
        if self.count == 1:
            return True
        bits = hashlib.blake2b(os.fsencode(path), digest_size=8).digest()
        return int.from_bytes(bits, "big") % self.count == self.number - 1

    def file(self, folder: Path, fingerprint: str, suffix: str) -> Path:
        """Where this shard keeps something."""
        return folder / f"{fingerprint}-{self.number}-of-{self.count}{suffix}"


@dataclass(frozen=True)
class Share:
    """The files of a shard that came to its end.

    Attributes:
        places: of its files in the whole list, ascending.
        paths: its files.
        total: how many files the whole list has.
        digest: of the whole list.
    """

    places: list[int]
    paths: list[str]
    total: int
    digest: str


def share_of(paths: Sequence[str], shard: Shard) -> Share:
    """A shard's share of the whole list."""
    places = [place for place, path in enumerate(paths) if shard.holds(path)]
    digest = hashlib.blake2b(b"\0".join(os.fsencode(path) for path in paths), digest_size=16).hexdigest()
    return Share(places, [paths[place] for place in places], len(paths), digest)


def write_share(path: Path, share: Share) -> None:
    """Leave word that a shard came to its end."""
    with written(path) as partial:
        partial.write_text(json.dumps([share.places, share.paths, share.total, share.digest]), encoding="ascii")


def read_share(path: Path) -> Share:
    """What `write_share` left."""
    return Share(*json.loads(path.read_text(encoding="ascii")))


def union(shares: Sequence[tuple[str, Share]]) -> list[tuple[str, str]]:
    """The whole list from the shares of all shards: each path with the name of its shard, in the order of the list.

    Args:
        shares: with the shards' names.

    Raises:
        TaggingError: shards saw other lists, or a file is missing or in two shares.
    """
    first_name, first = shares[0]
    for name, share in shares[1:]:
        if (share.total, share.digest) != (first.total, first.digest):
            raise TaggingError(
                f"shards {first_name} and {name} saw other lists of files, of {first.total:,} and {share.total:,}: run "
                "both again on the same music"
            )
    whole: list[tuple[str, str] | None] = [None] * first.total
    for name, share in shares:
        for place, path in zip(share.places, share.paths, strict=True):
            if (other := whole[place]) is not None:
                raise TaggingError(f"{path} is in shards {other[1]} and {name}: run both again")
            whole[place] = path, name
    found = [entry for entry in whole if entry is not None]
    if len(found) < first.total:
        raise TaggingError(
            f"{first.total - len(found):,} of {first.total:,} files are in no shard: run all shards again"
        )
    return found
