"""Which mirror is asked next, for how long, and when a file is given up."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from songmood.corpora.jamendo.transfer import (
    Fault,
    Missing,
    PartFile,
    RemoteFile,
    Unavailable,
    WrongBytes,
    transfer,
)
from songmood.errors import DownloadError

log = logging.getLogger(__name__)

ENOUGH_TO_COUNT = 1 << 16  # bytes: an attempt that brought fewer has not got us anywhere


@dataclass(frozen=True)
class Patience:
    """How long a file is tried for; times in seconds.

    Attributes:
        attempts: in a row that bring nothing new, over all mirrors, before a file is given up.
        wrong: times that one mirror may deliver a whole file with wrong bytes before it is left for that file.
        first_pause: before the second attempt; it doubles from there.
        longest_pause: the doubling ends here. A server's Retry-After is honoured up to ten times this.
        stall: without a byte, after which a connection counts as broken.
        sleep: waits; by default an ordinary sleep, and inside a `Fetch` one that its end interrupts.
        chance: 0 to 1; pauses are between half and all of their length, so that clients do not return in step.
    """

    attempts: int = 8
    wrong: int = 2
    first_pause: float = 1.0
    longest_pause: float = 60.0
    stall: float = 30.0
    sleep: Callable[[float], object] | None = None
    chance: Callable[[], float] = random.random

    def pause(self, failures: int, retry_after: float = 0.0) -> None:
        """Wait before the attempt that follows `failures` fruitless ones."""
        length = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))
        asked = min(retry_after, 10 * self.longest_pause)
        (self.sleep or time.sleep)(max(asked, length * (0.5 + 0.5 * self.chance())))


class Mirrors:
    """The base URLs of the mirrors, best first; one that fails goes behind the others until it delivers again."""

    def __init__(self, bases: Sequence[str]) -> None:
        if not bases:
            raise DownloadError("no mirror to download from: give one with --mirror URL")
        self.bases = tuple(base.rstrip("/") for base in bases)
        self._failures = dict.fromkeys(self.bases, 0)  # in a row, whichever the file
        self._lock = threading.Lock()

    def best(self, abandoned: dict[str, str]) -> str | None:
        """The mirror to ask now; None where all of them are `abandoned`."""
        with self._lock:
            left = [base for base in self.bases if base not in abandoned]
            return min(left, key=lambda base: self._failures[base], default=None)

    def report(self, base: str, *, is_fine: bool) -> None:
        """Learn from an attempt at `base`."""
        with self._lock:
            self._failures[base] = 0 if is_fine else self._failures[base] + 1


@dataclass
class _Siege:
    """What the attempts at one file have shown so far."""

    abandoned: dict[str, str] = field(default_factory=dict)  # mirror -> why it is not asked again for this file
    wrong: Counter[str] = field(default_factory=Counter)
    furthest: int = 0  # bytes
    fruitless: int = 0
    last: str = ""

    def advance(self, size: int) -> None:
        if size >= self.furthest + ENOUGH_TO_COUNT:
            self.fruitless = 0
        self.furthest = max(self.furthest, size)


def download(
    client: httpx.Client,
    mirrors: Mirrors,
    file: RemoteFile,
    folder: Path,
    patience: Patience,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Path:
    """Bring `file` into `folder`, from whichever mirror has it, and return its path.

    Raises:
        DownloadError: no mirror delivered it whole; names the file, each mirror's last word and both checksums.
        OSError: the disk's.
    """
    part = PartFile(folder / file.name)
    siege = _Siege(furthest=part.size)
    try:
        on_bytes(part.size)
        while (base := mirrors.best(siege.abandoned)) is not None and siege.fruitless < patience.attempts:
            fault = _attempt(client, f"{base}/{file.path}", file, part, on_bytes)
            mirrors.report(base, is_fine=fault is None)
            if fault is None:
                part.finish()
                return part.target
            log.debug("%s from %s: %s", file.name, base, fault)
            _learn(siege, fault, base, part, patience, on_bytes)
    finally:
        part.close()
    raise DownloadError(_last_words(siege, file))


def _attempt(
    client: httpx.Client, url: str, file: RemoteFile, part: PartFile, on_bytes: Callable[[int], None]
) -> Fault | None:
    try:
        transfer(client, url, file, part, on_bytes)
    except Fault as fault:
        return fault
    return None


def _learn(
    siege: _Siege, fault: Fault, base: str, part: PartFile, patience: Patience, on_bytes: Callable[[int], None]
) -> None:
    """Take `fault` into account; pauses where another attempt makes sense."""
    siege.last = f"{base}: {fault}"
    if isinstance(fault, Missing):
        siege.abandoned[base] = str(fault)
        return
    if isinstance(fault, WrongBytes):
        on_bytes(-part.size)
        part.restart()
        siege.wrong[base] += 1
        if siege.wrong[base] >= patience.wrong:
            siege.abandoned[base] = str(fault)
        return
    siege.fruitless += 1
    siege.advance(part.size)
    if siege.fruitless < patience.attempts:
        retry_after = fault.retry_after if isinstance(fault, Unavailable) else 0.0
        patience.pause(max(1, siege.fruitless), retry_after)


def _last_words(siege: _Siege, file: RemoteFile) -> str:
    reasons = [f"{base}: {why}" for base, why in siege.abandoned.items()]
    if siege.last not in reasons:
        reasons.append(f"{siege.last} ({siege.fruitless} attempts in a row brought nothing)")
    expected = f" (expected SHA-256 {file.sha256})" if file.sha256 else ""
    return f"could not get {file.name}{expected}: {'; '.join(reasons)}. Run the command again, or give --mirror URL"
