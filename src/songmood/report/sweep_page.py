"""A sweep as one page: its table, the runs behind each row, learning curves as bands, differences tag by tag."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from songmood.evaluation.files import write_atomically
from songmood.report.charts import CHORD, TEST, VALIDATION, Chart, Shown, dots, escaped, figure, line, rounded
from songmood.report.page import rendered
from songmood.report.rows import seen_from
from songmood.runs.results import read_series
from songmood.runs.sweeps.differences import difference, paired
from songmood.runs.sweeps.show import HEADS
from songmood.runs.sweeps.table import RANKED_BY, Job, Row, read_sweep
from songmood.tag_names import short_names

CURVES = {  # columns of metrics.csv
    "validation/pr_auc_macro": "validation PR-AUC",
    "validation/roc_auc_macro": "validation ROC-AUC",
    "validation/loss": "validation loss",
    "train/loss": "training loss",
}


def build_sweep_page(folder: Path, path: Path) -> None:
    """Write the page of a sweep's folder; the same runs give the same bytes.

    Raises:
        RunFolderError: the folder is no sweep.
        SubmissionError: the page cannot be written.
    """
    sweep = read_sweep(folder.absolute())
    rows = [row for row in sweep.rows if row.finished]
    text = rendered(
        "sweep.html",
        {"bands": bands_chart(rows), "tags": tags_chart(rows)} if rows else {},
        name=sweep.folder.name,
        rows=[(row, None if row is sweep.rows[0] else difference(row, sweep.rows[0], RANKED_BY)) for row in sweep.rows],
        jobs=[(job, job.folder and seen_from(path.absolute().parent, job.folder)) for job in sweep.jobs],
        notes=sweep.notes,
        heads=HEADS,
        curves=CURVES.values(),
        charts_of=[row.name for row in rows],
    )
    write_atomically(path, text.encode())


def bands_chart(rows: Sequence[Row]) -> Chart:
    """Means of learning curves over a row's runs, and their SD as a band; row and curve are chosen."""
    curves = [[_band(row, column) for column in CURVES] for row in rows]
    shown = figure(
        line(TEST, 0, fill="toself", opacity=0.2, fillcolor=TEST, showlegend=False),
        line(TEST, 2, "epoch %{x}, first: %{y:.4f}", name="first"),
        line(VALIDATION, 0, fill="toself", opacity=0.2, fillcolor=VALIDATION, showlegend=False),
        line(VALIDATION, 2, "epoch %{x}, row: %{y:.4f}", name="row"),
        height=300,
        showlegend=True,
        xaxis={"title": {"text": "epoch"}, "tickformat": "d", "nticks": 8, "zeroline": False},
    )
    values = [[[*first, *own] for first, own in zip(curves[0], curves_of, strict=True)] for curves_of in curves]
    return Chart(shown, ("run", "metric"), values)


def _band(row: Row, column: str) -> list[Shown]:
    """The band's outline, forth and back, and the mean."""
    by_epoch: dict[int, list[float]] = {}
    for job in row.finished.values():
        history = job.folder and job.folder / "metrics.csv"
        if history and history.is_file():
            for epoch, value in zip(*read_series(history).get(column, ([], [])), strict=True):
                by_epoch.setdefault(epoch, []).append(value)
    if not by_epoch:
        return [None, None]
    epochs = sorted(by_epoch)
    means = np.array([np.mean(by_epoch[epoch]) for epoch in epochs])
    sds = np.array([np.std(by_epoch[epoch], ddof=1) if len(by_epoch[epoch]) > 1 else 0.0 for epoch in epochs])
    outline = {"x": [*epochs, *epochs[::-1]], "y": rounded([*(means - sds), *(means + sds)[::-1]], 5)}
    return [outline, {"x": epochs, "y": rounded(means, 5)}]


def tags_chart(rows: Sequence[Row]) -> Chart:
    """Differences of a row from the first, tag by tag, the largest on top; the row is chosen."""
    tags = list(next(iter(rows[0].finished.values())).metrics.get("tags", {}))
    values = [_tag_differences(row, rows[0], tags) for row in rows]
    shown = figure(
        line(CHORD, 1, showlegend=False),
        line(VALIDATION, 4, opacity=0.4),
        dots(VALIDATION, 9, hover="%{y}: %{x:+.4f}"),
        height=60 + 17 * len(tags),
        margin={"t": 28, "b": 8},
        xaxis={"side": "top", "zeroline": False},
        yaxis={"range": [len(tags) - 0.4, -0.6], "dtick": 1, "tickfont": {"size": 11}, "showgrid": False},
    )
    return Chart(shown, ("run",), values)


def _tag_differences(row: Row, first: Row, tags: Sequence[str]) -> list[Shown]:
    """Zero's line, the intervals and the differences; nothing for the first row itself."""
    found = []
    for name, tag in zip(escaped(short_names(tags)), tags, strict=True):

        def area(job: Job, tag: str = tag) -> float | None:
            value: float | None = job.metrics["tags"].get(tag, {}).get("pr_auc")
            return value

        if row is not first and (apart := paired(row, first, area)):
            found.append((name, apart))
    if not found:
        return [None, None, None]
    found.sort(key=lambda each: -each[1].value)
    names = [name for name, _ in found]
    ends = [end for _, apart in found for end in (apart.low, apart.high, np.nan)]
    return [
        {"x": [0, 0], "y": [names[0], names[-1]]},
        {"x": rounded(ends, 5), "y": [name for name in names for _ in range(3)]},
        {"x": rounded([apart.value for _, apart in found], 5), "y": names},
    ]
