"""Which mirror is asked, how long, and what is said when none delivers."""

import hashlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faulty_server import FaultyServer, no_ranges_truncated, reset, status, truncate, wrong_bytes
from songmood.corpora.jamendo.catalogue import RemoteFile
from songmood.corpora.jamendo.download import ATTEMPTS, ENOUGH, download, pause_after
from songmood.errors import DownloadError

BODY = bytes(range(256)) * 2_000
FILE = RemoteFile("one.tar", hashlib.sha256(BODY).hexdigest())


@pytest.fixture
def pauses():
    """The seconds that would have been waited."""
    return []


@pytest.fixture
def pair():
    with FaultyServer({"/one.tar": BODY}) as fast, FaultyServer({"/one.tar": BODY}) as slow:
        yield fast, slow


@pytest.fixture
def client():
    with httpx.Client(timeout=20, trust_env=False, verify=False) as client:
        yield client


def get(client, servers, folder, pauses):
    return download(client, [server.url for server in servers], FILE, folder / FILE.name, pauses.append)


def test_the_first_mirror_is_asked_alone_while_it_delivers(client, pair, tmp_path, pauses):
    assert get(client, pair, tmp_path, pauses).read_bytes() == BODY
    assert len(pair[0].seen) == 1
    assert pair[1].seen == []
    assert pauses == []


@pytest.mark.parametrize("fault", [status(503), status(404), reset(0), truncate(9), wrong_bytes])
def test_a_mirror_that_fails_is_left_for_the_other(client, pair, tmp_path, pauses, fault):
    pair[0].faults["*"] = fault
    assert get(client, pair, tmp_path, pauses).read_bytes() == BODY
    assert len(pair[0].seen) == 1
    assert len(pair[1].seen) == 1


def test_what_one_mirror_began_the_other_ends(client, pair, tmp_path, pauses):
    pair[0].faults["*"] = [truncate(200_000)]
    get(client, pair, tmp_path, pauses)
    assert pair[1].seen == [("/one.tar", "bytes=200000-")]


def test_wrong_bytes_are_thrown_away_and_never_continued(client, pair, tmp_path, pauses):
    pair[0].faults["*"] = wrong_bytes
    get(client, pair, tmp_path, pauses)
    assert pair[1].seen == [("/one.tar", None)]


def test_a_file_that_is_wrong_everywhere_is_given_up_with_both_checksums(client, pair, tmp_path, pauses):
    for server in pair:
        server.faults["*"] = wrong_bytes
    middle = len(BODY) // 2
    seen = hashlib.sha256(BODY[:middle] + bytes([BODY[middle] ^ 1]) + BODY[middle + 1 :]).hexdigest()
    with pytest.raises(DownloadError) as caught:
        get(client, pair, tmp_path, pauses)
    message = str(caught.value)
    assert "one.tar" in message
    assert FILE.sha256 in message
    assert seen in message
    assert all(server.url in message for server in pair)
    assert "\n" not in message
    assert [len(server.seen) for server in pair] == [2, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_no_mirror_has_is_given_up_without_waiting(client, pair, tmp_path, pauses):
    for server in pair:
        server.faults["*"] = status(404)
    with pytest.raises(DownloadError, match="404"):
        get(client, pair, tmp_path, pauses)
    assert pauses == []


def test_pauses_double_up_to_the_longest_and_then_it_is_given_up(client, pair, tmp_path, pauses, monkeypatch):
    pair[0].faults["*"] = status(503)
    monkeypatch.setattr("songmood.corpora.jamendo.download.LONGEST_PAUSE", 10.0)
    with pytest.raises(DownloadError, match=r"one\.tar.*503.*8 attempts in a row"):
        get(client, pair[:1], tmp_path, pauses)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


def test_the_server_s_retry_after_is_honoured_within_reason(client, pair, tmp_path, pauses):
    pair[0].faults["*"] = [status(503, Retry_After="17"), status(429, Retry_After="999999")]
    get(client, pair[:1], tmp_path, pauses)
    assert pauses == [17.0, 600.0]


def test_an_interruption_that_brought_something_does_not_count(client, pair, tmp_path, pauses, monkeypatch):
    monkeypatch.setattr("songmood.corpora.jamendo.download.ATTEMPTS", 2)
    pair[0].faults["*"] = [truncate(step) for step in range(ENOUGH, len(BODY), ENOUGH)]
    assert len(pair[0].faults["*"]) > 3
    assert get(client, pair[:1], tmp_path, pauses).read_bytes() == BODY


def test_the_same_bytes_again_are_no_progress(client, pair, tmp_path, pauses):
    pair[0].faults["*"] = no_ranges_truncated(2 * ENOUGH)
    with pytest.raises(DownloadError, match=f"{ATTEMPTS} attempts in a row"):
        get(client, pair[:1], tmp_path, pauses)
    assert len(pair[0].seen) == ATTEMPTS + 1


def test_a_mirror_s_address_may_end_in_a_slash(client, tmp_path, pauses):
    with FaultyServer({"/below/one.tar": BODY}) as server:
        assert (
            download(client, [f"{server.url}/below/"], FILE, tmp_path / "one.tar", pauses.append).read_bytes() == BODY
        )
    assert server.seen == [("/below/one.tar", None)]


def test_a_server_that_always_cuts_off_after_a_byte_is_given_up(client, pair, tmp_path, pauses):
    pair[0].faults["*"] = [truncate(step) for step in range(1, 50)]
    with pytest.raises(DownloadError):
        get(client, pair[:1], tmp_path, pauses)
    assert len(pair[0].seen) == ATTEMPTS
    assert (tmp_path / "one.tar.part").stat().st_size == ATTEMPTS  # the next run goes on from here


@given(failures=st.integers(0, 2_000), retry_after=st.floats(0, 1e9))
def test_a_pause_is_never_shorter_than_asked_for_nor_unbounded(failures, retry_after):
    assert 1.0 <= pause_after(failures, retry_after) <= 600.0
    assert pause_after(failures, retry_after) >= min(retry_after, 600.0)


def test_each_file_asks_the_best_mirror_first_and_turns_from_one_to_the_next(client, pair, tmp_path, pauses):
    fast, slow = pair
    fast.faults["*"] = [truncate(200_000), truncate(400_000)]
    slow.faults["*"] = [truncate(300_000)]
    get(client, pair, tmp_path, pauses)
    assert [asked for _, asked in fast.seen] == [
        None,
        "bytes=300000-",
    ]
    assert [asked for _, asked in slow.seen] == ["bytes=200000-", "bytes=400000-"]
    (tmp_path / "one.tar").unlink()
    get(client, pair, tmp_path, pauses)
    assert fast.seen[2:] == [("/one.tar", None)]


def test_what_came_whole_already_needs_no_mirror(client, pair, tmp_path, pauses):
    (tmp_path / "one.tar.part").write_bytes(BODY)
    assert get(client, pair, tmp_path, pauses).read_bytes() == BODY
    assert pair[0].seen == pair[1].seen == []
