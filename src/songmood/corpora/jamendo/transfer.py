"""One attempt to bring one file over HTTP: streamed to disk, hashed on the way, taken up where it was cut off."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time

import httpx

CHUNK = 1 << 20  # bytes per read or write: large enough that Python's share vanishes
_BUSY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d*/(\d+|\*)")


@dataclass(frozen=True)
class RemoteFile:
    """A file that mirrors hold.

    Attributes:
        path: below a mirror's base, with forward slashes.
        sha256: what its bytes must hash to; None where the data set publishes no checksum.
        limit: bytes beyond which it cannot be the right file, so that a rogue server does not fill the disk.
    """

    path: str
    sha256: str | None = None
    limit: int = 1 << 36

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


class Fault(Exception):  # noqa: N818 -- a reason to try again, not a defect
    """An attempt that did not bring the whole file; the message is the reason, in a few words."""


class Interrupted(Fault):
    """The connection was refused, broke, stalled or ended early: what came is kept."""


class Unavailable(Fault):
    """The server cannot serve just now (408, 429 or 5xx)."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # seconds that the server asks for, 0 where it asks for none


class Missing(Fault):
    """The server does not have the file, or does not give it (other 4xx)."""


class WrongBytes(Fault):
    """The file came whole and is another one: it is of no use."""


class PartFile:
    """`NAME.part` beside the target: the bytes that have come, and the SHA-256 of exactly those."""

    def __init__(self, target: Path) -> None:
        """Open what an earlier attempt left, hashing it again, for it may have died in the middle of a write."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._file = self.path.open("ab+", buffering=CHUNK)
        self._hash = hashlib.sha256()
        self.size = 0
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            self._hash.update(chunk)
            self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """The checksum of the bytes so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self._hash.update(chunk)  # lets other threads run
        self.size += len(chunk)

    def restart(self) -> None:
        """Throw away what has come."""
        self._file.truncate(0)
        self._hash = hashlib.sha256()
        self.size = 0

    def finish(self) -> None:
        """Give the file its real name: whoever sees that name sees the whole file."""
        self._file.close()
        self.path.replace(self.target)

    def close(self) -> None:
        """Keep what has come for another time; nothing where nothing has come."""
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)


def transfer(client: httpx.Client, url: str, file: RemoteFile, part: PartFile, on_bytes: Callable[[int], None]) -> None:
    """Bring the rest of `file` into `part`; returns only when it is whole and right.

    A file without a checksum starts afresh, because nothing would tell a splice of two versions from one file.

    Args:
        client: its timeouts say how long a stall may last.
        url: where the file is.
        file: what it must be.
        part: what has come so far.
        on_bytes: is told the size of each piece that came (and a negative one where pieces are thrown away); may
            raise to stop the transfer.

    Raises:
        Fault: one of its kinds, with the reason.
        OSError: the disk's.
    """
    if file.sha256 is None:
        _restart(part, on_bytes)
    if file.sha256 is not None and part.sha256 == file.sha256:
        return
    try:
        _stream(client, url, file, part, on_bytes)
    except httpx.TimeoutException:
        _unless_whole(file, part, Interrupted(f"no data for {client.timeout.read:g} s"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _unless_whole(file, part, Interrupted(str(error) or type(error).__name__))
    else:
        _unless_whole(file, part, WrongBytes(f"SHA-256 is {part.sha256}"))


def _stream(client: httpx.Client, url: str, file: RemoteFile, part: PartFile, on_bytes: Callable[[int], None]) -> None:
    headers = {"Accept-Encoding": "identity"}  # a checksum is of the file's own bytes
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    with client.stream("GET", url, headers=headers) as response:
        _raise_for_status(response, part, on_bytes)
        _align(response, part, on_bytes)
        # no chunk size: httpx would gather bytes up to it, and lose them where the connection breaks
        for chunk in response.iter_bytes() if file.sha256 is None else response.iter_raw():
            on_bytes(len(chunk))  # first: it may raise, and then nothing is written any more
            part.write(chunk)
            if part.size > file.limit:
                raise WrongBytes(f"it has more than {file.limit} bytes")


def _raise_for_status(response: httpx.Response, part: PartFile, on_bytes: Callable[[int], None]) -> None:
    status = response.status_code
    if response.is_success:
        return
    reason = f"HTTP {status} {response.reason_phrase}".strip()
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        _restart(part, on_bytes)  # more is here than the file has
        raise Interrupted(reason)
    if status in _BUSY or response.is_server_error:
        raise Unavailable(reason, seconds_to_wait(response.headers.get("Retry-After", "")))
    raise Missing(reason)


def _align(response: httpx.Response, part: PartFile, on_bytes: Callable[[int], None]) -> None:
    """Make `part` end where the body that now comes begins."""
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        _restart(part, on_bytes)  # a server without ranges sends the file from its beginning
        return
    content_range = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if content_range is None or int(content_range[1]) != part.size:
        _restart(part, on_bytes)
        raise Interrupted(f"another range than asked for: {response.headers.get('Content-Range', 'none')}")


def _unless_whole(file: RemoteFile, part: PartFile, fault: Fault) -> None:
    """Raise `fault`, except when the file is right all the same: a server may be wrong about its length."""
    if file.sha256 is None and isinstance(fault, WrongBytes):
        return  # came to its end, and there is nothing to hold it against
    if file.sha256 is None or part.sha256 != file.sha256:
        raise fault from None


def _restart(part: PartFile, on_bytes: Callable[[int], None]) -> None:
    on_bytes(-part.size)
    part.restart()


def seconds_to_wait(retry_after: str) -> float:
    """The seconds that a `Retry-After` header asks for: a number, or a date; 0 for anything else."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (TypeError, ValueError):
        return 0.0
