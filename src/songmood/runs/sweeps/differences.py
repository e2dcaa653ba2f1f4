"""How far one row of a sweep is from another: paired over what is repeated, with an interval.

Pairs are jobs of the same seed and split. With several splits a split is the unit: the seeds of one share its test
tracks, so that their differences are averaged first. From two units on the interval is Student's, over units: it says
how far another seed, or another split, would move the difference. A single pair has none but that of a bootstrap over
its test tracks, which says how far other tracks would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from pathlib import Path
from statistics import NormalDist, mean, stdev

import numpy as np

from songmood.evaluation.bootstrap import replicates, spread
from songmood.evaluation.curves import Floats
from songmood.evaluation.submission import PREDICTIONS, TARGETS
from songmood.runs.sweeps.table import Job, Row

LEVEL, RESAMPLES = 0.95, 200  # which give an interval's ends to a twentieth of its width
# Student's 97.5 % quantiles for 1 to 30 degrees of freedom; beyond, the normal one is 2 % off
STUDENT = (
    *(12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281),
    *(2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860),
    *(2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423),
)


@dataclass(frozen=True)
class Difference:
    """A row minus another.

    Attributes:
        value: mean over units.
        low: of the interval.
        high: of the interval; NaN as the other end where nothing says how far it would move.
        pairs: how many jobs of the same seed and split there are in both.
    """

    value: float
    low: float
    high: float
    pairs: int

    @property
    def is_told_apart(self) -> bool:
        """Whether zero is outside of the interval."""
        return self.low > 0 or self.high < 0


def difference(row: Row, other: Row, metric: str) -> Difference | None:
    """What separates two rows in a metric of `metrics.json`; None where no seed and split is in both."""

    def of_job(job: Job) -> float | None:
        return job.metrics.get(metric)

    return paired(row, other, of_job, lambda job, its: _over_tracks(job, its, metric))


def paired(
    row: Row,
    other: Row,
    value: Callable[[Job], float | None],
    deviation: Callable[[Job, Job], float] = lambda job, other: float("nan"),
) -> Difference | None:
    """The mean difference of the pairs.

    Args:
        row: from which is subtracted.
        other: what is subtracted.
        value: of one job; None where it has none.
        deviation: of the difference of a single pair.
    """
    pairs = [(job, other.finished[at]) for at, job in row.finished.items() if at in other.finished]
    units: dict[tuple[object, ...], list[float]] = {}
    for job, its in pairs:
        a, b = value(job), value(its)
        if a is not None and b is not None:
            units.setdefault(job.replicate[1:], []).append(a - b)
    by_unit = [*units.values()]
    found = [mean(unit) for unit in by_unit] if len(by_unit) > 1 else by_unit[0] if by_unit else []
    if not found:
        return None
    if len(found) == 1:
        reach = NormalDist().inv_cdf((1 + LEVEL) / 2) * deviation(*pairs[0])
    else:
        quantile = STUDENT[len(found) - 2] if len(found) - 2 < len(STUDENT) else NormalDist().inv_cdf((1 + LEVEL) / 2)
        reach = quantile * stdev(found) / sqrt(len(found))
    middle = mean(found)
    return Difference(middle, middle - reach, middle + reach, sum(map(len, by_unit)))


def _over_tracks(job: Job, other: Job, metric: str) -> float:
    """The bootstrap's standard deviation of a difference on one test set."""
    assert job.folder is not None
    assert other.folder is not None
    drawn = [
        _areas(folder, (folder / PREDICTIONS).stat().st_mtime_ns).get(metric) for folder in (job.folder, other.folder)
    ]
    return spread(drawn[0] - drawn[1]) if drawn[0] is not None and drawn[1] is not None else float("nan")


@lru_cache(maxsize=256)
def _areas(folder: Path, version: int) -> dict[str, Floats]:
    """Macro areas on resampled test tracks, which are the same for all jobs of a test set."""
    scores, targets = np.load(folder / PREDICTIONS), np.load(folder / TARGETS)
    drawn = replicates(scores, targets, None, resamples=RESAMPLES, pooled=False)
    return {name: values for name, values in drawn.items() if name.endswith("_macro")}
