"""The PNG pictures of a run: learning curves, areas per tag, elbows on the ROC curves.

They use Matplotlib's figures directly, without pyplot: no global state, no display, safe in a worker process.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from songmood.evaluation.curves import Curves
from songmood.runs.results import read_series
from songmood.tag_names import short_names

INK, GREY, LINE = "#1b2130", "#5c6675", "#d5dae2"
BLUE, PALE_BLUE, ORANGE = "#0b62a8", "#8fbce3", "#c2500a"  # told apart by colour-blind people, and in print
DOTS_PER_INCH = 130
COLUMNS_OF_CURVES = 8


def learning_curves(metrics_csv: Path, out: Path) -> None:
    """Draw losses, ROC-AUC and PR-AUC over epochs.

    Args:
        metrics_csv: a run's `metrics.csv`.
        out: the PNG file.

    Raises:
        RunFolderError: the file is missing, has no epoch, or holds an entry that is no number.
    """
    series = read_series(metrics_csv)
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    losses, roc, pr = figure.subplots(1, 3)
    for axes, title, names in (
        (losses, "Loss (binary cross-entropy)", ("train/loss", "validation/loss")),
        (roc, "ROC-AUC, macro", ("validation/roc_auc_macro",)),
        (pr, "PR-AUC, macro", ("validation/pr_auc_macro",)),
    ):
        for name in names:
            epochs, values = series.get(name, ([], []))
            colour = ORANGE if name.startswith("train") else BLUE
            axes.plot(epochs, values, color=colour, marker="o", markersize=3, label=name.split("/")[0])
        _style(axes, title, "epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    losses.legend(frameon=False)
    _save(figure, out)


def tag_chart(evaluation: Mapping[str, Any], out: Path) -> None:
    """Draw each tag's average precision, with its base rate, and its ROC-AUC, the best tag first.

    Args:
        evaluation: one split of `metrics.json`: `num_tracks` and, per tag, `pr_auc`, `roc_auc`, `positives`.
        out: the PNG file.
    """
    tags = {
        name: (_number(v["pr_auc"]), _number(v["roc_auc"]), v["positives"] / evaluation["num_tracks"])
        for name, v in zip(short_names(list(evaluation["tags"])), evaluation["tags"].values(), strict=True)
    }
    figure = Figure(figsize=(10, 1.4 + 0.19 * len(tags)), layout="constrained")
    precision, area = figure.subplots(1, 2)
    _bars(precision, {name: (values[0], values[2]) for name, values in tags.items()})
    _bars(area, {name: (values[1], 0.5) for name, values in tags.items()})
    _style(precision, "Average precision; the tick is the tag's base rate", "")
    _style(area, "ROC-AUC; the tick is chance", "")
    area.set_xlim(0, 1)
    _save(figure, out)


def elbow_curves(scores: ArrayLike, targets: ArrayLike, thresholds: ArrayLike, tags: Sequence[str], out: Path) -> None:
    """Draw the ROC curve of every tag with the chord and the point at its threshold.

    Args:
        scores: (N, L) of the set on which the thresholds were fitted.
        targets: (N, L) of 0 and 1.
        thresholds: (L,), +inf for a tag that is never decided.
        tags: L names.
        out: the PNG file.

    Raises:
        SubmissionError: scores and targets do not fit each other.
    """
    curves = Curves.of(scores, targets)
    columns = min(COLUMNS_OF_CURVES, len(tags))
    rows = -(-len(tags) // columns)
    figure = Figure(figsize=(1.5 * columns + 0.3, 1.65 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    stops = curves.start + curves.num_points
    for tag, (name, threshold) in enumerate(
        zip(short_names(tags), np.asarray(thresholds, dtype=np.float64), strict=True)
    ):
        points = slice(curves.start[tag], stops[tag])
        x = np.append(0, curves.false_positives[points]) / max(curves.negatives[tag], 1)
        y = np.append(0, curves.true_positives[points]) / max(curves.positives[tag], 1)
        at = int(np.count_nonzero(curves.score[points] >= threshold))
        _curve(grid[tag], x, y, at if curves.has_both_classes[tag] and np.isfinite(threshold) else None)
        grid[tag].set_title(_abridged(name, 20), fontsize=8, color=INK, pad=3, parse_math=False)
    for empty in grid[len(tags) :]:
        empty.set_axis_off()
    _save(figure, out)


def _bars(axes: Axes, values: Mapping[str, tuple[float, float]]) -> None:
    """Horizontal bars, the largest on top, NaN last, and a tick on each where chance would be."""
    order = sorted(values, key=lambda name: (np.isnan(values[name][0]), -np.nan_to_num(values[name][0]), name))
    places = np.arange(len(order))
    axes.barh(places, [np.nan_to_num(values[name][0]) for name in order], color=PALE_BLUE, height=0.7)
    axes.scatter([values[name][1] for name in order], places, marker="|", s=60, color=INK, zorder=3)
    labels = [_abridged(name, 32) + (" (one class)" if np.isnan(values[name][0]) else "") for name in order]
    axes.set_yticks(places, labels, fontsize=8, parse_math=False)
    axes.set_ylim(len(order) - 0.3, -0.7)


def _curve(axes: Axes, x: ArrayLike, y: ArrayLike, at: int | None) -> None:
    """One ROC curve, its chord and, dropped on the chord, the point number `at`."""
    x, y = np.asarray(x), np.asarray(y)
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8)
    axes.plot(x, y, color=BLUE, linewidth=1.2)
    if at is not None:
        foot = (x[at] + y[at]) / 2
        axes.plot((x[at], foot), (y[at], foot), color=ORANGE, linewidth=1)
        axes.plot(x[at], y[at], "o", color=ORANGE, markersize=3.5)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=(), yticks=(), aspect="equal")
    axes.spines[:].set_color(LINE)


def _style(axes: Axes, title: str, below: str) -> None:
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(below, color=GREY)
    axes.tick_params(colors=GREY, labelsize=8)
    axes.grid(axis="x" if not below else "both", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)


def _save(figure: Figure, out: Path) -> None:
    """Write the PNG whole or not at all; the same picture gives the same bytes."""
    partial = out.with_name(f".{out.name}.partial")
    with warnings.catch_warnings():  # of a tag in a script that the font lacks
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        FigureCanvasAgg(figure).figure.savefig(partial, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    partial.replace(out)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _abridged(name: str, width: int) -> str:
    """A name that leaves room for the picture."""
    return name if len(name) <= width else f"{name[: width - 1]}…"
