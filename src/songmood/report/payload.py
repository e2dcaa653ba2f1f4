"""What the page's charts are drawn from: plain lists and numbers, each stored once, ready for JSON."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.evaluation.curves import Curves
from songmood.report.calibration import reliability
from songmood.report.curvepoints import curve_points
from songmood.report.paper import METRIC_NAMES, METRICS
from songmood.report.rows import Scored
from songmood.report.runfolder import Split
from songmood.report.table import TableRow
from songmood.tag_names import short_names

DIGITS = 5  # of a number in a chart
TAG_BINS, ALL_BINS = 8, 20  # bins of a tag's calibration, and of all tags' together


def payload(rows: Sequence[TableRow], results: Sequence[Scored], tags: Sequence[str]) -> dict[str, Any]:
    """All charts' data.

    Args:
        rows: of the table.
        results: in the order of the page.
        tags: (L,) in column order.
    """
    return {
        "tags": list(short_names(tags)),
        "metrics": [{"key": metric, "name": METRIC_NAMES[metric]} for metric in METRICS],
        "table": [_table_row(row) for row in rows if row.members or row.paper],
        "truth": cooccurrence(results[0].result.test.targets) if results else [],
        "results": [_result(scored, len(tags)) for scored in results],
    }


def cooccurrence(claims: NDArray[np.bool_]) -> list[int]:
    """How many tracks have both of two tags, from (N, L): the upper triangle by rows, the diagonal in it."""
    counts = claims.astype(np.float64)  # exact for counts, and a matrix product that is fast
    both = (counts.T @ counts).astype(np.int64)
    return [int(count) for count in both[np.triu_indices(both.shape[0])]]


def _table_row(row: TableRow) -> dict[str, Any]:
    ours = {
        metric: {
            "mean": _number(estimate.mean),
            "low": _number(estimate.low),
            "high": _number(estimate.high),
            "seeds": [_number(value) for value in estimate.seeds],
        }
        for metric, estimate in row.estimates.items()
    }
    paper = {} if row.paper is None else dict(zip(METRICS, row.paper.figures, strict=True))
    return {"name": row.label, "paper": paper, "ours": ours}


def _result(scored: Scored, num_tags: int) -> dict[str, Any]:
    result = scored.result
    per_tag = [
        [_number(values["pr_auc"]), _number(values["roc_auc"]), int(values["positives"])]
        for values in result.evaluation.tags.values()
    ]
    thresholds = [None] * num_tags if result.thresholds is None else result.thresholds.thresholds.tolist()
    table = result.thresholds
    everything = reliability(result.test.scores.ravel(), result.test.targets.ravel(), ALL_BINS)
    return {
        "label": scored.label,
        "series": {name: list(columns) for name, columns in sorted(scored.entry.run.series.items())},
        "rule": _only(table.rule if table else ()),
        "fittedOn": result.fitted_on,
        "tracks": len(result.test.targets),
        "perTag": per_tag,
        "thresholds": [_number(threshold) for threshold in thresholds],
        "fitted": [] if table is None else list(table.positives),
        "validation": _curves(result.validation, thresholds, with_precision=False),
        "test": _curves(result.test, thresholds, with_precision=True),
        "calibration": [_bins(result.test, tag) for tag in range(num_tags)],
        "calibrationOfAll": _listed(everything.score, everything.positives, everything.count),
        "decided": cooccurrence(result.test.decisions),
    }


def _curves(split: Split | None, thresholds: Sequence[float | None], *, with_precision: bool) -> list[dict[str, Any]]:
    if split is None:
        return []
    curves = Curves.of(split.scores, split.targets)
    return [
        curve_points(curves, tag, threshold, with_precision=with_precision) for tag, threshold in enumerate(thresholds)
    ]


def _bins(split: Split, tag: int) -> list[list[float]]:
    found = reliability(split.scores[:, tag], split.targets[:, tag], TAG_BINS)
    return _listed(found.score, found.positives, found.count)


def _listed(*columns: NDArray[Any]) -> list[list[float]]:
    return [[_number(value) or 0 for value in column.tolist()] for column in columns]


def _only(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _number(value: float | None) -> float | None:
    """Rounded; null for what is undefined or infinite."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if isinstance(value, int) else float(f"{value:.{DIGITS}g}")
