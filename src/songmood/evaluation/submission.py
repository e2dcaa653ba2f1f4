"""A submission's two files, `predictions.npy` and `decisions.npy`, and the truth they are scored against.

The task's format: rows in the order of the test TSV, columns in alphabetical tag order, predictions float64, decisions
bool. Other people's files are read here too, so every fault that a file can have is one line that says what to mend.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songmood.errors import SubmissionError
from songmood.evaluation.curves import Booleans, Floats
from songmood.evaluation.files import write_atomically

PREDICTIONS, DECISIONS, TARGETS = "predictions.npy", "decisions.npy", "targets.npy"
SIGMOID = "apply a sigmoid to logits"


def write_submission(folder: Path, scores: ArrayLike, decisions: ArrayLike) -> None:
    """Write the two files of a submission, each whole or not at all.

    Args:
        folder: made where it is missing.
        scores: (N, L) finite, in [0, 1].
        decisions: (N, L) bool.

    Raises:
        SubmissionError: the organisers' scorer could not use them.
    """
    scores, decisions = np.asarray(scores, dtype=np.float64), np.asarray(decisions)
    _refuse_bad_scores(scores, "scores", any_scale=False, remedy=SIGMOID)
    if decisions.dtype != np.bool_:
        raise SubmissionError(f"decisions are {decisions.dtype}, expected bool")
    refuse_other_shape(decisions, "decisions", scores, "scores")
    write_matrix(folder / PREDICTIONS, scores)
    write_matrix(folder / DECISIONS, decisions)


def write_matrix(path: Path, matrix: NDArray[np.generic]) -> None:
    """Write one `.npy` file, whole or not at all."""
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(matrix), allow_pickle=False)
    write_atomically(path, content.getvalue())


def read_scores(path: Path, *, any_scale: bool = False, remedy: str = SIGMOID) -> Floats:
    """Read an (N, L) matrix of scores as float64.

    Args:
        path: a `.npy` file of floats, integers or bools.
        any_scale: take logits, too: values outside [0, 1], as long as they are finite.
        remedy: what to do about such values where they are not taken, for the error.

    Raises:
        SubmissionError: it is no such matrix.
    """
    scores = read_matrix(path).astype(np.float64)
    _refuse_bad_scores(scores, str(path), any_scale=any_scale, remedy=remedy)
    return scores


def read_decisions(path: Path) -> Booleans:
    """Read an (N, L) matrix of decisions: bool, or integers 0 and 1.

    Raises:
        SubmissionError: it holds floats, which are scores or thresholded in a way that nobody can see, or other values.
    """
    return _read_claims(path, "decisions", "make them bool, as by `songmood thresholds`")


def read_targets(path: Path) -> Booleans:
    """Read an (N, L) matrix of truth: bool, or integers or floats that are 0 and 1.

    Raises:
        SubmissionError: it holds anything else.
    """
    return _read_claims(path, "truth", "give the matrix of tags that the tracks have", floats=True)


def read_matrix(path: Path) -> NDArray[np.generic]:
    """Read a `.npy` file that holds a two-dimensional matrix of plain numbers, never running what is inside it.

    Raises:
        SubmissionError: it is missing, no `.npy` file, cut off, pickled, not two-dimensional, empty or no numbers.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SubmissionError(f"{path}: cannot be read ({error.strerror or error}); give a .npy file") from error
    if not content.startswith(b"\x93NUMPY"):
        raise SubmissionError(f"{path}: not a .npy file; write one with numpy.save")
    try:
        matrix = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, MemoryError, OverflowError) as error:
        if "pickle" in str(error):
            raise SubmissionError(f"{path}: holds pickled objects; save plain numbers, float64 or bool") from error
        raise SubmissionError(f"{path}: damaged or cut off after {len(content)} bytes; copy it again") from error
    if matrix.dtype.kind not in "biuf":
        raise SubmissionError(f"{path}: holds {matrix.dtype}, expected plain numbers; save float64 or bool")
    if matrix.ndim != 2 or matrix.size == 0:
        raise SubmissionError(f"{path}: has shape {matrix.shape}, expected (tracks, tags), at least one of each")
    return np.asarray(matrix, dtype=matrix.dtype.newbyteorder("="))


def refuse_other_shape(
    matrix: NDArray[np.generic], name: str, expected: NDArray[np.generic], expected_name: str
) -> None:
    """Refuse a matrix that does not cover the same tracks and tags, and say so where it is the transpose that would."""
    if matrix.shape == expected.shape:
        return
    difference = f"{name} has shape {matrix.shape}, {expected_name} {expected.shape}"
    if matrix.shape == expected.shape[::-1]:
        raise SubmissionError(f"{difference}: {name} looks transposed; save it as (tracks, tags)")
    axes = [axis for axis, a, b in zip(("tracks", "tags"), matrix.shape, expected.shape, strict=True) if a != b]
    raise SubmissionError(f"{difference}: not the same {' and '.join(axes)}; is it another split or tag set?")


def _read_claims(path: Path, noun: str, remedy: str, *, floats: bool = False) -> Booleans:
    matrix = read_matrix(path)
    if matrix.dtype.kind == "f" and not floats:
        raise SubmissionError(f"{path}: {noun} are {matrix.dtype}, expected bool; {remedy}")
    wrong = matrix[(matrix != 0) & (matrix != 1)]
    if wrong.size:
        raise SubmissionError(f"{path}: {noun} hold {wrong[0]} ({wrong.size} such values), expected 0 and 1; {remedy}")
    return matrix.astype(np.bool_)


def _refuse_bad_scores(scores: Floats, name: str, *, any_scale: bool, remedy: str) -> None:
    if scores.ndim != 2 or scores.size == 0:
        raise SubmissionError(f"{name}: shape {scores.shape}, expected (tracks, tags), at least one of each")
    bad = np.argwhere(~np.isfinite(scores))
    if len(bad):
        row, column = bad[0]
        raise SubmissionError(
            f"{name}: {scores[row, column]} in row {row}, column {column}, {len(bad)} such values; expected finite ones"
        )
    low, high = scores.min(), scores.max()
    if not any_scale and (low < 0 or high > 1):
        found = f"scores from {low:.9g} to {high:.9g}"
        raise SubmissionError(f"{name}: {found}, expected [0, 1]; {remedy}")
