"""The truth that a command is given: a matrix or a split's TSV, and what its columns are called.

A `.npy` file does not say what its rows and columns are. Where a `tags.txt` or `tracks.txt` lies beside it, as in a run
folder, that is what it holds, and everything that is scored together must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songmood.errors import SubmissionError

if TYPE_CHECKING:
    from songmood.evaluation.curves import Booleans, Floats

TruthOption = Annotated[Path, typer.Option("--truth", help="The true tags: a .npy matrix or a split's TSV.")]
TagsOption = Annotated[
    Path | None,
    typer.Option("--tags", help="The columns' tags, one a line (moodtheme_split.txt); else the TSV's tags, sorted."),
]
AnyScaleOption = Annotated[
    bool,
    typer.Option("--any-scale", help="Take scores outside [0, 1], such as logits: the areas need only their order."),
]


@dataclass(frozen=True)
class Truth:
    """What is scored against.

    Attributes:
        path: where it came from.
        targets: (N, L) bool.
        tags: L names; "column 0" and on where nothing says what they are.
        track_ids: N ids, or empty where nothing says.
    """

    path: Path
    targets: Booleans
    tags: tuple[str, ...]
    track_ids: tuple[str, ...] = ()


def read_truth(path: Path, tags_file: Path | None, matrices: Sequence[Path], same_tags: Sequence[Path] = ()) -> Truth:
    """Read the truth for some score or decision files.

    Args:
        path: a `.npy` matrix, or a TSV in the data set's format.
        tags_file: the user's list of tags, or None.
        matrices: files of these tracks, whose folders may say what their columns and rows are.
        same_tags: files of other tracks, of which only the columns have to agree.

    Raises:
        SubmissionError: the truth cannot be read, or tags or tracks are in another order.
        CorpusError: the same for a TSV or a list of tags.
    """
    from songmood.evaluation.metrics import column_names
    from songmood.evaluation.submission import read_targets
    from songmood.tracks import read_tracks, tags_of, target_matrix

    is_matrix = path.suffix == ".npy"
    tags = _agreed_tags(tags_file, [*matrices, *same_tags, *([path] if is_matrix else [])])
    if is_matrix:
        targets = read_targets(path)
        if tags and len(tags) != targets.shape[1]:
            raise SubmissionError(f"{path}: {targets.shape[1]} columns for {len(tags)} tags; is it another tag set?")
        return Truth(path, targets, tags or column_names(targets.shape[1]))
    tracks = read_tracks(path)
    tags = tags or tags_of(tracks)
    truth = Truth(path, target_matrix(tracks, tags) > 0, tags, tuple(track.track_id for track in tracks))
    for matrix in matrices:
        _refuse_other_tracks(matrix, truth)
    return truth


def read_scores_for(path: Path, truth: Truth, *, any_scale: bool) -> Floats:
    """Read scores and refuse them where they do not cover the truth's tracks and tags."""
    from songmood.evaluation.submission import refuse_other_shape

    scores = read_any_scores(path, any_scale=any_scale)
    refuse_other_shape(scores, str(path), truth.targets, str(truth.path))
    return scores


def read_any_scores(path: Path, *, any_scale: bool) -> Floats:
    """Read scores for a command that has --any-scale."""
    from songmood.evaluation.submission import SIGMOID, read_scores

    return read_scores(path, any_scale=any_scale, remedy=f"{SIGMOID}, or take --any-scale")


def read_decisions_for(path: Path, truth: Truth) -> Booleans:
    """Read decisions and refuse them where they do not cover the truth's tracks and tags."""
    from songmood.evaluation.submission import read_decisions, refuse_other_shape

    decisions = read_decisions(path)
    refuse_other_shape(decisions, str(path), truth.targets, str(truth.path))
    return decisions


def refuse_other_columns(matrices: Sequence[Path]) -> None:
    """Refuse files whose folders say that their columns are different tags."""
    _agreed_tags(None, matrices)


def _agreed_tags(tags_file: Path | None, matrices: Sequence[Path]) -> tuple[str, ...]:
    """The tags that all lists agree on; empty where there is none."""
    from songmood.tracks import read_tag_list

    beside = dict.fromkeys(file for matrix in matrices if (file := matrix.parent / "tags.txt").is_file())
    files = [*([tags_file] if tags_file else []), *beside]
    if not files:
        return ()
    first, *others = ((file, read_tag_list(file)) for file in files)
    for file, tags in others:
        _refuse_other_order(*first, file, tags)
    if not beside:
        _refuse_other_order(*first, Path("alphabetical order"), tuple(sorted(first[1])))  # the task's rule
    return first[1]


def _refuse_other_order(file: Path, tags: tuple[str, ...], other: Path, expected: tuple[str, ...]) -> None:
    if tags == expected:
        return
    remedy = "bring the columns into one order"
    if len(tags) != len(expected):
        raise SubmissionError(f"tags differ: {file} has {len(tags)}, {other} {len(expected)}; {remedy}")
    column = next(i for i, (a, b) in enumerate(zip(tags, expected, strict=True)) if a != b)
    found = f"column {column} is {tags[column]!r} in {file} and {expected[column]!r} in {other}"
    raise SubmissionError(f"tag order differs: {found}; {remedy}")


def _refuse_other_tracks(matrix: Path, truth: Truth) -> None:
    from songmood.tracks import read_lines

    file = matrix.parent / "tracks.txt"
    if not file.is_file():
        return
    ids = tuple(line.strip() for line in read_lines(file))
    if ids == truth.track_ids:
        return
    if tuple(dict.fromkeys(ids)) == truth.track_ids:
        found = f"{matrix} has {len(ids)} rows, one for each window, and {truth.path} {len(truth.track_ids)} tracks"
        raise SubmissionError(f"{found}; give the truth of its rows instead: {matrix.parent / 'targets.npy'}")
    if len(ids) != len(truth.track_ids):
        found = f"{file} has {len(ids)} tracks, {truth.path} {len(truth.track_ids)}"
        raise SubmissionError(f"{found}; is it another split?")
    row = next(i for i, (a, b) in enumerate(zip(ids, truth.track_ids, strict=True)) if a != b)
    found = f"row {row} is {ids[row]} in {file} and {truth.track_ids[row]} in {truth.path}"
    raise SubmissionError(f"track order differs: {found}; bring the rows into one order")
