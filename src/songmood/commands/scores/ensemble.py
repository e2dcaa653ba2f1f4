"""`songmood ensemble`: several runs, or several submissions' scores, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from songmood.commands.scores.thresholds import RuleName, make_rule
from songmood.errors import RunFolderError, SubmissionError

if TYPE_CHECKING:
    from songmood.commands.scores.members import Members
    from songmood.evaluation.curves import Floats
    from songmood.evaluation.ensemble import Weighting

FOLDS = 5  # of the validation tracks
NUM_DISPUTED = 5
ABOUT = "ensemble.json"

How = Literal["mean", "rank", "logit"]
Weights = Literal["equal", "validation"]


def ensemble(
    members: Annotated[
        list[Path], typer.Argument(help="Folders of runs of one corpus; or scores, .npy matrices (tracks, tags).")
    ],
    out: Annotated[Path, typer.Option(help="Of runs a folder, which is a run's; of scores a .npy file, float64.")],
    how: Annotated[How, typer.Option(help="Mean of the scores, of each tag's ranks, or of the logits.")] = "mean",
    weights: Annotated[
        Weights, typer.Option(help="Equal, or chosen on the runs' validation scores by cross-fitting.")
    ] = "equal",
    rule: Annotated[
        RuleName | None,
        typer.Option(help="Of the thresholds, fitted on validation; runs only.", show_default="elbow"),
    ] = None,
) -> None:
    """Combine several runs into one, with thresholds of its own, or several submissions' scores.

    Of runs, how much they disagree and what ensembles of 1, 2, ... of them score is shown and kept in ensemble.json.
    """
    if absent := [member for member in members if not member.exists()]:
        raise SubmissionError(f"{absent[0]}: no such file or folder; give run folders, or scores as .npy files")
    is_folder = [member.is_dir() for member in members]
    if all(is_folder):
        _print(out, combine_runs(members, out, how, weights, rule or "elbow"))
    elif any(is_folder):
        raise SubmissionError(f"{members[is_folder.index(False)]} is no run folder: give folders alone, or files alone")
    elif weights == "validation":
        raise SubmissionError("--weights validation: files bring no validation scores; give run folders")
    elif rule:
        raise SubmissionError(f"--rule {rule}: of files no thresholds are made; give run folders, or leave it out")
    else:
        _combine_files(members, out, how)


def _combine_files(predictions: Sequence[Path], out: Path, how: How) -> None:
    from songmood.commands.scores.truth import refuse_other_columns
    from songmood.evaluation.ensemble import combine
    from songmood.evaluation.submission import SIGMOID, read_scores, refuse_other_shape, write_matrix

    if out.suffix != ".npy":
        raise SubmissionError(f"--out {out}: expected a name that ends in .npy")
    refuse_other_columns(predictions)
    remedy = f"{SIGMOID}, or take --how rank"
    first, *others = ((path, read_scores(path, any_scale=how == "rank", remedy=remedy)) for path in predictions)
    for path, scores in others:
        refuse_other_shape(scores, str(path), first[1], str(first[0]))
    combined = combine([first[1], *(scores for _, scores in others)], how)
    write_matrix(out, combined)
    tracks, tags = combined.shape
    typer.echo(f"{out}: {how} of {len(predictions)} submissions, {tracks:,} tracks, {tags} tags")


def combine_runs(
    folders: Sequence[Path],
    out: Path,
    how: How = "mean",
    weights: Weights = "equal",
    rule: RuleName = "elbow",
) -> dict[str, Any]:
    """Make a run folder of several; the arguments are those of `ensemble`.

    Returns:
        The content of `ensemble.json`.

    Raises:
        RunFolderError: fewer than two different runs, not of the same tags and tracks, or `out` is a trained run's.
    """
    import numpy as np

    from songmood.commands.scores.members import read_members
    from songmood.evaluation.ensemble import combine
    from songmood.runs.results import Thresholds, write_json, write_results
    from songmood.training.scores import SplitScores

    _refuse_places(folders, out)
    tags, validation, test = read_members(folders)
    weighting = _weighting(validation, how) if weights == "validation" else None
    chosen = weighting.weights if weighting and weighting.is_worth_it else None
    splits = {
        name: SplitScores(combine(split.scores, how, chosen), split.targets, np.arange(len(split.targets)))
        for name, split in (("validation", validation), ("test", test))
    }
    values = make_rule(rule).fit(splits["validation"].scores, validation.targets)
    track_ids = {"validation": validation.track_ids, "test": test.track_ids}
    about = _about(folders, tags, test, how, weighting, chosen)
    write_json(out / ABOUT, about)  # first: what is cut short after it is an ensemble's, and can be made again
    write_results(out, splits, Thresholds(values, rule, targets=validation.targets), tags, track_ids)
    return about


def _refuse_places(folders: Sequence[Path], out: Path) -> None:
    """Refuse members that are too few or the same, and an `out` that another run would be lost or mixed up in."""
    from songmood.evaluation.submission import PREDICTIONS

    places = [folder.resolve() for folder in folders]
    if len(folders) < 2 or out.resolve() in places:
        raise RunFolderError(
            f"{folders[0]} to {out}: expected two run folders or more, and an --out that is none of them"
        )
    if twice := [folder for folder, place in zip(folders, places, strict=True) if places.count(place) > 1]:
        raise RunFolderError(f"{twice[0]} and {twice[1]} are one run; give each run once")
    is_trained = any((out / name).exists() for name in ("checkpoints", "provenance.json"))
    if is_trained or ((out / PREDICTIONS).exists() and not (out / ABOUT).exists()):
        raise RunFolderError(f"--out {out}: holds a run that is no ensemble; give a new folder, or an ensemble's")


def _weighting(validation: Members, how: How) -> Weighting:
    from songmood.evaluation.ensemble import choose_weights
    from songmood.progress import progress

    with progress("choosing weights", FOLDS, "folds") as meter:
        return choose_weights(validation.scores, validation.targets, how, folds=FOLDS, on_done=meter.advance)


def _about(
    folders: Sequence[Path],
    tags: Sequence[str],
    test: Members,
    how: How,
    weighting: Weighting | None,
    chosen: Floats | None,
) -> dict[str, Any]:
    """What ensemble.json says."""
    from songmood.evaluation.ensemble import by_size, disagreement
    from songmood.progress import progress

    num = len(folders)
    with progress("scoring ensembles of each size", num, "sizes") as meter:
        sizes = by_size(test.scores, test.targets, how, on_done=meter.advance)
    return {
        "how": how,
        "weights": dict(zip(map(str, folders), ([1 / num] * num if chosen is None else chosen.tolist()), strict=True)),
        "validation": None if weighting is None else asdict(weighting) | {"weights": weighting.weights.tolist()},
        "disagreement": dict(zip(tags, disagreement(test.scores).tolist(), strict=True)),
        "by_size": [asdict(size) for size in sizes],
    }


def _print(out: Path, about: dict[str, Any]) -> None:
    from songmood.commands.scores.tables import console, table_of
    from songmood.tag_names import short_names

    output = console()
    weights = table_of("member", "weight")
    for member, weight in about["weights"].items():
        weights.add_row(member, f"{weight:.3f}")
    sizes = table_of("members", "PR-AUC-macro", "95% interval", "of ensembles")
    for size in about["by_size"]:
        ends = f"{size['low']:.4f} .. {size['high']:.4f}"
        sizes.add_row(str(size["size"]), f"{size['pr_auc']:.4f}", ends, str(size["num_subsets"]))
    names = short_names(list(about["disagreement"]))
    pairs = [pair for pair in zip(about["disagreement"].values(), names, strict=True) if pair[0] == pair[0]]  # no NaN
    disputed = table_of("most disputed tags", "1 - rank correlation")
    for value, name in sorted(pairs, reverse=True)[:NUM_DISPUTED]:
        disputed.add_row(name, f"{value:.3f}")
    output.print(weights, sizes, disputed)
    if found := about["validation"]:
        verdict = "taken" if found["pr_auc"] > found["equal_pr_auc"] else "not better, and so equal ones are taken"
        scored = f"validation PR-AUC-macro {found['pr_auc']:.4f} cross-fitted, {found['equal_pr_auc']:.4f} equal"
        output.print(f"chosen weights: {scored}: {verdict}", soft_wrap=True)
    output.print(f"{out}: a run folder; `songmood report` puts it beside others", soft_wrap=True)
