"""`songmood ensemble`: several submissions' scores as one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from songmood.errors import SubmissionError


class How(StrEnum):
    """A way to combine; `rank` where the models' scales differ."""

    mean = "mean"
    rank = "rank"
    logit = "logit"


def ensemble(
    predictions: Annotated[list[Path], typer.Argument(help="Scores, .npy matrices (tracks, tags) of the same tracks.")],
    out: Annotated[Path, typer.Option(help="Write the combined scores here, float64.")],
    how: Annotated[How, typer.Option(help="Mean of the scores, of each tag's ranks, or of the logits.")] = How.mean,
) -> None:
    """Combine the scores of several models into one submission's."""
    from songmood.commands.truth import refuse_other_columns
    from songmood.evaluation.ensemble import combine
    from songmood.evaluation.submission import read_scores, refuse_other_shape, write_matrix

    if out.suffix != ".npy":
        raise SubmissionError(f"--out {out}: expected a name that ends in .npy")
    refuse_other_columns(predictions)
    any_scale = how is How.rank
    first, *others = ((path, read_scores(path, any_scale=any_scale)) for path in predictions)
    for path, scores in others:
        refuse_other_shape(scores, str(path), first[1], str(first[0]))
    combined = combine([first[1], *(scores for _, scores in others)], how.value)
    write_matrix(out, combined)
    tracks, tags = combined.shape
    typer.echo(f"{out}: {how.value} of {len(predictions)} submissions, {tracks:,} tracks, {tags} tags")
