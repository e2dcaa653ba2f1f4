"""The page's server as `songmood app` runs it, in a thread: real requests, real queue, real tagging."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from songmood.tagging.app.server import make_server
from songmood.tagging.music_tagger import MusicTagger


@contextmanager
def served(taggers: Mapping[str, MusicTagger], **limits: float) -> Iterator[httpx.Client]:
    """A client of the page, with the Origin that the page has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = make_server(taggers, port, **limits)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        address = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=address, headers={"Origin": address}, timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def drop(client: httpx.Client, name: str, body: bytes) -> dict[str, Any]:
    """Put a song in, as the page does it."""
    answer = client.post("/songs", headers={"x-name": quote(name)}, content=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def wait_for(client: httpx.Client, key: str) -> dict[str, Any]:
    """The song, once it is done or has failed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        song = next(song for song in client.get("/songs").json() if song["key"] == key)
        if song["state"] in ("done", "failed"):
            return song
        time.sleep(0.02)
    raise AssertionError(f"{song} is not done after a minute")
