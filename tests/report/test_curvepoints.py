from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songmood.evaluation.curves import Curves
from songmood.report.curvepoints import MAX_POINTS, TOLERANCE, curve_points, thin


def distances(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """How far each point lies from the line through the kept points next to it."""
    away = []
    for left, right in pairwise(kept):
        (x0, y0), (x1, y1) = points[left], points[right]
        length = np.hypot(x1 - x0, y1 - y0)
        for x, y in points[left : right + 1]:
            cross = abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
            away.append(cross / length if length else np.hypot(x - x0, y - y0))
    return np.array(away)


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.integers(0, 400))
def test_a_thinned_staircase_keeps_its_ends_and_hides_less_than_a_pixel(steps: list[bool], keep: int) -> None:
    up = np.array(steps)
    points = np.column_stack([np.cumsum(~up) / max((~up).sum(), 1), np.cumsum(up) / max(up.sum(), 1)])
    keep = min(keep, len(points) - 1)
    kept = thin(points, keep)
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    assert keep in kept
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= MAX_POINTS
    if len(kept) < MAX_POINTS and len(kept) > 1:
        assert distances(points, kept).max() <= TOLERANCE + 1e-12


def test_a_straight_line_is_its_two_ends() -> None:
    assert thin(np.column_stack([np.linspace(0, 1, 50)] * 2)).tolist() == [0, 49]


def test_an_arc_keeps_what_can_be_seen() -> None:
    angle = np.linspace(0, np.pi / 2, 400)
    points = np.column_stack([1 - np.cos(angle), np.sin(angle)])
    kept = thin(points)
    assert len(kept) < MAX_POINTS / 2
    assert distances(points, kept).max() <= TOLERANCE


def test_the_point_of_the_threshold_is_kept_and_pointed_at() -> None:
    rng = np.random.default_rng(0)
    scores, targets = rng.random((500, 1)), rng.random((500, 1)) < 0.3
    threshold = float(np.sort(scores[:, 0])[137])
    found = curve_points(Curves.of(scores, targets), 0, threshold, with_precision=True)
    decided = scores[:, 0] >= threshold
    assert found["tp"][found["at"]] == (decided & targets[:, 0]).sum()
    assert found["fp"][found["at"]] == (decided & ~targets[:, 0]).sum()
    assert found["score"][found["at"]] == pytest.approx(threshold, rel=1e-3)
    assert (found["positives"], found["negatives"]) == (targets.sum(), 500 - targets.sum())


@pytest.mark.parametrize("threshold", [None, np.inf, 2.0])
def test_a_threshold_that_decides_nothing_has_no_point(threshold: float | None) -> None:
    found = curve_points(Curves.of([[0.1], [0.9]], [[0], [1]]), 0, threshold, with_precision=False)
    assert found["at"] is None
    assert (found["fp"], found["tp"]) == ([0, 1], [1, 1])


def test_a_tag_with_one_score_is_one_point() -> None:
    found = curve_points(Curves.of([[0.5]] * 4, [[0], [1], [0], [0]]), 0, 0.5, with_precision=True)
    assert (found["fp"], found["tp"], found["at"]) == ([3], [1], 0)
