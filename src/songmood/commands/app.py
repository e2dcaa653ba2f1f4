"""`songmood app`: the page on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Annotated

import typer

from songmood.commands.tag import Device, Hop, Trust
from songmood.errors import TaggingError

ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="A run folder, a checkpoint, weights or vggish; several stand side by side. "
        "Default: the newest run here, else vggish.",
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")]


def app(
    model: ModelOption = None,
    port: Port = 8766,
    browser: Browser = True,
    hop: Hop = None,
    device: Device = "auto",
    trust: Trust = None,
) -> None:
    """Drop songs into a page on this machine: see, hear and compare their moods. Nothing leaves the machine."""
    import threading
    import webbrowser

    try:
        from songmood.tagging.app.server import make_server
    except ImportError:
        remedy = "pip install 'songmood[app]'"
        raise TaggingError(f"the page needs starlette and uvicorn, which are not installed: {remedy}") from None
    from songmood.commands.tag import default_models
    from songmood.models.host_memory import keep_freed_memory
    from songmood.tagging.load import load_tagger

    keep_freed_memory()
    with _listening(port) as listening:
        taggers = {name: load_tagger(name, device, trust or (), hop=hop) for name in model or default_models()}
        port = listening.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        typer.echo(f"the page is at {address}; Ctrl-C ends it")
        if browser:  # in a thread: some browsers return only when they are closed
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        with suppress(KeyboardInterrupt):
            make_server(taggers, port).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    """A socket that only this machine reaches.

    Raises:
        TaggingError: something else has the port.
    """
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise TaggingError(f"port {port} cannot be used ({reason}): name another with --port") from None
