"""The page's server: what a dropped song comes back as, what is refused, what stays on the disk."""

import csv
import io
import re
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from page_server import drop, served, wait_for
from songmood.evaluation.quantiles import percentiles, quantile_table
from songmood.tagging.app.songs import Songs
from songmood.tagging.load import load_tagger
from songmood.tagging.music_tagger import MusicTagger
from tiny_tagger import TAGS, write_checkpoint, write_music

TABLE = quantile_table(np.random.default_rng(0).normal(0.5, 0.1, (100, 3)))
HOSTILE_NAMES = (
    "../../../tmp/x.wav",
    "/etc/passwd.wav",
    "C:\\x.wav",
    "a\0b.wav",
    "a\nb.wav",
    "<img src=x>.wav",
    "\u202egnp.wav",
)


@pytest.fixture(scope="module")
def taggers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, MusicTagger]:
    """One with a scale of percentiles and thresholds, one with neither."""
    folder = tmp_path_factory.mktemp("models")
    first = write_checkpoint(folder / "first.ckpt", 1, quantiles=torch.from_numpy(TABLE))
    second = write_checkpoint(folder / "second.ckpt", 2, thresholds=torch.full((3,), torch.nan))
    return {"first": load_tagger(first), "second": load_tagger(second)}


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the system has temporary files."""
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="module")
def client(taggers: dict[str, MusicTagger], temporary: Path) -> Iterator[httpx.Client]:
    with served(taggers) as client:
        yield client


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_music(tmp_path_factory.mktemp("music") / "song.flac", 6.0)


def long_song() -> bytes:
    """Ten minutes of silence, as WAV."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(600 * 12_000, dtype=np.int16), 12_000, format="WAV")
    return file.getvalue()


def test_a_song_comes_back_as_the_tagger_has_it(
    client: httpx.Client, taggers: dict[str, MusicTagger], music: Path
) -> None:
    song = wait_for(client, drop(client, "Süße 🎻.flac", music.read_bytes())["key"])
    assert (song["name"], song["state"], song["length"], song["reason"]) == ("Süße 🎻.flac", "done", 6.0, "")
    told = client.get(f"/songs/{song['key']}").json()
    for model, unit in (("first", "percentile"), ("second", "score")):
        expected = taggers[model].tag(music)
        assert [row["tag"] for row in told[model]["rows"]] == [row.tag for row in expected.top()]
        for row in told[model]["rows"]:
            score = expected.scores[row["tag"]]
            share = expected.percentiles[row["tag"]] if unit == "percentile" else 100 * score
            assert row["share"] == pytest.approx(share, abs=0.051)
            assert row["score"] == pytest.approx(score, abs=1e-4)
            assert row["decided"] == (row["tag"] in (expected.decided or []))
        assert told[model]["notes"] == list(expected.notes)
        windows = expected.timeline.scores
        shares = [percentiles(scores, TABLE) for scores in windows] if unit == "percentile" else 100 * windows
        for tag, column in zip(expected.names, np.transpose(shares), strict=True):
            np.testing.assert_allclose(told[model]["timeline"]["values"][tag], column, atol=0.051)
    assert told["first"]["rows"][0]["decided"] != told["first"]["rows"][-1]["decided"]


def test_a_window_gives_way_to_the_next_halfway_between_their_centres(client: httpx.Client, music: Path) -> None:
    song = wait_for(client, drop(client, "a.flac", music.read_bytes())["key"])
    edges = client.get(f"/songs/{song['key']}").json()["first"]["timeline"]["edges"]
    # Windows of 2.048 s from 0, 1.024, 2.048, 3.072 s and, so that it ends with the song, 3.97 s.
    assert edges == pytest.approx([0, 1.536, 2.56, 3.584, 4.54, 6.0], abs=0.03)


def test_the_page_is_told_the_models_in_the_order_of_naming(client: httpx.Client) -> None:
    models = client.get("/about").json()["models"]
    assert [(model["name"], model["unit"]) for model in models] == [("first", "percentile"), ("second", "score")]
    assert models[0]["tags"] == [tag.rsplit("---")[-1] for tag in TAGS]
    assert "validation tracks" in models[0]["scale"]


def test_the_table_to_take_along_has_the_schema_of_songmood_tag(taggers: dict[str, MusicTagger], music: Path) -> None:
    with served(taggers) as client:
        wait_for(client, drop(client, 'with, "both".flac', music.read_bytes())["key"])
        wait_for(client, drop(client, "broken.flac", b"")["key"])
        answer = client.get("/tags.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["path"] for row in rows} == {'with, "both".flac'}
    assert len(rows) == 2 * len(TAGS)
    for row, expected in zip(rows, taggers["first"].tag(music).top(), strict=False):
        assert row["tag"] == expected.tag
        assert float(row["score"]) == pytest.approx(expected.score, abs=1e-6)
        assert float(row["percentile"]) == pytest.approx(expected.percentile, abs=0.01)
        assert row["decided"] == str(expected.is_decided).lower()
        assert row["fingerprint"] == taggers["first"].fingerprint


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("cut.wav", None, "cut.wav is cut short"),
        ("picture.mp3", b"\x89PNG\r\n\x1a\n" + bytes(999), "picture.mp3 is not audio that can be opened as .mp3"),
        ("empty.ogg", b"", "empty.ogg is not audio"),
        ("page.html", b"<script>alert(1)</script>", "page.html is not an audio file"),
        ("no suffix", b"x", "no suffix is not an audio file"),
        ("picture.m4a", b"\x89PNG", "picture.m4a"),
    ],
)
def test_a_broken_file_says_why_by_its_own_name_and_the_next_song_is_tagged(
    client: httpx.Client, temporary: Path, tmp_path: Path, music: Path, name: str, body: bytes | None, says: str
) -> None:
    if body is None:
        body = write_music(tmp_path / name).read_bytes()[:20_000]
    song = wait_for(client, drop(client, name, body)["key"])
    assert song["state"] == "failed"
    assert song["reason"].startswith(says)
    assert str(temporary) not in song["reason"]
    assert client.get(f"/songs/{song['key']}").status_code == 404
    assert wait_for(client, drop(client, "whole.flac", music.read_bytes())["key"])["state"] == "done"


def test_uploads_are_deleted_and_names_are_only_shown(client: httpx.Client, temporary: Path, music: Path) -> None:
    body = music.read_bytes()
    before = set(temporary.parent.rglob("*"))
    songs = [wait_for(client, drop(client, name, body)["key"]) for name in (*HOSTILE_NAMES, "x" * 5000 + ".flac")]
    assert [song["name"] for song in songs[:-1]] == list(HOSTILE_NAMES)
    assert len(songs[-1]["name"]) == 255
    assert set(temporary.parent.rglob("*")) == before


def test_no_name_leads_out_of_the_folder() -> None:
    songs = Songs({}, 1.0)
    folder = songs.place_for("").parent

    @given(name=st.text() | st.text(alphabet="./\\\0~:wavWAVmp34a"))
    def lies_in_it(name: str) -> None:
        path = songs.place_for(name)
        assert path.parent == folder
        assert re.fullmatch(r"[0-9a-f]{16}(\.wav|\.flac|\.mp3|\.ogg|\.opus|\.m4a|\.mp4|\.aac)?", path.name)

    lies_in_it()
    songs.close()
    assert not folder.exists()


def test_a_song_that_is_too_large_or_too_long_is_named_and_not_kept(
    taggers: dict[str, MusicTagger], temporary: Path, tmp_path: Path, music: Path
) -> None:
    before = set(temporary.glob("songmood-app-*"))
    long = write_music(tmp_path / "long.wav", 40.0).read_bytes()
    size = len(long)
    with served(taggers, max_bytes=size, max_seconds=20.0) as client:
        large = drop(client, "large.wav", long + b"x")
        assert large["reason"] == f"large.wav is larger than {size / 2**20:.0f} MB: songmood tag takes it"
        assert wait_for(client, drop(client, "right.flac", music.read_bytes())["key"])["state"] == "done"
        told = wait_for(client, drop(client, "long.wav", long)["key"])
        assert told["reason"] == f"long.wav is longer than {20 / 3600:g} hours: songmood tag takes it"
    assert set(temporary.glob("songmood-app-*")) == before


def test_a_removed_song_is_given_up_and_the_next_one_comes(client: httpx.Client, music: Path) -> None:
    first, waiting = (drop(client, name, long_song())["key"] for name in ("first.wav", "waiting.wav"))
    for key in (first, waiting):
        assert client.delete(f"/songs/{key}").status_code == 204
    wait_for(client, drop(client, "next.flac", music.read_bytes())["key"])
    assert not {first, waiting} & {song["key"] for song in client.get("/songs").json()}


def test_songs_of_two_pages_at_once_are_all_tagged(client: httpx.Client, music: Path) -> None:
    body, keys = music.read_bytes(), []

    def page(number: int) -> None:
        keys.extend(drop(client, f"{number}-{song}.flac", body)["key"] for song in range(4))

    threads = [threading.Thread(target=page, args=[number]) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 8
    assert {wait_for(client, key)["state"] for key in keys} == {"done"}


def test_an_upload_that_breaks_off_leaves_nothing(client: httpx.Client, temporary: Path) -> None:
    before, listed = set(temporary.rglob("*")), client.get("/songs").json()
    where = urlsplit(str(client.base_url))
    with socket.create_connection((where.hostname, where.port)) as sending:
        head = f"POST /songs HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: http://{where.netloc}\r\nX-Name: half.wav\r\n"
        sending.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + bytes(1000))
        while set(temporary.rglob("*")) == before:  # until it has begun to be written
            client.get("/about")
    while set(temporary.rglob("*")) != before:
        client.get("/about")
    assert client.get("/songs").json() == listed


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {"Host": "evil.example"}, 403),
        ("GET", "/songs", {"Host": "evil.example:80"}, 403),
        ("GET", "/songs", {"Origin": "http://evil.example"}, 403),
        ("GET", "/songs", {"Origin": "null"}, 403),
        ("POST", "/songs", {"Origin": "http://evil.example"}, 403),
        ("POST", "/songs", {"Origin": None}, 403),
        ("DELETE", "/songs/x", {"Origin": None}, 403),
        ("GET", "/", {"Origin": None}, 200),
        ("DELETE", "/songs/x", {}, 204),
        ("GET", "/%2e%2e/server.py", {}, 404),
        ("GET", "/..%2fserver.py", {}, 404),
        ("GET", "/songs/none", {}, 404),
    ],
)
def test_only_this_machines_own_page_is_answered(
    client: httpx.Client, method: str, path: str, headers: dict[str, str | None], status: int
) -> None:
    kept = {"Origin": client.headers["Origin"]} | headers
    address = client.headers["Origin"] + path
    answer = httpx.request(method, address, headers={name: value for name, value in kept.items() if value})
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_full_disk_is_a_line(client: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    monkeypatch.setattr(Songs, "place_for", lambda self, name: tmp_path / "full")
    song = drop(client, "song.wav", bytes(10_000))
    assert song["reason"] == "song.wav does not fit on the disk for temporary files: make room, drop it again"
    assert not list(tmp_path.iterdir())


def test_the_servers_end_does_not_wait_for_a_song(taggers: dict[str, MusicTagger], temporary: Path) -> None:
    before = set(temporary.glob("songmood-app-*"))
    with served(taggers) as client:
        for _ in range(3):
            drop(client, "long.wav", long_song())
    assert set(temporary.glob("songmood-app-*")) == before
