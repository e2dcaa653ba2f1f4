"""The tables and the picture of an ablation, from whatever runs are finished.

    python -m benchmarks.ablation_table [--folder results/ablation] [--test] [--picture ablation.png]

Validation scores by default, which are what is chosen by; `--test` shows test scores, to be read once, at the end. An
interval is of a difference on the same tracks: both rows on the same resamples, each the mean of its seeds.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ablation import FULL, OTHERS, PAPER, RECURRENT, Job, recipes
from songmood.evaluation.bootstrap import replicates, spread
from songmood.evaluation.curves import Floats
from songmood.evaluation.ensemble import by_size

RESAMPLES, Z = 1000, 1.96
MOST_SEEDS = 20
METRICS = ("pr_auc_macro", "roc_auc_macro")


@dataclass(frozen=True)
class Row:
    """The finished seeds of a model and a recipe.

    Attributes:
        model: an option of the group `model`.
        recipe: see `Job`.
        folders: of the split that is shown, one a seed.
        seeds: (S, 2) PR-AUC and ROC-AUC, macro.
        drawn: (2, R) their means over seeds on resampled tracks.
    """

    model: str
    recipe: str
    folders: tuple[Path, ...]
    seeds: Floats
    drawn: Floats

    @property
    def baseline(self) -> tuple[str, str]:
        """Which row it is compared with: the full recipe where it has most parts, else the paper's."""
        if self.model in OTHERS:
            return RECURRENT[0], FULL
        return self.model, FULL if self.recipe.startswith(f"{FULL}-") else PAPER


def read_rows(root: Path, split: str) -> dict[tuple[str, str], Row]:
    """Every row with a finished run, in the table's order."""
    found = {}
    for model in (*RECURRENT, *OTHERS):
        for recipe in recipes() if model in RECURRENT else [FULL]:
            jobs = [Job(model, recipe, seed) for seed in range(MOST_SEEDS)]
            runs = [job.folder(root) for job in jobs if job.is_finished(root)]
            if runs:
                found[model, recipe] = _read_row(model, recipe, runs, split)
    return found


def _read_row(model: str, recipe: str, runs: Sequence[Path], split: str) -> Row:
    folders = tuple(run if split == "test" else run / split for run in runs)
    scored = [json.loads((run / "metrics.json").read_text(encoding="utf-8"))[split] for run in runs]
    drawn = [replicates(*read_scores(folder), None, resamples=RESAMPLES, pooled=False) for folder in folders]
    seeds = np.array([[metrics[name] for name in METRICS] for metrics in scored])
    return Row(model, recipe, folders, seeds, np.array([[one[name] for name in METRICS] for one in drawn]).mean(axis=0))


def read_scores(folder: Path) -> tuple[Floats, Floats]:
    """Scores and targets of a split, (N, L) each."""
    return np.load(folder / "predictions.npy"), np.load(folder / "targets.npy")


def table(rows: Mapping[tuple[str, str], Row]) -> str:
    """Markdown: each row with its SD over seeds, and what it has more than the row that it is compared with."""
    lines = [
        "| network | recipe | seeds | PR-AUC | ROC-AUC | PR-AUC more than | by (95 % interval) |",
        "|" + "---|" * 7,
    ]
    for row in rows.values():
        areas = [f"{mean:.3f} ± {deviation:.3f}" for mean, deviation in zip(*_moments(row.seeds), strict=True)]
        lines.append(
            "| " + " | ".join([row.model, row.recipe, str(len(row.seeds)), *areas, *_versus(row, rows)]) + " |"
        )
    return "\n".join(lines).replace(" ± nan", "")


def _moments(seeds: Floats) -> tuple[Floats, Floats]:
    deviation = seeds.std(axis=0, ddof=1) if len(seeds) > 1 else np.full(seeds.shape[1], np.nan)
    return seeds.mean(axis=0), deviation


def _versus(row: Row, rows: Mapping[tuple[str, str], Row]) -> tuple[str, str]:
    other = rows.get(row.baseline)
    if other is None or other is row:
        return "", ""
    difference = row.seeds[:, 0].mean() - other.seeds[:, 0].mean()
    reach = Z * spread(row.drawn[0] - other.drawn[0])
    return " ".join(row.baseline), f"{difference:+.3f} ({difference - reach:+.3f} .. {difference + reach:+.3f})"


def ensembles(row: Row) -> str:
    """Markdown: PR-AUC of equally weighted ensembles of 1, 2, ... of a row's seeds."""
    scores, targets = zip(*map(read_scores, row.folders), strict=True)
    lines = ["| members | PR-AUC | 95 % interval | ensembles |", "|" + "---|" * 4]
    for size in by_size(scores, targets[0]):
        ends = f"{size.low:.3f} .. {size.high:.3f}"
        lines.append(f"| {size.size} | {size.pr_auc:.3f} | {ends} | {size.num_subsets} |")
    return "\n".join(lines)


def draw(rows: Mapping[tuple[str, str], Row], path: Path) -> None:
    """A dot for each seed and a line for their mean, by model and recipe."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.24 * len(rows)), layout="constrained")
    for place, row in enumerate(rows.values()):
        colour = "tab:blue" if row.recipe == FULL else "black" if row.recipe == PAPER else "tab:gray"
        axes.plot(row.seeds[:, 0], [place] * len(row.seeds), "o", color=colour, markersize=4, alpha=0.6)
        axes.plot([row.seeds[:, 0].mean()] * 2, [place - 0.35, place + 0.35], color=colour, linewidth=2)
    axes.set_yticks(range(len(rows)), [f"{row.model}  {row.recipe}" for row in rows.values()], fontsize=8)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.set_xlabel("PR-AUC, macro: a dot for each seed, a line at their mean")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("results/ablation"))
    parser.add_argument("--test", action="store_true", help="test scores; by default validation's")
    parser.add_argument("--picture", type=Path, help="a .png")
    asked = parser.parse_args(arguments)
    rows = read_rows(asked.folder, "test" if asked.test else "validation")
    if not rows:
        parser.error(f"no finished run below {asked.folder}")
    print(table(rows))
    for row in rows.values():
        if row.recipe == FULL and len(row.folders) > 1:
            print(f"\nensembles of {row.model}, {row.recipe}:\n\n{ensembles(row)}")
    if asked.picture:
        draw(rows, asked.picture)


if __name__ == "__main__":
    main()
