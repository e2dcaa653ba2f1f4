"""Files that are whole or not there."""

from pathlib import Path

import pytest

from songmood.errors import SubmissionError
from songmood.evaluation.files import write_atomically


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    path = tmp_path / "a" / "b.tsv"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [other.name for other in path.parent.iterdir()] == ["b.tsv"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "b.tsv"
    write_atomically(path, b"old")
    real = Path.write_bytes

    def full_disk(self, content):
        real(self, content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(SubmissionError, match="cannot be written \\(No space left on device\\)"):
        write_atomically(path, b"new content")
    assert path.read_bytes() == b"old"
    assert [other.name for other in tmp_path.iterdir()] == ["b.tsv"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SubmissionError, match="choose another place"):
        write_atomically(tmp_path / "file" / "b.tsv", b"")
