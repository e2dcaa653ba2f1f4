"""Curves of a tag as few points as show them: what the page draws from."""

import heapq
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.evaluation.curves import Curves, Floats, Integers

MAX_POINTS = 40  # a chart is some 300 pixels wide
TOLERANCE = 0.004  # of the unit square: about a pixel


def curve_points(curves: Curves, tag: int, threshold: float | None, *, with_precision: bool) -> dict[str, Any]:
    """A tag's curve, thinned.

    Args:
        curves: of all tags.
        tag: which one.
        threshold: its point is kept; None where there is none.
        with_precision: keep what the precision-recall curve needs, too.

    Returns:
        `fp` and `tp`, counts of tracks decided at each point; `score` of the point; `at`, which point the threshold
        makes, None where it decides nothing; `positives` and `negatives`.
    """
    stop = curves.start[tag] + curves.num_points[tag]
    points = slice(curves.start[tag], stop)
    hits, misses, scores = curves.true_positives[points], curves.false_positives[points], curves.score[points]
    at = -1 if threshold is None else int(np.count_nonzero(scores >= threshold)) - 1
    kept = thin(_roc(curves, tag, hits, misses), at)
    if with_precision:
        kept = np.union1d(kept, thin(_precision_recall(curves, tag, hits, misses), at))
    return {
        "fp": misses[kept].tolist(),
        "tp": hits[kept].tolist(),
        "score": [float(f"{score:.4g}") for score in scores[kept]],
        "at": int(np.searchsorted(kept, at)) if at >= 0 else None,
        "positives": int(curves.positives[tag]),
        "negatives": int(curves.negatives[tag]),
    }


def thin(points: Floats, keep: int = -1) -> Integers:
    """Which of the points (K, 2) to keep: the ends, one more, and those that the line would miss most.

    Douglas and Peucker's way, farthest point first, until all others are within `TOLERANCE` or there are `MAX_POINTS`.

    Args:
        points: in the order of the line.
        keep: a point to keep in any event; -1 for none.
    """
    kept = sorted({0, len(points) - 1} | ({keep} if keep >= 0 else set()))
    heap: list[tuple[float, int, int, int]] = []
    for left, right in pairwise(kept):
        _push_farthest(heap, points, left, right)
    while heap and len(kept) < MAX_POINTS:
        _, farthest, left, right = heapq.heappop(heap)
        kept.append(farthest)
        _push_farthest(heap, points, left, farthest)
        _push_farthest(heap, points, farthest, right)
    return np.asarray(sorted(kept), dtype=np.int64)


def _push_farthest(heap: list[tuple[float, int, int, int]], points: Floats, left: int, right: int) -> None:
    """Queue the point between two others that lies farthest from their line, where that can be seen."""
    if right - left < 2:
        return
    along = points[right] - points[left]
    away = points[left + 1 : right] - points[left]
    length = np.hypot(*along)
    distance = np.abs(along[0] * away[:, 1] - along[1] * away[:, 0]) / length if length else np.hypot(*away.T)
    farthest = int(np.argmax(distance))
    if distance[farthest] > TOLERANCE:
        heapq.heappush(heap, (-float(distance[farthest]), left + 1 + farthest, left, right))


def _roc(curves: Curves, tag: int, hits: Integers, misses: Integers) -> NDArray[np.float64]:
    return np.column_stack([misses / max(curves.negatives[tag], 1), hits / max(curves.positives[tag], 1)])


def _precision_recall(curves: Curves, tag: int, hits: Integers, misses: Integers) -> NDArray[np.float64]:
    return np.column_stack([hits / max(curves.positives[tag], 1), hits / (hits + misses)])
