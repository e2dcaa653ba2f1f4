"""The difference of two rows is over pairs of the same seed and split, with Student's interval, or a bootstrap's."""

from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from scipy import stats

from songmood.evaluation.comparison import compare
from songmood.runs.sweeps.differences import STUDENT, difference
from songmood.runs.sweeps.table import Job, Row

AREA = "pr_auc_macro"


def row(areas: dict[tuple[int, int], float], folder: Path | None = None) -> Row:
    """Of areas by (seed, split)."""
    return Row(
        ("model=x",),
        tuple(
            Job(folder, ("model=x",), "finished", (seed, split, None), "test", {AREA: area})
            for (seed, split), area in areas.items()
        ),
    )


def test_the_quantiles_are_students() -> None:
    assert np.allclose(STUDENT, stats.t.ppf(0.975, np.arange(1, 31)), atol=5e-5)


def test_seeds_of_one_split_are_the_units_and_those_without_a_partner_do_not_count() -> None:
    ours = {(0, 0): 0.5, (1, 0): 0.7, (2, 0): 0.6, (3, 0): 0.9}
    found = difference(row(ours), row({(0, 0): 0.4, (1, 0): 0.5, (2, 0): 0.6}), AREA)
    expected = stats.ttest_rel([0.5, 0.7, 0.6], [0.4, 0.5, 0.6]).confidence_interval(0.95)
    assert found is not None
    assert found.pairs == 3
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-5)
    assert not found.is_told_apart


def test_with_several_splits_a_split_is_the_unit() -> None:
    ours = {(seed, split): 0.5 + 0.1 * split + 0.02 * seed for seed in (0, 1) for split in (0, 1, 2)}
    theirs = {(seed, split): 0.4 + 0.05 * split for seed in (0, 1) for split in (0, 1, 2)}
    of_splits = [mean(ours[seed, split] - theirs[seed, split] for seed in (0, 1)) for split in (0, 1, 2)]
    expected = stats.ttest_1samp(of_splits, 0).confidence_interval(0.95)
    found = difference(row(ours), row(theirs), AREA)
    assert found is not None
    assert found.pairs == 6
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-5)


def test_a_single_pair_has_the_interval_of_a_bootstrap_over_its_tracks(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    targets = random.random((80, 3)) < 0.4
    places, scores = [tmp_path / "a", tmp_path / "b"], []
    for place, noise in zip(places, (0.5, 1.0), strict=True):
        place.mkdir()
        scores.append(1 / (1 + np.exp(-1.0 * targets - noise * random.normal(size=targets.shape))))
        np.save(place / "predictions.npy", scores[-1])
        np.save(place / "targets.npy", targets)
    expected = compare(*scores, targets, resamples=200).summary[AREA]
    ours, theirs = (row({(0, 0): area}, place) for area, place in zip((expected.a, expected.b), places, strict=True))
    found = difference(ours, theirs, AREA)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((expected.difference, expected.low, expected.high))


def test_rows_without_a_common_seed_and_split_are_not_compared() -> None:
    assert difference(row({(0, 0): 0.5}), row({(1, 0): 0.5}), AREA) is None
