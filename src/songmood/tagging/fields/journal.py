"""What was written where, so that it can be taken back: a line for each file, on the disk before the file changes."""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from songmood.errors import TaggingError
from songmood.tagging.fields.delta import Bytes, Delta, delta, restored
from songmood.tagging.fields.replacing import replaced


@dataclass(frozen=True)
class Change:
    """A file that was changed.

    Attributes:
        path: absolute.
        before: SHA-256 of what it was.
        after: SHA-256 of what it became.
        changed: when it had been changed last, in nanoseconds.
        back: from what it became to what it was.
    """

    path: str
    before: str
    after: str
    changed: int
    back: Delta


class Journal:
    """The changes of one run.

    Args:
        path: the file; made when the first change is recorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def record(self, path: Path, old: Path, new: Path) -> None:
        """Write down that `path`, whose bytes are in `old`, is about to become what is in `new`.

        Raises:
            TaggingError: the way back is not exact, or the journal cannot be written.
        """
        was, becomes = _bytes(old), _bytes(new)
        change = Change(str(path), _hash([was]), _hash([becomes]), old.stat().st_mtime_ns, delta(was, becomes))
        if _hash(restored(becomes, change.back)) != change.before:
            raise TaggingError(f"{path} could not be taken back: it stays as it is")
        plain = asdict(change)
        for name in ("middle", "tail"):
            plain["back"][name] = base64.b85encode(plain["back"][name]).decode("ascii")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="ascii") as file:
                file.write(json.dumps(plain) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TaggingError(f"{self.path} cannot be written ({error.strerror}): nothing more is changed") from error

    def changes(self) -> Iterator[Change]:
        """The changes, the last one first; a torn last line, whose file was never changed, is left out.

        Raises:
            TaggingError: there is no such journal, or it is something else.
        """
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except OSError as error:
            raise TaggingError(f"{self.path} cannot be read ({error.strerror}): name a journal of --write") from error
        for line in reversed([line for line in lines if line.endswith(b"\n")]):
            try:
                plain = json.loads(line)
                packed = {name: base64.b85decode(plain["back"][name]) for name in ("middle", "tail")}
                yield Change(**plain | {"back": Delta(**plain["back"] | packed)})
            except (ValueError, TypeError, KeyError) as error:
                raise TaggingError(f"{self.path} is no journal of --write") from error


def take_back(change: Change) -> str:
    """Give a file its old bytes again, whole or not at all.

    Returns:
        What was done, in a word or two: ``restored``, ``as it was`` or why it is left alone.
    """
    path = Path(change.path)
    try:
        now = _bytes(path)
        found = _hash([now])
        if found != change.after:
            return "as it was" if found == change.before else "changed since: left as it is"
        with replaced(path) as partial:
            with partial.open("wb") as file:
                file.writelines(restored(now, change.back))
            os.utime(partial, ns=(change.changed, change.changed))
    except OSError as error:
        return f"cannot be written: {error.strerror}"
    return "restored"


def _bytes(path: Path) -> Bytes:
    """In the file: a long one needs no memory."""
    return np.memmap(path, dtype=np.uint8, mode="r") if path.stat().st_size else np.zeros(0, np.uint8)


def _hash(parts: Iterable[bytes | Bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)  # type: ignore[arg-type]  # an array is a buffer
    return digest.hexdigest()
