"""Which rows of the table differ by more than the choice of test tracks explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import erfc, sqrt

from songmood.evaluation.bootstrap import spread
from songmood.evaluation.comparison import holm
from songmood.report.paper import METRIC_NAMES
from songmood.report.table import TableRow

COMPARED = ("roc_auc_macro", "pr_auc_macro")  # the two that no threshold moves
LEVEL = 0.05


@dataclass(frozen=True)
class Cell:
    """One row minus another.

    Attributes:
        difference: of the seeds' means.
        p_value: two-sided, corrected for the number of pairs.
    """

    difference: float
    p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether chance in the test tracks is an unlikely explanation."""
        return self.p_value < LEVEL


@dataclass(frozen=True)
class Verdict:
    """A row against all rows.

    Attributes:
        name: the row's label.
        beats: labels of the rows that it is significantly better than.
        ties: labels of those that it is not told apart from.
        cells: one for each row, None for itself.
    """

    name: str
    beats: tuple[str, ...]
    ties: tuple[str, ...]
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Comparison:
    """All pairs of rows in one metric."""

    name: str
    verdicts: tuple[Verdict, ...]


def compare_rows(rows: Sequence[TableRow]) -> tuple[Comparison, ...]:
    """Compare every pair of rows that have results, in each of `COMPARED`; empty where there are not two."""
    scored = [row for row in rows if row.estimates]
    if len(scored) < 2:
        return ()
    return tuple(Comparison(METRIC_NAMES[metric], _verdicts(scored, metric)) for metric in COMPARED)


def _verdicts(rows: Sequence[TableRow], metric: str) -> tuple[Verdict, ...]:
    pairs = list(combinations(range(len(rows)), 2))
    estimates = [row.estimates[metric] for row in rows]
    differences = [estimates[a].mean - estimates[b].mean for a, b in pairs]
    deviations = [spread(estimates[a].replicates - estimates[b].replicates) for a, b in pairs]
    p_values = holm([_p_value(*pair) for pair in zip(differences, deviations, strict=True)])
    cells: dict[tuple[int, int], Cell] = {}
    for (a, b), difference, p_value in zip(pairs, differences, p_values, strict=True):
        cells[a, b], cells[b, a] = Cell(difference, p_value), Cell(-difference, p_value)
    return tuple(
        Verdict(
            row.label,
            tuple(rows[b].label for b in range(len(rows)) if a != b and _is_better(cells[a, b])),
            tuple(rows[b].label for b in range(len(rows)) if a != b and not cells[a, b].is_significant),
            tuple(cells.get((a, b)) for b in range(len(rows))),
        )
        for a, row in enumerate(rows)
    )


def _is_better(cell: Cell) -> bool:
    return cell.is_significant and cell.difference > 0


def _p_value(difference: float, deviation: float) -> float:
    """Two-sided, of a difference this many bootstrap standard deviations wide."""
    if deviation == 0:
        return 1.0 if difference == 0 else 0.0  # no resample disagrees
    return erfc(abs(difference) / deviation / sqrt(2))
