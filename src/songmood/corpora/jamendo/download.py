"""One file from whichever mirror has it: what is missing of it comes over HTTP and is hashed on the way.

An attempt that fails says whether another one makes sense (`Interrupted`) or not (`Refused`); what came is kept.
"""

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from songmood.corpora.jamendo.catalogue import RemoteFile
from songmood.errors import ConfigError, DownloadError

ENOUGH = 1 << 16  # bytes: what brings fewer, in a stall's time or in an attempt, does not get us anywhere
STALL = 30.0  # seconds within which a connection must bring so much, lest it counts as broken
CONNECT = 10.0  # seconds at most: each file asks the first mirror first, and it may be gone
REFUSALS = 2  # of one mirror, before it is left for a file: what was sent wrong once may come right
ATTEMPTS = 8  # in a row that bring nothing new, over all mirrors, before a file is given up
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds before another attempt; they double, while nothing comes
_BUSY = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)


class Interrupted(Exception):  # noqa: N818 -- a reason to try again, not a defect
    """The file does not come just now, or not to its end: what came is kept, and another attempt makes sense."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after  # seconds that the server asks for


class Refused(Exception):  # noqa: N818 -- a reason to ask elsewhere, not a defect
    """The server does not have the file, or sent another one."""


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


def open_client(connections: int) -> httpx.Client:
    """An HTTP client that honours the environment's proxies (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).

    Raises:
        ConfigError: a proxy that it cannot use.
    """
    try:
        return httpx.Client(
            timeout=httpx.Timeout(STALL, connect=CONNECT, pool=None),
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=True,
            headers={"User-Agent": "songmood"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"cannot use the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY): {error}"
        ) from error


def download(
    client: httpx.Client,
    mirrors: Sequence[str],
    file: RemoteFile,
    target: Path,
    sleep: Callable[[float], object],
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Path:
    """Bring `file` to `target`; what an earlier download left beside it is gone on with.

    Args:
        client: for the requests.
        mirrors: base URLs, best first; each attempt that fails turns to the next one.
        file: what to bring.
        target: where to.
        sleep: waits so many seconds.
        on_bytes: as a `PartFile`'s; is also told 0 before each attempt.

    Raises:
        DownloadError: no mirror delivered it whole; names the file, each mirror's last word and both checksums.
        OSError: the disk's.
    """
    asked, said, refusals, fruitless = list(mirrors), dict[str, str](), Counter[str](), 0
    with closing(PartFile(target, on_bytes)) as part:
        furthest = part.size
        on_bytes(part.size)
        if part.sha256 == file.sha256:
            return part.finish()
        while asked and fruitless < ATTEMPTS:
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
                if fruitless < ATTEMPTS:
                    sleep(pause_after(fruitless, fault.retry_after))
    expected = f" (expected SHA-256 {file.sha256})" if file.sha256 else ""
    reasons = "; ".join(f"{base}: {reason}" for base, reason in said.items())
    vainly = f" ({fruitless} attempts in a row brought nothing)" if fruitless else ""
    raise DownloadError(
        f"could not get {file.name}{expected}: {reasons}{vainly}; run the command again, or give another URL"
    )


def pause_after(failures: int, retry_after: float = 0.0) -> float:
    """Seconds before the attempt that follows so many fruitless ones; a server's wish is honoured within reason."""
    doubled = FIRST_PAUSE * 2.0 ** min(max(failures, 1) - 1, 30)
    return max(min(doubled, LONGEST_PAUSE), min(retry_after, 10 * LONGEST_PAUSE))


def transfer(client: httpx.Client, url: str, file: RemoteFile, part: PartFile) -> None:
    """One request for the rest of `file`, into `part`; returns only when it is whole and right.

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
    headers = {"Accept-Encoding": "identity"}  # a checksum is of the file's own bytes
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
    try:
        with client.stream("GET", url, headers=headers) as response:
            _align(response, part)
            # no chunk size: httpx would gather bytes up to it, and lose them where the connection breaks
            chunks = response.iter_bytes() if file.sha256 is None else response.iter_raw()
            for chunk in _steady(chunks, client.timeout.read or math.inf):
                part.write(chunk)
                if part.size > file.limit:
                    part.restart()
                    raise Refused(f"it has more than {file.limit} bytes")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise Refused(str(error)) from None
    except httpx.HTTPError as error:
        if part.sha256 != file.sha256:  # else the server was only wrong about the file's length
            raise Interrupted(str(error) or type(error).__name__) from None
    if file.sha256 not in (None, part.sha256):
        reason = f"SHA-256 is {part.sha256}"
        part.restart()
        raise Refused(reason)


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
    came, due = 0, time.monotonic() + stall
    for chunk in chunks:
        came += len(chunk)
        yield chunk
        if time.monotonic() >= due:
            if came < ENOUGH:
                raise Interrupted(f"{came} bytes in {stall:g} s")
            came, due = 0, time.monotonic() + stall


def seconds_to_wait(retry_after: str) -> float:
    """The seconds that a `Retry-After` header asks for: a number, or a date; 0 for anything else."""
    try:
        if retry_after.isdecimal():
            return float(retry_after)
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
