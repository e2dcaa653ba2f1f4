import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songmood.cache.journal import Journal, read_journal

HEAD = {"plan": "a"}
ENTRIES = [{"job": name, "tracks": [[0, 1, 2, "é\n", "", ""]]} for name in "bcd"]


def written(path, entries=ENTRIES):
    journal = Journal(path, HEAD)
    for entry in entries:
        journal.append(entry)
    return path


def test_what_is_appended_is_read_in_its_order(tmp_path):
    path = written(tmp_path / "journal")
    assert read_journal(path) == [HEAD, *ENTRIES]
    assert Journal(path, HEAD).entries == ENTRIES
    assert [json.loads(line) for line in path.read_text().splitlines() if line] == [HEAD, *ENTRIES]


def test_a_journal_of_something_else_is_begun_anew(tmp_path):
    path = written(tmp_path / "journal")
    assert Journal(path, {"plan": "other"}).entries == []
    assert read_journal(path) == [{"plan": "other"}]


@settings(max_examples=30)  # each writes to the disk, and waits for it
@given(st.integers(1, 200), st.binary(max_size=30).filter(lambda tail: b"\n" not in tail))
def test_a_torn_last_line_is_ignored_by_whoever_goes_on_and_by_who_comes_after(tmp_path_factory, cut, tail):
    """A loss of power may leave anything in the place of the last line's end, zeros most often."""
    path = written(tmp_path_factory.mktemp("journal") / "journal")
    whole = path.read_bytes()
    last = json.dumps(ENTRIES[-1]).encode() + b"\n"
    assert whole.endswith(last)
    path.write_bytes(whole[: -min(cut + 1, len(last))] + tail.replace(b"{", b"0"))
    again = Journal(path, HEAD)
    assert again.entries == ENTRIES[:2]
    again.append({"job": "e"})
    assert Journal(path, HEAD).entries == [*ENTRIES[:2], {"job": "e"}]


def test_nothing_is_read_where_there_is_no_journal(tmp_path):
    assert read_journal(tmp_path / "absent") == []


@pytest.mark.parametrize("value", [0.1, -0.0, 1e-45, 3.4e38, np.inf])
def test_float32_values_come_back_to_the_bit(tmp_path, value):
    row = np.array([value], np.float32)
    Journal(tmp_path / "journal", HEAD).append({"row": row.tolist()})
    assert np.array(read_journal(tmp_path / "journal")[1]["row"], np.float32).tobytes() == row.tobytes()
