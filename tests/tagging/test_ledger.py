"""What is finished survives a kill, a torn line and a change of the music; other results do not mix."""

import os
from pathlib import Path

import numpy as np
import pytest

from songmood.errors import TaggingError
from songmood.tagging.batch.ledger import Key, Ledger, key_of
from songmood.tagging.batch.result import About, Failed
from songmood.tagging.tags import Tags, Timeline

ABOUT = About("m", "f00d", ("calm", "sad"), (0.5, None), with_timeline=True, with_embeddings=True)


def tags(path: str, score: float = 0.25) -> Tags:
    line = Timeline(np.array([0.0, 1.5]), np.array([2.0, 3.5]), np.array([[0.1, 0.2], [0.3, 0.4]], np.float32))
    return Tags(
        path, 3.5, "m", "f00d", ("calm", "sad"), np.array([score, 0.5]), np.array([1.25, 99.5]),
        np.array([False, True]), line, np.array([0.5, -1e-9], np.float32), ("short",),
    )  # fmt: skip


def test_results_read_back_as_they_were_added(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.jsonl", ABOUT)
    ledger.add(Key("b\udcff.ogg", 2, 3), tags("b\udcff.ogg"))
    ledger.add(Key("a.ogg", 1, 2), Failed("a.ogg", "cut short"))
    ledger.close()
    again = Ledger(tmp_path / "a.jsonl", ABOUT)
    first, second = again.results(["a.ogg", "new.ogg", "b\udcff.ogg"])
    assert first == Failed("a.ogg", "cut short")
    assert repr(second) == repr(tags("b\udcff.ogg"))
    np.testing.assert_array_equal(second.decisions, [False, True])
    np.testing.assert_array_equal(second.timeline.scores, tags("x").timeline.scores)
    np.testing.assert_array_equal(second.embedding, tags("x").embedding)
    assert second.notes == ("short",)
    assert Key("b\udcff.ogg", 2, 3) in again
    assert again.failed(["b\udcff.ogg", "a.ogg"]) == [Failed("a.ogg", "cut short")]
    again.close()


@pytest.mark.parametrize("changed", [Key("a.ogg", 2, 2), Key("a.ogg", 1, 3), Key("b.ogg", 1, 2)])
def test_a_changed_file_is_not_finished(tmp_path: Path, changed: Key) -> None:
    ledger = Ledger(tmp_path / "a.jsonl", ABOUT)
    ledger.add(Key("a.ogg", 1, 2), tags("a.ogg"))
    assert changed not in ledger
    ledger.add(changed, tags(changed.path, 0.75))
    assert next(ledger.results([changed.path])).values[0] == 0.75
    ledger.close()


@pytest.mark.parametrize("torn", [1, 20, 200])
def test_a_torn_last_line_is_forgotten(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "a.jsonl"
    ledger = Ledger(path, ABOUT)
    for name in ("a", "b"):
        ledger.add(Key(name, 1, 2), tags(name))
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn])
    ledger = Ledger(path, ABOUT)
    assert Key("a", 1, 2) in ledger
    assert Key("b", 1, 2) not in ledger
    ledger.add(Key("b", 1, 2), tags("b"))
    ledger.close()
    assert path.read_bytes() == whole


def test_results_of_something_else_are_forgotten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "a.jsonl", ABOUT)
    ledger.add(Key("a", 1, 2), tags("a"))
    ledger.close()
    ledger = Ledger(tmp_path / "a.jsonl", About("m", "beef", ("calm", "sad"), None))
    assert Key("a", 1, 2) not in ledger
    ledger.close()


def test_two_processes_do_not_write_into_one(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "a.jsonl", ABOUT)
    with pytest.raises(TaggingError, match=r"a\.jsonl is being written by another process"):
        Ledger(tmp_path / "a.jsonl", ABOUT)
    first.close()
    Ledger(tmp_path / "a.jsonl", ABOUT).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TaggingError, match="cannot be written"):
        Ledger(tmp_path / "file" / "a.jsonl", ABOUT)


def test_the_key_is_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert key_of(str(path)) == Key(str(path), 3, 1_700_000_000_123_456_789)
    assert key_of(str(tmp_path / "b")) is None
