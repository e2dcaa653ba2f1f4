from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_curve, roc_curve

from run_folders import TAGS, draw, make_run
from songmood.report.rows import ReportRow, Scored, read_entries
from songmood.report.tagcurves import (
    TOLERANCE,
    calibration_charts,
    precision_recall_chart,
    reliability,
    roc_chart,
    thin,
)


def scored(folder: Path) -> Scored:
    entries, _ = read_entries([ReportRow(folder)], skip_unreadable=False)
    return Scored(entries[0], entries[0].run.results[-1])


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
def test_a_thinned_staircase_keeps_its_ends_and_hides_less_than_a_pixel_or_two(steps: list[bool], keep: int) -> None:
    up = np.array(steps)
    points = np.column_stack([np.cumsum(~up) / max((~up).sum(), 1), np.cumsum(up) / max(up.sum(), 1)])
    keep = min(keep, len(points) - 1)
    kept = thin(points, keep)
    assert kept[0] == 0
    assert kept[-1] == len(points) - 1
    assert keep in kept
    assert (np.diff(kept) > 0).all()
    if len(kept) > 1:
        assert distances(points, kept).max() <= TOLERANCE + 1e-12


def test_a_straight_line_is_its_two_ends() -> None:
    assert thin(np.column_stack([np.linspace(0, 1, 50)] * 2)).tolist() == [0, 49]


def test_an_arc_keeps_what_can_be_seen() -> None:
    angle = np.linspace(0, np.pi / 2, 400)
    points = np.column_stack([1 - np.cos(angle), np.sin(angle)])
    kept = thin(points)
    assert len(kept) < 20
    assert distances(points, kept).max() <= TOLERANCE


def test_curves_lie_on_scikit_learns_and_end_where_they_end(tmp_path: Path) -> None:
    result = scored(make_run(tmp_path / "run", skill=1.0))
    scores, targets = result.result.test.scores[:, 2], result.result.test.targets[:, 2]
    roc = roc_chart([result]).values[0][2][1]
    assert roc is not None
    x, y, _ = roc_curve(targets, scores, drop_intermediate=False)
    exact = set(zip(x.round(3).tolist(), y.round(3).tolist(), strict=True))
    assert set(zip(roc["x"], roc["y"], strict=True)) <= exact
    assert (roc["x"][0], roc["y"][0], roc["text"][0]) == (0, 0, "∞")
    assert (roc["x"][-1], roc["y"][-1]) == (1, 1)
    base, line, _ = precision_recall_chart([result]).values[0][2]
    precision, recall, _ = precision_recall_curve(targets, scores)
    exact = set(zip(recall.round(3).tolist(), precision.round(3).tolist(), strict=True))
    assert set(zip(line["x"], line["y"], strict=True)) <= exact
    assert base["y"] == [round(targets.mean(), 3)] * 2


def test_the_threshold_makes_a_point_of_each_curve(tmp_path: Path) -> None:
    result = scored(make_run(tmp_path / "run"))
    table = result.result.thresholds
    assert table is not None
    for tag in range(len(TAGS)):
        _, test, at_test, fit, drop, at_fit = roc_chart([result]).values[0][tag]
        for split, point, line in (
            (result.result.test, at_test, test),
            (result.result.validation, at_fit, fit),
        ):
            decided, targets = split.scores[:, tag] >= table.thresholds[tag], split.targets[:, tag]
            assert point["x"] == [round((decided & ~targets).sum() / (~targets).sum(), 3)]
            assert point["y"] == [round((decided & targets).sum() / targets.sum(), 3)]
            assert (point["x"][0], point["y"][0]) in zip(line["x"], line["y"], strict=True)
        assert at_fit["name"] == "elbow"
        (x0, x1), (y0, y1) = drop["x"], drop["y"]
        assert x1 == pytest.approx(y1), "on the chord"
        assert x1 - x0 == pytest.approx(y0 - y1), "at a right angle"


def test_a_tag_that_is_never_decided_or_has_one_class_has_no_point_and_no_curve(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", earlier=None)
    targets = draw(1, 0)[1]
    targets[:, 1] = False
    np.save(folder / "targets.npy", targets)
    (folder / "metrics.json").write_text('{"test": {}}')
    lines = (folder / "thresholds.tsv").read_text().splitlines()
    lines[1] = "\t".join([lines[1].split("\t")[0], "inf", *lines[1].split("\t")[2:]])
    (folder / "thresholds.tsv").write_text("\n".join([*lines, ""]))
    never, one_class, *_ = roc_chart([scored(folder)]).values[0]
    assert never[1] is not None
    assert [never[at] for at in (2, 4, 5)] == [None, None, None]
    assert (one_class[1], one_class[2]) == (None, None)
    assert one_class[3] is not None, "it has both in validation"
    base, line, _ = precision_recall_chart([scored(folder)]).values[0][1]
    assert (base["y"], set(line["y"])) == ([0, 0], {0})


def test_a_run_without_thresholds_and_validation_has_its_test_curves(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", earlier=None)
    (folder / "thresholds.tsv").unlink()
    (folder / "validation").rename(tmp_path / "elsewhere")
    for shown in roc_chart([scored(folder)]).values[0]:
        assert [bool(trace) for trace in shown] == [False, True, False, False, False, False]


def test_bins_hold_equally_many_scores() -> None:
    score, positives, count = reliability([0.1, 0.2, 0.3, 0.4, 0.7, 0.9], [0, 1, 0, 0, 1, 1], num_bins=3)
    assert score == pytest.approx([0.15, 0.35, 0.8])
    assert positives.tolist() == [1, 0, 2]
    assert count.tolist() == [2, 2, 2]


def test_equal_scores_share_a_bin() -> None:
    score, positives, count = reliability([0.1, 0.5, 0.5, 0.5, 0.5, 0.9], [1, 0, 0, 1, 0, 1], num_bins=3)
    assert count.tolist() == [1, 5], "a cut among equal scores moves before them"
    assert score == pytest.approx([0.1, 0.58])
    assert positives.tolist() == [1, 2]
    assert reliability([0.2, 0.2, 0.2], [1, 0, 0], 8)[2].tolist() == [3]


@given(
    arrays(float, st.integers(1, 60), elements=st.sampled_from(np.linspace(0, 1, 9).tolist())),
    st.integers(1, 12),
)
def test_every_score_is_in_one_bin_and_no_tie_is_split(scores: np.ndarray, num_bins: int) -> None:
    targets = (np.arange(len(scores)) % 3 == 0).astype(int)
    score, positives, count = reliability(scores, targets, num_bins)
    assert count.sum() == len(scores)
    assert positives.sum() == targets.sum()
    assert (count > 0).all()
    assert len(count) <= num_bins
    stops = np.cumsum(count)[:-1]
    ranked = np.sort(scores)
    assert (ranked[stops - 1] < ranked[stops]).all()
    assert np.sum(score * count) == pytest.approx(scores.sum())


def test_a_share_of_none_has_wilsons_interval(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", earlier=None)
    scores = np.full((60, 4), 0.25)
    targets = np.zeros((60, 4), bool)
    targets[:6, 0] = True
    np.save(folder / "predictions.npy", scores)
    np.save(folder / "targets.npy", targets)
    (folder / "metrics.json").write_text('{"test": {}}')
    of_tag, of_all = calibration_charts([scored(folder)])
    # Wilson, z = 1.96, of 6 in 60: 0.0466 to 0.2015; of 0 in 60: 0 to 3.8416 / 63.8416 = 0.0602
    for tag, ends in ((0, [0.0466, 0.2015]), (1, [0, 0.0602])):
        diagonal, interval, shares = of_tag.values[0][tag]
        assert interval["y"][:2] == pytest.approx(ends, abs=1e-4)
        assert interval["x"][:2] == [0.25, 0.25]
        assert diagonal["x"] == [0, 0.25]
        assert (shares["x"], shares["text"]) == ([0.25], [f"{6 * (tag == 0)} of 60"])
    assert of_all.values[0][2]["text"] == ["6 of 240"]
