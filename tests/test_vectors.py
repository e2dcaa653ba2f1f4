"""Vectors that a user brings: the same from each format, in the tracks' order, and nothing missing or twice."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from songmood.errors import CorpusError
from songmood.vectors import read_vectors

IDS = ["track_3", "track_1", "track_2"]
VALUES = np.array([[3.0, 30.0], [1.0, 10.0], [2.0, np.nan]], np.float32)


def as_npz(path: Path, ids: list[str] = IDS, values: np.ndarray = VALUES) -> Path:
    np.savez(path.with_suffix(".npz"), track_id=np.array(ids), vector=values)
    return path.with_suffix(".npz")


def as_hdf5(path: Path) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file["track_id"], file["vector"] = IDS, VALUES.astype(np.float64)
    return path.with_suffix(".h5")


def as_lists(path: Path) -> Path:
    return _parquet(path, track_id=IDS, embedding=VALUES.tolist())


def as_columns(path: Path) -> Path:
    return _parquet(path, low=VALUES[:, 0], track_id=IDS, high=VALUES[:, 1])


def _parquet(path: Path, **columns: object) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


@pytest.mark.parametrize("write", [as_npz, as_hdf5, as_lists, as_columns])
def test_each_format_gives_the_tracks_that_are_asked_for_in_their_order(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    found = read_vectors(write(tmp_path / "mert"), ["track_1", "track_2"])
    np.testing.assert_array_equal(found.values, np.array([[1, 10], [2, np.nan]], np.float32))
    assert found.names == (("low", "high") if write is as_columns else ("mert.0", "mert.1"))


def test_tracks_without_a_vector_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"mert.npz has no vector for 2 of 3 tracks: track_7, track_8; add them"):
        read_vectors(as_npz(tmp_path / "mert"), ["track_7", "track_1", "track_8"])


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (["a", "b", "a"], VALUES, "track a is there twice; expected each once"),
        (["a", "b"], VALUES, r"2 track ids and vectors of shape \(3, 2\); expected a row for each"),
        (["a", "b"], np.ones(2), r"2 track ids and vectors of shape \(2,\)"),
        (["a"], np.array([["x", "y"]]), "cannot be read as vectors: could not convert string"),
    ],
)
def test_vectors_that_cannot_be_used_are_refused(
    tmp_path: Path, ids: list[str], values: np.ndarray, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        read_vectors(as_npz(tmp_path / "mert", ids, values), ["a"])


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mert.npz"
    np.savez_compressed(path, track_id=np.array(IDS), vector=VALUES)
    whole = path.read_bytes()
    garbled = whole[:70] + b"\xff" * 8 + whole[78:]  # behind the first member's header: its deflated bytes
    for content in (whole[: len(whole) // 2], whole[:-1], garbled):
        path.write_bytes(content)
        with pytest.raises(CorpusError, match=r"mert\.npz cannot be read as vectors: .*; expected track_id and vector"):
            read_vectors(path, ["track_1"])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("track_id", "no array")
    with pytest.raises(CorpusError, match=r"mert\.npz cannot be read as vectors: .*; expected track_id and vector"):
        read_vectors(path, ["track_1"])


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mert.npz").write_bytes(b"no archive")
    np.savez(tmp_path / "other.npz", scores=VALUES)
    for name, message in (
        ("mert.csv", "expected vectors as .parquet, .npz, .h5, .hdf5"),
        ("absent.npz", "no file .*absent.npz"),
        ("mert.npz", "cannot be read as vectors"),
        ("other.npz", "cannot be read as vectors: .*track_id.*; expected track_id and vector"),
    ):
        with pytest.raises(CorpusError, match=message):
            read_vectors(tmp_path / name, ["track_1"])
