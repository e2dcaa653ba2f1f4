"""The members of an ensemble: what several runs say of the same tracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songmood.errors import RunFolderError
from songmood.evaluation.curves import Booleans, Floats
from songmood.report.runfolder import Split, read_run
from songmood.training.scores import SplitScores


@dataclass(frozen=True)
class Members:
    """What the members say of one split, a row for each track.

    Attributes:
        track_ids: (N,).
        scores: a matrix (N, L) for each member.
        targets: (N, L).
    """

    track_ids: tuple[str, ...]
    scores: list[Floats]
    targets: Booleans


def read_members(folders: Sequence[Path]) -> tuple[tuple[str, ...], Members, Members]:
    """The tags, and the validation and test splits of the runs' last checkpoints.

    Raises:
        RunFolderError: a folder cannot be read, or two are of different tags or tracks.
    """
    runs = [read_run(folder) for folder in folders]
    if odd := next((run for run in runs if run.tags != runs[0].tags), None):
        raise RunFolderError(f"{odd.path} and {folders[0]} are of different tags; combine runs of one corpus")
    validation = [(run.path / "validation", run.results[-1].validation) for run in runs]
    return runs[0].tags, _members(validation), _members([(run.path, run.results[-1].test) for run in runs])


def _members(splits: Sequence[tuple[Path, Split | None]]) -> Members:
    members = []
    for folder, split in splits:
        if split is None or not split.track_ids:
            raise RunFolderError(f"{folder}: no scores with a tracks.txt; make them again with evaluate.py")
        members.append((folder, *_by_track(split)))
    first, ids, _, targets = members[0]
    for folder, other_ids, _, other_targets in members[1:]:
        if other_ids != ids or not np.array_equal(other_targets, targets):
            raise RunFolderError(f"{folder} and {first} are of different tracks; combine runs of one corpus and split")
    return Members(ids, [scores for _, _, scores, _ in members], targets)


def _by_track(split: Split) -> tuple[tuple[str, ...], Floats, Booleans]:
    """Track ids, mean scores (N, L) over each track's rows, and targets (N, L)."""
    place = {track: number for number, track in enumerate(dict.fromkeys(split.track_ids))}
    track = np.array([place[name] for name in split.track_ids])
    order = np.argsort(track, kind="stable")
    tracks = SplitScores(split.scores[order], split.targets[order], track[order]).by_track()
    return tuple(place), tracks.scores, tracks.targets
