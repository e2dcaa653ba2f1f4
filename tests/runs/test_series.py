from pathlib import Path

import pytest

from songmood.errors import RunFolderError
from songmood.runs.results import read_series


def test_each_column_becomes_its_epochs_and_values(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss,validation/loss\n1,10,0.5,0.6\n2,20,0.25,0.5\n")
    assert read_series(path) == {"train/loss": ([1, 2], [0.5, 0.25]), "validation/loss": ([1, 2], [0.6, 0.5])}


def test_empty_cells_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train/loss,validation/loss\n1,10,,0.6\n1,10,0.5,\n")
    assert read_series(path) == {"validation/loss": ([1], [0.6]), "train/loss": ([1], [0.5])}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no epoch"),
        ("epoch,step,train/loss\n", "no epoch"),
        ("epoch,step,train/loss\n1,10,low\n", "low"),
        ("step,train/loss\n10,0.5\n", "epoch"),
        ("epoch,train/loss\n1,0.5,7\n", "expected numbers"),
        ("epoch,train/loss\n,0.5\n", "expected numbers"),
    ],
)
def test_a_file_that_is_no_history_is_refused_in_one_line(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(content)
    with pytest.raises(RunFolderError, match=says) as caught:
        read_series(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"metrics\.csv: cannot be read"):
        read_series(tmp_path / "metrics.csv")
