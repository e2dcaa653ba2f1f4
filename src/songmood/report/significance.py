"""Which rows of the table differ by more than the choice of test tracks explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from songmood.evaluation.bootstrap import spread
from songmood.evaluation.comparison import holm, p_value
from songmood.report.paper import METRIC_NAMES
from songmood.report.table import TableRow

COMPARED = ("roc_auc_macro", "pr_auc_macro")  # the two that no threshold moves
LEVEL = 0.05


@dataclass(frozen=True)
class Cell:
    """One row minus another.

    Attributes:
        other: the label of the row that is subtracted.
        difference: of the seeds' means.
        p_value: two-sided, corrected for the number of pairs.
    """

    other: str
    difference: float
    p_value: float

    @property
    def is_significant(self) -> bool:
        """Whether chance in the test tracks is an unlikely explanation."""
        return self.p_value < LEVEL

    @property
    def is_better(self) -> bool:
        """Whether the row is significantly better than the other."""
        return self.is_significant and self.difference > 0


@dataclass(frozen=True)
class Verdict:
    """A row, by its label, against all rows."""

    name: str
    cells: tuple[Cell | None, ...]  # one for each row, None for itself

    @property
    def beats(self) -> tuple[str, ...]:
        """Labels of the rows that it is significantly better than."""
        return tuple(cell.other for cell in self.cells if cell and cell.is_better)

    @property
    def ties(self) -> tuple[str, ...]:
        """Labels of the rows that it is not told apart from."""
        return tuple(cell.other for cell in self.cells if cell and not cell.is_significant)


def compare_rows(rows: Sequence[TableRow]) -> dict[str, tuple[Verdict, ...]]:
    """Compare every pair of rows that have results, by the name of each metric in `COMPARED`; empty without a pair."""
    scored = [row for row in rows if row.estimates]
    return {METRIC_NAMES[metric]: _verdicts(scored, metric) for metric in COMPARED} if len(scored) > 1 else {}


def _verdicts(rows: Sequence[TableRow], metric: str) -> tuple[Verdict, ...]:
    pairs = list(combinations(range(len(rows)), 2))
    estimates = [row.estimates[metric] for row in rows]
    differences = [estimates[a].mean - estimates[b].mean for a, b in pairs]
    deviations = [spread(estimates[a].replicates - estimates[b].replicates) for a, b in pairs]
    corrected = holm([p_value(*pair) for pair in zip(differences, deviations, strict=True)])
    cells: dict[tuple[int, int], Cell] = {}
    for (a, b), difference, chance in zip(pairs, differences, corrected, strict=True):
        cells[a, b], cells[b, a] = Cell(rows[b].label, difference, chance), Cell(rows[a].label, -difference, chance)
    return tuple(Verdict(row.label, tuple(cells.get((a, b)) for b in range(len(rows)))) for a, row in enumerate(rows))
