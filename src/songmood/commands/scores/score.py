"""`songmood score`: a submission's metrics, as the task's organisers compute them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from songmood.commands.scores.truth import AnyScaleOption, TagsOption, TruthOption

if TYPE_CHECKING:
    from rich.table import Table

    from songmood.evaluation.bootstrap import Intervals
    from songmood.evaluation.metrics import Evaluation


def score(
    predictions: Annotated[Path, typer.Argument(help="Scores, a .npy matrix (tracks, tags).")],
    truth: TruthOption,
    decisions: Annotated[Path | None, typer.Option(help="Decisions, a bool .npy matrix: for F1 and its kin.")] = None,
    tags: TagsOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the organisers' results TSV here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write everything here, per tag too.")] = None,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples of tracks for 95 % intervals, such as 1000.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    per_tag: Annotated[bool, typer.Option("--per-tag", help="Print each tag's metrics, too.")] = False,
    any_scale: AnyScaleOption = False,
) -> None:
    """Score a submission: ROC-AUC, PR-AUC, and with decisions precision, recall and F1, macro and micro."""
    from songmood.commands.scores.truth import read_decisions_for, read_scores_for, read_truth
    from songmood.evaluation.bootstrap import bootstrap as resample
    from songmood.evaluation.metrics import evaluate
    from songmood.evaluation.results import write_results
    from songmood.progress import progress
    from songmood.runs.results import write_json

    files = [predictions, *([decisions] if decisions else [])]
    true = read_truth(truth, tags, files)
    scores = read_scores_for(predictions, true, any_scale=any_scale)
    chosen = read_decisions_for(decisions, true) if decisions else None
    evaluation, intervals = evaluate(scores, true.targets, chosen, true.tags), None
    if bootstrap:
        with progress("bootstrap", bootstrap, "resamples") as meter:
            intervals = resample(
                scores, true.targets, chosen, true.tags, resamples=bootstrap, seed=seed, on_done=meter.advance
            )
    if out:
        write_results(out, evaluation.summary)
    if json_file:
        write_json(json_file, evaluation.to_dict() | ({"intervals": _plain(intervals, seed)} if intervals else {}))
    _print(evaluation, intervals, per_tag=per_tag)


def _plain(intervals: Intervals, seed: int) -> dict[str, Any]:
    settings = {"resamples": intervals.resamples, "level": intervals.level, "seed": seed}
    return settings | intervals.summary | {"tags": intervals.tags}


def _print(evaluation: Evaluation, intervals: Intervals | None, *, per_tag: bool) -> None:
    from songmood.commands.scores.tables import console, table_of
    from songmood.evaluation.results import organisers_rows
    from songmood.tag_names import short_names

    output = console()
    table = table_of("", "value")
    table.title = f"{evaluation.num_tracks:,} tracks, {len(evaluation.tags)} tags"
    ends: dict[str, str] = {}
    if intervals:
        table.add_column(f"{intervals.level:.0%} interval", justify="right")
        ends = {n: f"{low:.4f} .. {high:.4f}" for n, (low, high) in organisers_rows(intervals.summary).items()}
    for name, value in organisers_rows(evaluation.summary).items():
        table.add_row(name, f"{value:.6f}", *filter(None, [ends.get(name)]))
    output.print(table)
    if evaluation.left_out:
        found = f"{len(evaluation.left_out)} tags without both classes are left out of macro"
        output.print(f"{found}: {', '.join(evaluation.left_out)}", style="yellow")
    if per_tag:
        output.print(_tag_table(evaluation, intervals, short_names(list(evaluation.tags))))


def _tag_table(evaluation: Evaluation, intervals: Intervals | None, names: tuple[str, ...]) -> Table:
    from songmood.commands.scores.tables import table_of
    from songmood.evaluation.results import ROWS

    present = next(iter(evaluation.tags.values()))
    headings = {metric: heading for metric, heading in ROWS.items() if metric in present}
    table = table_of("tag", "positives", *headings.values())
    for name, (tag, values) in zip(names, evaluation.tags.items(), strict=True):
        cells = [f"{values[metric]:.3f}" for metric in headings]
        if intervals:
            pairs = (intervals.tags[tag][metric] for metric in headings)
            cells = [f"{cell} ({low:.2f}..{high:.2f})" for cell, (low, high) in zip(cells, pairs, strict=True)]
        table.add_row(name, f"{values['positives']:,.0f}", *cells)
    return table
