"""Several files at once: handed on as they come, bounded, interruptible."""

import hashlib
import re
import subprocess
import sys
import threading

import pytest

from faulty_server import FaultyServer, drip, stall, status, truncate, wrong_bytes
from small_disk import on_a_small_disk
from songmood.corpora.jamendo import download
from songmood.corpora.jamendo.catalogue import RemoteFile
from songmood.corpora.jamendo.download import open_client
from songmood.corpora.jamendo.fetch import Fetch, Sources
from songmood.errors import ConfigError, DownloadError

BODIES = {f"/tars/{i:02d}.tar": bytes([i]) * 100_000 for i in range(12)}
FILES = [RemoteFile(path[1:], hashlib.sha256(body).hexdigest()) for path, body in BODIES.items()]


@pytest.fixture
def server():
    with FaultyServer(BODIES) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(download, "ATTEMPTS", 4)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.0)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path_factory.getbasetemp()))  # reading all authorities takes long
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def fetch(server, folder, files=FILES, *, flat=True, on_bytes=lambda _: None, **sources):
    options = {"keep_tars": True} | sources
    return Fetch(files, folder, Sources((server.url,), **options), flat=flat, on_bytes=on_bytes)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WANTED = {path.rpartition("/")[2]: body for path, body in BODIES.items()}


def test_every_file_arrives_once_and_whole(server, tmp_path):
    counted = []
    with fetch(server, tmp_path, on_bytes=counted.append) as arrivals:
        names = [file.name for file, _ in arrivals]
    assert sorted(names) == sorted(WANTED)
    assert contents(tmp_path) == WANTED
    assert sum(counted) == sum(map(len, WANTED.values()))


def test_a_file_that_is_there_and_right_is_not_fetched_again_and_a_wrong_one_is(server, tmp_path):
    (tmp_path / "00.tar").write_bytes(WANTED["00.tar"])
    (tmp_path / "01.tar").write_bytes(b"something else")
    counted = []
    with fetch(server, tmp_path, FILES[:2], on_bytes=counted.append) as arrivals:
        assert len(list(arrivals)) == 2
    assert sum(counted) == 200_000  # of the wrong one nothing counts as done
    assert list(server.requests) == ["/tars/01.tar"]
    assert contents(tmp_path) == {name: WANTED[name] for name in ("00.tar", "01.tar")}


def test_progress_goes_back_where_a_mirror_gave_wrong_bytes(server, tmp_path):
    server.faults["/tars/00.tar"] = [wrong_bytes, truncate(50_000)]
    counted = []
    with fetch(server, tmp_path, FILES[:1], on_bytes=counted.append) as arrivals:
        assert len(list(arrivals)) == 1
    assert sum(counted) == 100_000
    assert min(counted) == -100_000


def test_a_shelf_s_files_are_taken_where_they_stand_if_they_are_right(server, tmp_path):
    shelf, folder = tmp_path / "shelf", tmp_path / "folder"
    shelf.mkdir()
    folder.mkdir()
    (shelf / "00.tar").write_bytes(WANTED["00.tar"])
    (shelf / "01.tar").write_bytes(b"something else")
    (folder / "02.tar.part").write_bytes(WANTED["02.tar"][:1_000])
    counted = []
    with fetch(server, folder, FILES[:3], shelves=(shelf,), on_bytes=counted.append) as arrivals:
        paths = {file.name: path for file, path in arrivals}
    assert paths == {"00.tar": shelf / "00.tar", "01.tar": folder / "01.tar", "02.tar": folder / "02.tar"}
    assert (shelf / "01.tar").read_bytes() == b"something else"
    assert sum(counted) == 300_000  # wherever they were found
    assert sorted(server.requests) == ["/tars/01.tar", "/tars/02.tar"]


def test_a_shelf_without_mirrors_says_what_it_lacks_and_what_is_wrong(tmp_path):
    (tmp_path / "01.tar").write_bytes(b"something else")
    with (
        pytest.raises(DownloadError) as caught,
        Fetch(FILES[:2], tmp_path / "unused", Sources((), (tmp_path,), connections=1)) as arrivals,
    ):
        list(arrivals)
    found = hashlib.sha256(b"something else").hexdigest()
    assert f"no {tmp_path}/00.tar; name a mirror that has it | " in str(caught.value)
    assert f"{tmp_path}/01.tar has SHA-256 {found}, expected {FILES[1].sha256}; name" in str(caught.value)


def test_faults_on_every_file_do_not_keep_any_from_arriving(server, tmp_path, monkeypatch):
    kinds = [truncate(70_000), status(503), wrong_bytes, stall(10), drip(0), truncate(0)]
    for i, path in enumerate(BODIES):
        server.faults[path] = [kinds[i % len(kinds)]]
    monkeypatch.setattr(download, "ATTEMPTS", 50)
    monkeypatch.setattr(download, "STALL", 0.3)
    with fetch(server, tmp_path) as arrivals:
        assert len(list(arrivals)) == len(FILES)
    assert contents(tmp_path) == WANTED


def test_a_file_that_cannot_be_had_is_named_at_the_end_and_the_others_come(server, tmp_path):
    server.faults["/tars/05.tar"] = status(404)
    with (
        pytest.raises(DownloadError, match=r"^1 of 12 archives .* the rest is kept: could not get 05\.tar .* 404"),
        fetch(server, tmp_path) as arrivals,
    ):
        list(arrivals)
    assert contents(tmp_path) == {name: body for name, body in WANTED.items() if name != "05.tar"}


def test_a_dead_network_is_noticed_before_every_file_was_tried(server, tmp_path):
    server.faults["*"] = status(503)
    with pytest.raises(DownloadError, match="4 archives in a row"), fetch(server, tmp_path, connections=1) as arrivals:
        list(arrivals)
    assert len(server.requests) < len(FILES)


def test_files_that_fail_here_and_there_do_not_end_the_fetch(server, tmp_path):
    for path in list(BODIES)[::2]:
        server.faults[path] = status(404)
    with pytest.raises(DownloadError, match="6 of 12"), fetch(server, tmp_path, connections=1) as arrivals:
        list(arrivals)


def test_files_can_lie_as_they_do_below_the_mirror(server, tmp_path):
    with fetch(server, tmp_path, FILES[:1], flat=False) as arrivals:
        assert [path for _, path in arrivals] == [tmp_path / "tars" / "00.tar"]
    assert (tmp_path / "tars" / "00.tar").read_bytes() == WANTED["00.tar"]


def test_leaving_early_interrupts_a_pause_and_asks_nothing_more(server, tmp_path, monkeypatch):
    asked = threading.Semaphore(0)

    def busy(request, body):
        request.status(503)
        asked.release()

    server.faults["*"] = busy
    monkeypatch.setattr(download, "FIRST_PAUSE", 1_000.0)
    monkeypatch.setattr(download, "LONGEST_PAUSE", 1_000.0)
    with fetch(server, tmp_path, connections=2):
        assert asked.acquire(timeout=10)
        assert asked.acquire(timeout=10)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch-")]
    assert list(server.requests.values()) == [1, 1]


def test_no_more_files_lie_about_than_allowed_and_those_that_are_used_up_go(server, tmp_path):
    seen = []
    with fetch(server, tmp_path, keep_tars=False, connections=1) as arrivals:
        for file, _ in arrivals:
            seen.append(len(list(tmp_path.iterdir())))
            arrivals.used_up(file.name)
    assert len(seen) == len(FILES)
    assert max(seen) <= 3
    assert contents(tmp_path) == {}


def test_files_that_fail_make_room_for_the_others(server, tmp_path, monkeypatch):
    monkeypatch.setattr("songmood.corpora.jamendo.fetch.AHEAD", 0)
    for path in list(BODIES)[:3]:
        server.faults[path] = status(404)
    with fetch(server, tmp_path, keep_tars=False, connections=1) as arrivals:
        came = iter(arrivals)
        for _ in range(len(FILES) - 3):
            arrivals.used_up(next(came)[0].name)
        with pytest.raises(DownloadError, match="3 of 12"):
            next(came)


def test_no_more_connections_than_allowed_are_open_at_once(server, tmp_path):
    barrier = threading.Barrier(3, timeout=10)
    lock, now, most = threading.Lock(), [0], [0]

    def together(request, body):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        barrier.wait()  # passes only if three requests are open at the same time
        with lock:
            now[0] -= 1
        request.reply(body)

    server.faults["*"] = together
    with fetch(server, tmp_path, connections=3) as arrivals:
        assert len(list(arrivals)) == len(FILES)
    assert most[0] == 3


def test_leaving_early_stops_the_transfers_and_keeps_what_came(server, tmp_path, monkeypatch):
    server.faults["*"] = stall(60_000)
    monkeypatch.setattr(download, "STALL", 0.3)
    with fetch(server, tmp_path):
        pass
    assert all(path.suffix == ".part" for path in tmp_path.iterdir())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("fetch-")]


ON_A_FULL_DISK = """
import subprocess, sys
from pathlib import Path
from songmood.corpora.jamendo.catalogue import RemoteFile
from songmood.corpora.jamendo.fetch import Fetch, Sources
from songmood.errors import DownloadError
url, folder, *files = sys.argv[1:]
files = [RemoteFile(*file.split("=")) for file in files]
def fetch():
    with Fetch(files, Path(folder), Sources((url,), keep_tars=True)) as arrivals:
        return len(list(arrivals))
try: fetch()
except DownloadError as error: print(error)
subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
print(fetch() == len(files), all(Path(folder, file.name).stat().st_size == 100_000 for file in files))
"""


def test_a_full_disk_ends_the_fetch_with_one_line_and_it_goes_on_where_there_is_room(server, tmp_path):
    files = [f"{file.path}={file.sha256}" for file in FILES]
    wrap = on_a_small_disk(tmp_path, "700k")
    command = [*wrap, sys.executable, "-c", ON_A_FULL_DISK, server.url, str(tmp_path), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert re.fullmatch(r"the disk is full \(No space left .*\) while writing .*; make room and run .*", first)
    assert second == "True True"
    assert set(server.requests.values()) == {1, 2}  # what was there already is not asked for again


def test_proxies_of_the_environment_are_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.url)
    mirrors = ("http://mirror.invalid",)  # a name that only a proxy could resolve
    with Fetch(FILES[:1], tmp_path, Sources(mirrors)) as arrivals:
        assert len(list(arrivals)) == 1
    assert server.proxied == ["http://mirror.invalid/tars/00.tar"]


def test_a_proxy_that_makes_no_sense_is_named(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "gopher://nowhere")
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        open_client(1)
