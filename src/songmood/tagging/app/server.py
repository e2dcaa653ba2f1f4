"""The page's server: what the page asks, answered; the work itself is `songs`'s."""

import asyncio
import errno
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from songmood.errors import TaggingError
from songmood.tagging.app.guard import Guard
from songmood.tagging.app.plain import plain_model, plain_song, plain_tags
from songmood.tagging.app.songs import Songs
from songmood.tagging.batch.selection import Selection
from songmood.tagging.batch.tables import COLUMNS, csv_line, rows_of
from songmood.tagging.music_tagger import MusicTagger

ASSETS = Path(__file__).with_name("assets")
MAX_BYTES = 500 * 2**20  # of a song
MAX_SECONDS = 3 * 3600.0
MOMENT = 0.1  # seconds


def make_server(
    taggers: Mapping[str, MusicTagger], port: int, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS
) -> uvicorn.Server:
    """The server of the page.

    Args:
        taggers: model -> tagger of one network, the first one shown first.
        port: that it will listen on, on this machine alone.
        max_bytes: of a song.
        max_seconds: of a song.
    """
    songs = Songs(taggers, max_seconds)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(songs.close)

    desk = _Desk(songs, max_bytes)
    routes = [
        Route("/about", desk.about),
        Route("/songs", desk.list),
        Route("/songs", desk.add, methods=["POST"]),
        Route("/songs/{key}", desk.song),
        Route("/songs/{key}", desk.remove, methods=["DELETE"]),
        Route("/tags.csv", desk.csv),
        Mount("/", StaticFiles(directory=ASSETS, html=True)),
    ]
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(Guard, hosts=hosts)])
    # A page that asks now and then keeps its connection; one that waits to be rid of a song does not delay the end.
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_keep_alive=60, timeout_graceful_shutdown=1))


class _Desk:
    """Answers requests."""

    def __init__(self, songs: Songs, max_bytes: int) -> None:
        self._songs = songs
        self._max_bytes = max_bytes

    async def about(self, request: Request) -> Response:
        models = [plain_model(name, tagger) for name, tagger in self._songs.taggers.items()]
        return JSONResponse({"models": models, "max_bytes": self._max_bytes})

    async def list(self, request: Request) -> Response:
        return JSONResponse([plain_song(song) for song in self._songs.listed.values()])

    async def add(self, request: Request) -> Response:
        """The body is the file; the name comes in a header, percent-encoded, and is only ever shown."""
        name = unquote(request.headers.get("x-name", "")) or "song"
        while self._songs.is_full:
            await asyncio.sleep(MOMENT)
        path = self._songs.place_for(name)
        try:
            await _receive(request, path, self._max_bytes)
        except ClientDisconnect:
            return Response(status_code=400)
        except TaggingError as error:
            song = self._songs.refuse(name, f"{name} {error}")
        else:
            song = self._songs.add(name, path)
        return JSONResponse(plain_song(song), 201)

    def song(self, request: Request) -> Response:
        song = self._songs.listed.get(request.path_params["key"])
        if song is None or song.state != "done":
            return PlainTextResponse("there is no such song", 404)
        taggers = self._songs.taggers
        return JSONResponse({model: plain_tags(tags, taggers[model]) for model, tags in song.results.items()})

    async def remove(self, request: Request) -> Response:
        self._songs.listed.pop(request.path_params["key"], None)
        return Response(status_code=204)

    def csv(self, request: Request) -> Response:
        """All songs by all models, in the schema of ``songmood tag``; a path is the name that was dropped."""
        lines = [csv_line(COLUMNS)]
        for song in list(self._songs.listed.values()):
            for tags in song.results.values() if song.state == "done" else ():
                lines += [csv_line((song.name, *row[1:])) for row in rows_of(tags, Selection())]
        return Response("".join(lines), media_type="text/csv")


async def _receive(request: Request, path: Path, max_bytes: int) -> None:
    """Write a request's body to a file, or leave none.

    Raises:
        TaggingError: it is too large, or the disk is full.
        ClientDisconnect: it did not come to its end.
    """
    size = 0
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise TaggingError(f"is larger than {max_bytes / 2**20:.0f} MB: songmood tag takes it")
                file.write(chunk)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise TaggingError("does not fit on the disk for temporary files: make room, drop it again") from error
        raise
