"""A real HTTP server on 127.0.0.1 that misbehaves on demand."""

import gzip
import re
import select
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Request(BaseHTTPRequestHandler):
    """One request; `reply` is the honest answer that the faults below bend."""

    protocol_version = "HTTP/1.1"
    server: "FaultyServer"

    def do_GET(self):
        path = self.path
        if path.startswith("http://"):  # asked as a proxy
            self.server.proxied.append(path)
            path = "/" + path.split("/", 3)[3]
        self.server.seen.append((path, self.headers.get("Range")))
        faults = self.server.faults
        script = faults[path] if path in faults else faults.get("*", [])
        fault = script.pop(0) if isinstance(script, list) and script else script if callable(script) else None
        body = self.server.body(path)
        self.close_connection = True
        try:
            if fault is not None:
                fault(self, body)
            elif body is None:
                self.status(404)
            else:
                self.reply(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client had enough

    def start_of_range(self, body):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        return int(asked[1]) if asked else None

    def reply(self, body, *, length=None, upto=None, ranges=True, shift=0):
        """Answer with `body`; `length` is added to Content-Length, `upto` ends the body early."""
        start = self.start_of_range(body) if ranges else None
        if start is not None and start >= len(body):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = start or 0
        self.send_response(200 if start is None else 206)
        if start is not None:
            self.send_header("Content-Range", f"bytes {begin + shift}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - begin + (length or 0)))
        self.send_header("Connection", "close")
        self.end_headers()
        rest = body[begin:] if upto is None else body[begin : max(begin, upto)]
        self.wfile.write(rest)
        self.wfile.flush()

    def status(self, code, headers=()):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


Fault = Callable[[Request, bytes | None], None]


def truncate(at: int) -> Fault:
    return lambda request, body: request.reply(body, upto=at)


def status(code: int, **headers: str) -> Fault:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda request, body: request.status(code, named)


def reset(at: int) -> Fault:
    def fault(request, body):
        request.reply(body, upto=at)
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.connection.close()

    return fault


def stall(at: int) -> Fault:
    def fault(request, body):
        request.reply(body, upto=at)
        request.connection.settimeout(30)
        request.connection.recv(1)  # returns when the client has lost patience

    return fault


def drip(at: int) -> Fault:
    """From `at` on ten bytes at a time, as long as the client stands it: no read ever times out."""

    def fault(request, body):
        request.reply(body, upto=at)
        start = max(at, request.start_of_range(body) or 0)
        for position in range(start, len(body), 10):
            request.wfile.write(body[position : position + 10])
            if select.select([request.connection], [], [], 0.02)[0]:
                return  # the client has hung up

    return fault


def zipped(*, only_where_asked: bool) -> Fault:
    """Compresses what it sends, always or where the client takes that."""

    def fault(request, body):
        if only_where_asked and "gzip" not in (request.headers.get("Accept-Encoding") or ""):
            request.reply(body)
            return
        packed = gzip.compress(body)
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", str(len(packed)))
        request.end_headers()
        request.wfile.write(packed)

    return fault


def wrong_bytes(request: Request, body: bytes) -> None:
    middle = len(body) // 2
    request.reply(body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])


def error_page(request: Request, body: bytes) -> None:
    request.reply(b"<html>Quota exceeded</html>", ranges=False)


def no_ranges(request: Request, body: bytes) -> None:
    request.reply(body, ranges=False)


def no_ranges_truncated(at: int) -> Fault:
    return lambda request, body: request.reply(body, ranges=False, upto=at)


def other_range(request: Request, body: bytes) -> None:
    request.reply(body, shift=7)


def content_length(off_by: int) -> Fault:
    return lambda request, body: request.reply(body, length=off_by)


def endless(request: Request, body: bytes) -> None:
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    while True:
        request.wfile.write(bytes(1 << 16))


class FaultyServer(ThreadingHTTPServer):
    """Serves `files` (path -> bytes), or a folder, and plays the faults that are set for a path (or for "*")."""

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes] | Path):
        super().__init__(("127.0.0.1", 0), Request)
        self.files = files
        self.faults: dict[str, list[Fault] | Fault] = {}
        self.seen: list[tuple[str, str | None]] = []
        self.proxied: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def requests(self) -> dict[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for path, _ in self.seen:
            counts[path] += 1
        return counts

    def body(self, path: str) -> bytes | None:
        if not isinstance(self.files, Path):
            return self.files.get(path)
        file = self.files / path.lstrip("/")
        return file.read_bytes() if file.is_file() else None

    def handle_error(self, request, client_address):
        pass

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
