"""One request for one file: what is missing of it comes over HTTP, is hashed on the way and kept when it breaks off."""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, time

import httpx

ENOUGH = 1 << 16  # bytes: what brings fewer, in a stall's time or in an attempt, does not get us anywhere
_BUSY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)


class Interrupted(Exception):  # noqa: N818 -- a reason to try again, not a defect
    """The file does not come just now, or not to its end: what came is kept, and another attempt makes sense."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # seconds that the server asks for


class Refused(Exception):  # noqa: N818 -- a reason to ask elsewhere, not a defect
    """The server does not have the file, or sent another one."""


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


class PartFile:
    """`NAME.part` beside the target: the bytes that have come, and the SHA-256 of exactly those.

    Args:
        target: the name that the whole file will have.
        on_bytes: is told the size of each piece, and a negative one of what is thrown away; may raise to stop the
            transfer, before anything is written.
    """

    def __init__(self, target: Path, on_bytes: Callable[[int], None] = lambda _: None) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._on_bytes = on_bytes
        self._file = self.path.open("ab+")
        self._file.seek(0)
        self._hash = hashlib.file_digest(self._file, "sha256")  # again: who left it may have died in mid-write
        self.size = self._file.tell()

    @property
    def sha256(self) -> str:
        """The checksum of the bytes so far."""
        return self._hash.hexdigest()

    def write(self, chunk: bytes) -> None:
        """Append bytes."""
        self._on_bytes(len(chunk))
        self._file.write(chunk)
        self._hash.update(chunk)  # lets other threads run
        self.size += len(chunk)

    def restart(self) -> None:
        """Throw away what has come."""
        self._on_bytes(-self.size)
        self._file.truncate(0)
        self._hash = hashlib.sha256()
        self.size = 0

    def finish(self) -> Path:
        """Give the file its real name: whoever sees that name sees the whole file."""
        self._file.close()
        return self.path.replace(self.target)

    def close(self) -> None:
        """Keep what has come for another time; nothing where nothing has come."""
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)


def transfer(client: httpx.Client, url: str, file: RemoteFile, part: PartFile) -> None:
    """Bring the rest of `file` into `part`; returns only when it is whole and right.

    A file without a checksum starts afresh, because nothing would tell a splice of two versions from one file.

    Args:
        client: within its read timeout at least `ENOUGH` bytes must come.
        url: where the file is.
        file: what it must be.
        part: what has come so far.

    Raises:
        Interrupted: what came is kept.
        Refused: what came of another file is thrown away.
        OSError: the disk's.
    """
    if file.sha256 is None:
        part.restart()
    try:
        _stream(client, url, file, part)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Refused(str(error)) from None
    except httpx.HTTPError as error:
        if part.sha256 != file.sha256:  # else the server was only wrong about the file's length
            raise Interrupted(str(error) or type(error).__name__) from None
    if file.sha256 not in (None, part.sha256):
        reason = f"SHA-256 is {part.sha256}"
        part.restart()
        raise Refused(reason)


def _stream(client: httpx.Client, url: str, file: RemoteFile, part: PartFile) -> None:
    headers = {"Accept-Encoding": "identity"}  # a checksum is of the file's own bytes
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    with client.stream("GET", url, headers=headers) as response:
        _align(response, part)
        # no chunk size: httpx would gather bytes up to it, and lose them where the connection breaks
        chunks = response.iter_bytes() if file.sha256 is None else response.iter_raw()
        for chunk in _steady(chunks, client.timeout.read or math.inf):
            part.write(chunk)
            if part.size > file.limit:
                part.restart()
                raise Refused(f"it has more than {file.limit} bytes")


def _align(response: httpx.Response, part: PartFile) -> None:
    """Make `part` end where the body that now comes begins, or say why none comes."""
    reason = f"HTTP {response.status_code} {response.reason_phrase}".strip()
    if response.status_code == httpx.codes.PARTIAL_CONTENT:
        came = response.headers.get("Content-Range", "none")
        if not came.startswith(f"bytes {part.size}-"):
            part.restart()
            raise Interrupted(f"another range than asked for: {came}")
    elif response.is_success:
        part.restart()  # a server without ranges sends the file from its beginning
    elif response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        part.restart()  # more is here than the file has
        raise Interrupted(reason)
    elif response.status_code in _BUSY or response.is_server_error:
        raise Interrupted(reason, seconds_to_wait(response.headers.get("Retry-After", "")))
    else:
        raise Refused(reason)


def _steady(chunks: Iterator[bytes], stall: float) -> Iterator[bytes]:
    """The chunks, while each `stall` seconds bring `ENOUGH`: a read's own timeout starts again with every byte."""
    came, due = 0, monotonic() + stall
    for chunk in chunks:
        came += len(chunk)
        yield chunk
        if monotonic() >= due:
            if came < ENOUGH:
                raise Interrupted(f"{came} bytes in {stall:g} s")
            came, due = 0, monotonic() + stall


def seconds_to_wait(retry_after: str) -> float:
    """The seconds that a `Retry-After` header asks for: a number, or a date; 0 for anything else."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (TypeError, ValueError):
        return 0.0
