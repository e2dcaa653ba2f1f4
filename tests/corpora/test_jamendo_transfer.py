"""One attempt at one file, against a real server that misbehaves."""

import hashlib
from email.utils import formatdate
from time import time

import httpx
import pytest

from faulty_server import (
    FaultyServer,
    content_length,
    drip,
    endless,
    error_page,
    no_ranges,
    other_range,
    reset,
    stall,
    status,
    truncate,
    wrong_bytes,
    zipped,
)
from songmood.corpora.jamendo.catalogue import RemoteFile
from songmood.corpora.jamendo.download import ENOUGH, Interrupted, PartFile, Refused, seconds_to_wait, transfer

BODY = bytes(range(256)) * 2_000  # 512 kB
FILE = RemoteFile("melspecs/one.tar", hashlib.sha256(BODY).hexdigest(), limit=2_000_000)


@pytest.fixture
def server():
    with FaultyServer({"/melspecs/one.tar": BODY}) as server:
        yield server


@pytest.fixture
def client():
    with httpx.Client(timeout=20, trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def impatient():
    with httpx.Client(timeout=httpx.Timeout(20, read=0.5), trust_env=False, verify=False) as client:
        yield client


@pytest.fixture
def part(tmp_path):
    counted = []
    part = PartFile(tmp_path / "one.tar", counted.append)
    part.counted = counted
    yield part
    part.close()


def attempt(client, server, part, file=FILE):
    try:
        transfer(client, f"{server.url}/{file.path}", file, part)
    finally:
        assert sum(part.counted) == part.size


def test_a_file_comes_whole_and_gets_its_name_only_then(client, server, part):
    attempt(client, server, part)
    assert not part.target.exists()
    part.finish()
    assert part.target.read_bytes() == BODY
    assert not part.path.exists()


@pytest.mark.parametrize("fault", [truncate(100_000), reset(100_000), stall(100_000)], ids=["cut", "reset", "stall"])
def test_what_came_before_an_interruption_is_kept_and_only_the_rest_is_fetched(client, impatient, server, part, fault):
    server.faults["*"] = [fault]
    with pytest.raises(Interrupted):
        attempt(impatient, server, part)
    kept = part.size
    assert 0 <= kept <= 100_000
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256
    assert server.seen[1][1] == (f"bytes={kept}-" if kept else None)


@pytest.mark.parametrize("at", [0, 200_000])
def test_a_server_that_drips_is_cut_off_although_no_read_times_out(client, impatient, server, part, at):
    server.faults["*"] = [drip(at)]
    with pytest.raises(Interrupted, match=r"\d+ bytes in 0\.5 s"):
        attempt(impatient, server, part)
    assert at < part.size < at + ENOUGH
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/one.tar", "http:///one.tar", "127.0.0.1/one.tar", "http://127.0.0.1:9x/one.tar"]
)
def test_an_address_that_is_none_is_not_tried_again(client, part, url):
    with pytest.raises(Refused):
        transfer(client, url, FILE, part)


def test_checksums_are_of_the_file_s_own_bytes_whatever_the_server_could_make_of_them(client, server, part):
    server.faults["*"] = [zipped(only_where_asked=True)]
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256


def test_a_file_without_checksum_is_unpacked_if_the_server_packs_it_unasked(client, server, part):
    server.faults["*"] = [zipped(only_where_asked=False)]
    attempt(client, server, part, RemoteFile(FILE.path))
    assert part.sha256 == FILE.sha256


def test_a_truncated_part_is_worth_its_bytes(client, server, part):
    server.faults["*"] = [truncate(100_000)]
    with pytest.raises(Interrupted):
        attempt(client, server, part)
    assert part.size == 100_000


def test_another_process_goes_on_where_a_killed_one_was(client, server, tmp_path):
    (tmp_path / "one.tar.part").write_bytes(BODY[:300_000])
    part = PartFile(tmp_path / "one.tar")
    transfer(client, f"{server.url}/{FILE.path}", FILE, part)
    part.finish()
    assert part.target.read_bytes() == BODY
    assert server.seen == [("/melspecs/one.tar", "bytes=300000-")]


def test_a_damaged_part_is_found_out_by_the_checksum(client, server, tmp_path):
    (tmp_path / "one.tar.part").write_bytes(bytes(300_000))
    part = PartFile(tmp_path / "one.tar")
    with pytest.raises(Refused):
        transfer(client, f"{server.url}/{FILE.path}", FILE, part)
    part.close()


def test_a_server_without_ranges_sends_the_file_from_the_beginning(client, server, part):
    server.faults["*"] = [truncate(100_000), no_ranges]
    with pytest.raises(Interrupted):
        attempt(client, server, part)
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256


def test_a_server_that_sends_another_range_is_not_believed(client, server, part):
    server.faults["*"] = [truncate(100_000), other_range]
    with pytest.raises(Interrupted):
        attempt(client, server, part)
    with pytest.raises(Interrupted, match="another range"):
        attempt(client, server, part)
    assert part.size == 0
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256


def test_a_part_longer_than_the_file_starts_afresh(client, server, tmp_path):
    (tmp_path / "one.tar.part").write_bytes(BODY + b"tail")
    part = PartFile(tmp_path / "one.tar")
    with pytest.raises(Interrupted, match="416"):
        transfer(client, f"{server.url}/{FILE.path}", FILE, part)
    assert part.size == 0
    part.close()


@pytest.mark.parametrize("fault", [wrong_bytes, error_page, content_length(-100)], ids=["flip", "page", "short"])
def test_another_file_than_the_right_one_is_named_by_its_checksum(client, server, part, fault):
    server.faults["*"] = [fault]
    with pytest.raises(Refused, match=r"SHA-256 is [0-9a-f]{64}"):
        attempt(client, server, part)


def test_a_length_that_promises_too_much_does_not_spoil_a_whole_file(client, server, part):
    server.faults["*"] = [content_length(+100)]
    attempt(client, server, part)
    assert part.sha256 == FILE.sha256


def test_a_body_without_end_is_cut_at_the_limit(client, server, part):
    server.faults["*"] = [endless]
    with pytest.raises(Refused, match="more than 2000000 bytes"):
        attempt(client, server, part)
    assert part.size == 0


@pytest.mark.parametrize("code", [404, 403, 410])
def test_a_file_that_the_server_does_not_give_is_missing(client, server, part, code):
    server.faults["*"] = [status(code)]
    with pytest.raises(Refused, match=str(code)):
        attempt(client, server, part)


@pytest.mark.parametrize("code", [503, 429, 500, 408])
def test_a_busy_server_says_when_to_come_back(client, server, part, code):
    server.faults["*"] = [status(code, Retry_After="17")]
    with pytest.raises(Interrupted) as caught:
        attempt(client, server, part)
    assert caught.value.retry_after == 17.0


def test_a_server_that_is_not_there_is_an_interruption(client, part):
    with pytest.raises(Interrupted):
        transfer(client, "http://127.0.0.1:9/one.tar", FILE, part)


def test_a_file_without_checksum_is_never_spliced(client, server, tmp_path):
    (tmp_path / "one.tar.part").write_bytes(b"an older version")
    part = PartFile(tmp_path / "one.tar")
    transfer(client, f"{server.url}/{FILE.path}", RemoteFile(FILE.path), part)
    part.finish()
    assert part.target.read_bytes() == BODY
    assert server.seen == [("/melspecs/one.tar", None)]


def test_a_file_without_checksum_that_was_cut_is_not_taken_for_whole(client, server, part):
    server.faults["*"] = [truncate(100_000)]
    with pytest.raises(Interrupted):
        attempt(client, server, part, RemoteFile(FILE.path))


def test_an_empty_part_leaves_no_file_behind(tmp_path):
    PartFile(tmp_path / "one.tar").close()
    assert list(tmp_path.iterdir()) == []


def test_a_watcher_that_raises_stops_the_transfer_before_anything_is_written(client, server, tmp_path):
    class StopError(Exception):
        pass

    def stop(_):
        raise StopError

    part = PartFile(tmp_path / "one.tar", stop)
    with pytest.raises(StopError):
        transfer(client, f"{server.url}/{FILE.path}", FILE, part)
    part.close()
    assert part.size == 0


def test_retry_after_is_seconds_or_a_date_or_nothing():
    assert seconds_to_wait("120") == 120.0
    assert 55 < seconds_to_wait(formatdate(time() + 60, usegmt=True)) <= 60
    assert seconds_to_wait(formatdate(0, usegmt=True)) == 0.0
    assert seconds_to_wait("soon") == 0.0
    assert seconds_to_wait("") == seconds_to_wait("\N{SUPERSCRIPT TWO}") == 0.0
