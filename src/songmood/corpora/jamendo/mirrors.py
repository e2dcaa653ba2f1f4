"""A file from whichever mirror has it: which is asked next, for how long, and when the file is given up."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx

from songmood.corpora.jamendo.transfer import ENOUGH, Interrupted, PartFile, Refused, RemoteFile, transfer
from songmood.errors import DownloadError

log = logging.getLogger(__name__)

REFUSALS = 2  # of one mirror, before it is left for a file: what was sent wrong once may come right


@dataclass(frozen=True)
class Patience:
    """How long a file is tried for; times in seconds.

    Attributes:
        attempts: in a row that bring nothing new, over all mirrors, before a file is given up.
        first_pause: before the second attempt; it doubles from there.
        longest_pause: the doubling ends here. A server's Retry-After is honoured up to ten times this.
        stall: within which a connection must bring something, lest it counts as broken.
        sleep: waits; None for an ordinary sleep, or inside a `Fetch` for one that its end interrupts.
    """

    attempts: int = 8
    first_pause: float = 1.0
    longest_pause: float = 60.0
    stall: float = 30.0
    sleep: Callable[[float], object] | None = None

    def pause(self, failures: int, retry_after: float = 0.0) -> None:
        """Wait before the attempt that follows `failures` fruitless ones."""
        doubled = self.first_pause * 2.0 ** min(max(failures, 1) - 1, 30)
        (self.sleep or time.sleep)(max(min(doubled, self.longest_pause), min(retry_after, 10 * self.longest_pause)))


def download(
    client: httpx.Client,
    mirrors: Sequence[str],
    file: RemoteFile,
    folder: Path,
    patience: Patience,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Path:
    """Bring `file` into `folder` and return its path.

    Args:
        client: for the requests.
        mirrors: base URLs, best first; each attempt that fails turns to the next one.
        file: what to bring.
        folder: where to; what an earlier download left there is gone on with.
        patience: how long to try.
        on_bytes: as a `PartFile`'s; is also told 0 before each attempt.

    Raises:
        DownloadError: no mirror delivered it whole; names the file, each mirror's last word and both checksums.
        OSError: the disk's.
    """
    asked = list(mirrors)
    said: dict[str, str] = {}
    refusals: Counter[str] = Counter()
    fruitless = 0
    with closing(PartFile(folder / file.name, on_bytes)) as part:
        furthest = part.size
        on_bytes(part.size)
        if part.sha256 == file.sha256:
            return part.finish()
        while asked and fruitless < patience.attempts:
            on_bytes(0)
            base = asked.pop(0)
            try:
                transfer(client, f"{base.rstrip('/')}/{file.path}", file, part)
                return part.finish()
            except Refused as fault:
                said[base] = str(fault)
                refusals[base] += 1
                asked += [base] * (refusals[base] < REFUSALS)
            except Interrupted as fault:
                said[base] = str(fault)
                asked.append(base)
                fruitless = 0 if part.size >= furthest + ENOUGH else fruitless + 1
                furthest = max(furthest, part.size)
                if fruitless < patience.attempts:
                    patience.pause(fruitless, fault.retry_after)
            log.debug("%s from %s: %s", file.name, base, said[base])
    expected = f" (expected SHA-256 {file.sha256})" if file.sha256 else ""
    reasons = "; ".join(f"{base}: {reason}" for base, reason in said.items())
    vainly = f" ({fruitless} attempts in a row brought nothing)" if fruitless else ""
    raise DownloadError(
        f"could not get {file.name}{expected}: {reasons}{vainly}; run the command again, or give another URL"
    )
