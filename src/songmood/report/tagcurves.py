"""The charts of one tag of one run: its ROC and precision-recall curves, and its calibration."""

from collections.abc import Iterator, Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from songmood.evaluation.curves import Booleans, Curves, Floats, Integers
from songmood.report.charts import TEST, VALIDATION, Chart, Shown, dashed, dots, figure, line, rounded
from songmood.report.rows import Scored
from songmood.report.runfolder import Result

TOLERANCE = 0.005  # of the unit square: a pixel or two
TAG_BINS, ALL_BINS = 8, 20  # of a tag's calibration, and of all tags' together
Z = 1.96  # 95 % of a normal distribution
UNIT = [-0.02, 1.02]


def roc_chart(results: Sequence[Scored]) -> Chart:
    """The validation curve with the threshold's point, an elbow's dropped on the chord, and how test came out."""
    text = "score ≥ %{text}: finds %{y:.1%}, and %{x:.1%} of the others"
    square = {"scaleanchor": "x", "constraintoward": "top"}
    shown = figure(
        dashed(name="chord", x=[0, 1], y=[0, 1]),
        line(TEST, 1.5, f"test, {text}", name="test"),
        dots(TEST, 11, "circle-open", name="same threshold"),
        line(VALIDATION, 2.5, f"validation, {text}", name="validation"),
        line(VALIDATION, line={"color": VALIDATION, "dash": "dot"}, name="distance", showlegend=False),
        dots(VALIDATION, 11),
        height=430,
        showlegend=True,
        xaxis={"title": {"text": "false positive rate"}, "range": UNIT, "constrain": "domain"},
        yaxis={"title": {"text": "true positive rate"}, "range": UNIT, "constrain": "domain", **square},
    )
    return Chart(shown, ("run", "tag"), [_roc_values(scored.result) for scored in results])


def _roc_values(result: Result) -> list[list[Shown]]:
    """What the six traces show, for each tag."""
    fit_on = result.validation
    splits = (
        Curves.of(result.test.scores, result.test.targets),
        None if fit_on is None else Curves.of(fit_on.scores, fit_on.targets),
    )
    every = []
    for tag, threshold in enumerate(_thresholds(result)):
        (test, at_test), (fit, at_fit) = (_roc(curves, tag, threshold) for curves in splits)
        named = at_fit and {**at_fit, "name": result.rule}
        every.append([{}, test, at_test, fit, _drop(at_fit) if result.rule == "elbow" else None, named])
    return every


def _roc(curves: Curves | None, tag: int, threshold: float) -> tuple[Shown, Shown]:
    if curves is None or not curves.has_both_classes[tag]:
        return None, None
    score, hits, misses = _points(curves, tag)
    x, y = np.append(0, misses) / curves.negatives[tag], np.append(0, hits) / curves.positives[tag]
    return _thinned(x, y, np.append(np.inf, score), threshold)


def _drop(point: Shown) -> Shown:
    """From a point at a right angle to the chord."""
    if point is None:
        return None
    (x,), (y,) = point["x"], point["y"]
    return {"x": [x, (x + y) / 2], "y": [y, (x + y) / 2]}


def precision_recall_chart(results: Sequence[Scored]) -> Chart:
    """The test split's precision over recall, with the threshold's point and the base rate."""
    shown = figure(
        dashed(name="base rate", x=[0, 1]),
        line(TEST, 2, "score ≥ %{text}: precision %{y:.3f}, recall %{x:.3f}", name="test"),
        dots(TEST, 10, "circle-open", name="threshold"),
        height=270,
        xaxis={"title": {"text": "recall"}, "range": UNIT},
        yaxis={"title": {"text": "precision"}, "rangemode": "tozero"},
    )
    return Chart(shown, ("run", "tag"), [_precision_recall_values(scored.result) for scored in results])


def _precision_recall_values(result: Result) -> list[list[Shown]]:
    curves = Curves.of(result.test.scores, result.test.targets)
    every: list[list[Shown]] = []
    for tag, threshold in enumerate(_thresholds(result)):
        score, hits, misses = _points(curves, tag)
        recall, base = hits / max(curves.positives[tag], 1), curves.positives[tag] / len(result.test.targets)
        every.append([{"y": rounded([base, base])}, *_thinned(recall, hits / (hits + misses), score, threshold)])
    return every


def _thresholds(result: Result) -> Floats:
    """(L,); +inf where there are none."""
    return np.full(len(result.evaluation.tags), np.inf) if result.thresholds is None else result.thresholds.thresholds


def _points(curves: Curves, tag: int) -> tuple[Floats, Integers, Integers]:
    """A tag's distinct scores, descending, and the positives and negatives that score at least as much; all (K,)."""
    points = slice(curves.start[tag], curves.start[tag] + curves.num_points[tag])
    return curves.score[points], curves.true_positives[points], curves.false_positives[points]


def _thinned(x: Floats, y: Floats, score: Floats, threshold: float) -> tuple[Shown, Shown]:
    """A line of no more points than can be seen, and its point at a threshold; None where that decides nothing."""
    at = int(np.count_nonzero(score >= threshold)) - 1
    is_decided = at >= 0 and bool(np.isfinite(score[at]))
    kept = thin(np.column_stack([x, y]), max(at, 0))
    text = [float(f"{value:.3g}") if value < np.inf else "∞" for value in score[kept].tolist()]
    point = {"x": rounded(x[[at]]), "y": rounded(y[[at]])} if is_decided else None
    return {"x": rounded(x[kept]), "y": rounded(y[kept]), "text": text}, point


def thin(points: Floats, keep: int = 0) -> Integers:
    """Which of the points (K, 2) a line needs: its ends, one more, and what it would miss by more than `TOLERANCE`.

    Douglas and Peucker's way: the farthest point splits the line in two.
    """
    last = len(points) - 1
    return np.array(sorted({0, keep, last, *_missed(points, 0, keep), *_missed(points, keep, last)}))


def _missed(points: Floats, left: int, right: int) -> Iterator[int]:
    """The points between two others that a straight line would miss."""
    if right - left < 2:
        return
    along, away = points[right] - points[left], points[left + 1 : right] - points[left]
    length = np.hypot(*along)
    distance = np.abs(along[0] * away[:, 1] - along[1] * away[:, 0]) / length if length else np.hypot(*away.T)
    farthest = int(np.argmax(distance))
    if distance[farthest] > TOLERANCE:
        middle = left + 1 + farthest
        yield middle
        yield from _missed(points, left, middle)
        yield from _missed(points, middle, right)


def calibration_charts(results: Sequence[Scored]) -> tuple[Chart, Chart]:
    """What the scores say and how often the tag is there, of one tag and of all together."""
    of_tag, of_all = [], []
    for scored in results:
        test = scored.result.test
        columns = zip(test.scores.T, test.targets.T, strict=True)
        of_tag.append([_calibration_values(scores, targets, TAG_BINS) for scores, targets in columns])
        of_all.append(_calibration_values(test.scores.ravel(), test.targets.ravel(), ALL_BINS))
    return Chart(_calibration(270), ("run", "tag"), of_tag), Chart(_calibration(340), ("run",), of_all)


def _calibration(height: int) -> go.Figure:
    text = "mean score %{x:.3f}<br>%{text} have the tag: %{y:.1%}"
    return figure(
        dashed(),
        line(TEST, 1),
        line(TEST, 1.5, text, mode="lines+markers", marker={"size": 7}),
        height=height,
        xaxis={"title": {"text": "score"}, "rangemode": "tozero", "nticks": 6},
        yaxis={"title": {"text": "share with the tag"}, "rangemode": "tozero", "nticks": 6},
    )


def _calibration_values(scores: Floats, targets: Booleans, num_bins: int) -> list[Shown]:
    """The diagonal as far as it is seen, and each share with Wilson's interval, which a share of 0 or 1 has too."""
    score, positives, count = reliability(scores, targets, num_bins)
    share = positives / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    reach = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    gap = np.full(len(score), np.nan)
    ends = rounded([0, max(score.max(), (middle + reach).max())])
    intervals = np.column_stack([middle - reach, middle + reach, gap]).ravel()
    text = [f"{some} of {them}" for some, them in zip(positives.tolist(), count.tolist(), strict=True)]
    return [
        {"x": ends, "y": ends},
        {"x": rounded(np.column_stack([score, score, gap]).ravel(), 4), "y": rounded(intervals, 4)},
        {"x": rounded(score, 4), "y": rounded(share, 4), "text": text},
    ]


def reliability(scores: ArrayLike, targets: ArrayLike, num_bins: int) -> tuple[Floats, Integers, Integers]:
    """Bin scores so that each bin holds about as many.

    Args:
        scores: (N,) in [0, 1], at least one.
        targets: (N,) of 0 and 1.
        num_bins: at most so many; equal scores share a bin, so there may be fewer.

    Returns:
        For each bin, by ascending score: its mean score, how many of it have the tag, and how many there are.
    """
    scores = np.asarray(scores, dtype=np.float64)
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], np.asarray(targets, dtype=np.int64)[order]
    edges = np.linspace(0, len(ranked), num_bins, endpoint=False).astype(np.int64)
    starts = np.unique(np.searchsorted(ranked, ranked[edges], side="left"))
    count = np.diff(starts, append=len(ranked))
    return np.add.reduceat(ranked, starts) / count, np.add.reduceat(hits, starts), count
