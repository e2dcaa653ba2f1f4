"""Vectors that a user brings for tracks: embeddings of another model, or a teacher's scores, by track id.

A file holds a row for each track, in any order, and may hold more tracks than are asked for:

* ``.parquet``: a column ``track_id``, and either a column of lists or as many columns of numbers as a vector has;
* ``.npz``, ``.h5``, ``.hdf5``: the arrays ``track_id`` (N,) and ``vector`` (N, F).
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from songmood.errors import CorpusError, some

ID, VECTOR = "track_id", "vector"
UNREADABLE = (OSError, EOFError, BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError)  # of readers


@dataclass(frozen=True, eq=False)
class Vectors:
    """The vectors of N tracks.

    Attributes:
        names: (F,) of the columns.
        values: (N, F), a row for each track that was asked for; NaN where unknown.
    """

    names: tuple[str, ...]
    values: NDArray[np.float32]


def read_vectors(path: Path, track_ids: Sequence[str]) -> Vectors:
    """The vectors of tracks, in the tracks' order.

    Args:
        path: one of the formats above.
        track_ids: (N,).

    Raises:
        CorpusError: the file is missing, of another format or shape, has a track twice, or lacks some of `track_ids`,
            of which the first are named.
    """
    if path.suffix not in READERS:
        raise CorpusError(f"{path}: expected vectors as {', '.join(READERS)}")
    if not path.is_file():
        raise CorpusError(f"no file {path}: expected vectors by track id, as {', '.join(READERS)}")
    try:
        ids, names, values = READERS[path.suffix](path)
    except UNREADABLE as error:
        expected = f"expected {ID} and {VECTOR} (tracks, numbers)"
        raise CorpusError(f"{path} cannot be read as vectors: {' '.join(str(error).split())}; {expected}") from error
    if values.ndim != 2 or len(values) != len(ids) or not values.shape[1]:
        raise CorpusError(f"{path}: {len(ids)} track ids and vectors of shape {values.shape}; expected a row for each")
    row_of = {track_id: row for row, track_id in enumerate(ids)}
    if len(row_of) < len(ids):
        twice = next(track_id for row, track_id in enumerate(ids) if row_of[track_id] != row)
        raise CorpusError(f"{path}: track {twice} is there twice; expected each once")
    if missing := [track_id for track_id in track_ids if track_id not in row_of]:
        raise CorpusError(
            f"{path} has no vector for {len(missing):,} of {len(track_ids):,} tracks: {some(missing, most=5)}; add "
            "them, or take the tracks out of the splits"
        )
    columns = names or tuple(f"{path.stem}.{column}" for column in range(values.shape[1]))
    return Vectors(columns, values[[row_of[track_id] for track_id in track_ids]])


Content = tuple[list[str], tuple[str, ...], NDArray[np.float32]]  # ids, columns' names where they have some, values


def _read_npz(path: Path) -> Content:
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:  # which leaves a damaged file open
        return _texts(file[ID]), (), np.asarray(file[VECTOR], np.float32)


def _read_hdf5(path: Path) -> Content:
    import h5py

    with h5py.File(path, "r") as file:
        return _texts(file[ID][:]), (), np.asarray(file[VECTOR][:], np.float32)


def _read_parquet(path: Path) -> Content:
    try:
        from pyarrow import parquet, types
    except ModuleNotFoundError:
        raise CorpusError(f"{path} needs pyarrow, which is not installed: pip install 'songmood[parquet]'") from None
    table = parquet.read_table(path)
    ids, others = table[ID].to_pylist(), table.drop_columns([ID])
    if others.num_columns == 1 and not types.is_floating(others.schema.types[0]):
        return ids, (), np.array(others.columns[0].to_pylist(), np.float32)
    columns = [column.to_numpy() for column in others.columns]
    return ids, tuple(others.column_names), np.stack(columns, axis=1).astype(np.float32)


def _texts(values: NDArray[Any]) -> list[str]:
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values.tolist()]


READERS: dict[str, Callable[[Path], Content]] = {
    ".parquet": _read_parquet,
    ".npz": _read_npz,
    ".h5": _read_hdf5,
    ".hdf5": _read_hdf5,
}
