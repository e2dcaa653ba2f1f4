"""`songmood compare`: is one submission better than another, or was it the draw of the test set?"""

from __future__ import annotations

from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from songmood.commands.scores.truth import AnyScaleOption, TagsOption, TruthOption

if TYPE_CHECKING:
    from rich.table import Table

    from songmood.evaluation.comparison import Comparison, Difference

LEVEL = 0.95
NAMES = {
    "roc_auc_macro": "ROC-AUC-macro",
    "pr_auc_macro": "PR-AUC-macro",
    "roc_auc_micro": "ROC-AUC-micro",
    "pr_auc_micro": "PR-AUC-micro",
}


def compare(
    first: Annotated[Path, typer.Argument(metavar="A.npy", help="Scores of A (tracks, tags).")],
    second: Annotated[Path, typer.Argument(metavar="B.npy", help="Scores of B, same tracks and tags.")],
    truth: TruthOption,
    tags: TagsOption = None,
    bootstrap: Annotated[int, typer.Option(min=2, help="Resamples of tracks.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all differences here.")] = None,
    any_scale: AnyScaleOption = False,
) -> None:
    """Compare two submissions by a paired bootstrap over tracks; p-values per tag are Holm-corrected."""
    from songmood.commands.scores.truth import read_scores_for, read_truth
    from songmood.evaluation.comparison import compare as compare_scores
    from songmood.progress import progress
    from songmood.runs.results import write_json

    true = read_truth(truth, tags, [first, second])
    a, b = (read_scores_for(path, true, any_scale=any_scale) for path in (first, second))
    with progress("bootstrap", bootstrap, "resamples") as meter:
        comparison = compare_scores(
            a, b, true.targets, true.tags, resamples=bootstrap, seed=seed, level=LEVEL, on_done=meter.advance
        )
    if json_file:
        write_json(json_file, {"a": str(first), "b": str(second), "seed": seed, **asdict(comparison)})
    _print(comparison, first.name, second.name)


def _print(comparison: Comparison, a: str, b: str) -> None:
    from songmood.commands.scores.tables import console

    output = console()
    output.print(f"A: {a}\nB: {b}")
    output.print(_summary_table(comparison), _tag_table(comparison))
    if comparison.left_out:
        output.print(f"left out, for want of both classes: {', '.join(comparison.left_out)}", style="yellow")


def _summary_table(comparison: Comparison) -> Table:
    from songmood.commands.scores.tables import table_of

    table = table_of("", "A", "B", "A - B", f"{comparison.level:.0%} interval", "p")
    for name, found in comparison.summary.items():
        ends = f"{found.low:+.4f} .. {found.high:+.4f}"
        table.add_row(
            NAMES[name],
            f"{found.a:.6f}",
            f"{found.b:.6f}",
            f"{found.difference:+.6f}",
            ends,
            _p(found),
            style=_style(found),
        )
    return table


def _tag_table(comparison: Comparison) -> Table:
    from songmood.commands.scores.tables import table_of
    from songmood.tag_names import short_names

    table = table_of("tag", "ROC-AUC A - B", "interval", "p", "PR-AUC A - B", "interval", "p")
    table.caption = "p after Holm's correction over all tags"
    for name, found in zip(short_names(list(comparison.tags)), comparison.tags.values(), strict=True):
        cells = []
        for difference in (found["roc_auc"], found["pr_auc"]):
            ends = f"{difference.low:+.3f}..{difference.high:+.3f}"
            cells += [f"{difference.difference:+.4f}", ends, _p(difference)]
        table.add_row(name, *cells, style=_style(found["roc_auc"]) or _style(found["pr_auc"]))
    return table


def _p(found: Difference) -> str:
    if isnan(found.p_corrected):
        return "–"
    return "< 0.0001" if found.p_corrected < 1e-4 else f"{found.p_corrected:.4f}"


def _style(found: Difference) -> str:
    return "bold" if found.p_corrected < 1 - LEVEL else ""
