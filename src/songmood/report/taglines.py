"""The lines of a result's table of tags, the best first."""

import math
from dataclasses import dataclass

from songmood.report.runfolder import Result
from songmood.tag_names import short_names

HEADS = (
    *("AP", "Base rate", "AP / base", "ROC-AUC", "Threshold", "Fitted on +", "Fitted on −"),
    *("Positives", "Decided", "Precision", "Recall", "F1"),
)


@dataclass(frozen=True)
class TagLine:
    """A tag's line.

    Attributes:
        tag: its column.
        name: as people read it.
        cells: under each of `HEADS` (value to sort by, text); an empty value sorts last.
    """

    tag: int
    name: str
    cells: tuple[tuple[float | str, str], ...]


def tag_lines(result: Result) -> list[TagLine]:
    """A line for each tag, by descending average precision; a tag with one class has none and is last."""
    evaluation, table = result.evaluation, result.thresholds
    names = short_names(list(evaluation.tags))
    lines = []
    for tag, values in enumerate(evaluation.tags.values()):
        base = values["positives"] / evaluation.num_tracks
        threshold = math.nan if table is None else float(table.thresholds[tag])
        cells = (
            _number(values["pr_auc"]),
            _number(base),
            _number(values["pr_auc"] / base if base else math.nan, 1),
            _number(values["roc_auc"]),
            (1e9, "never") if threshold == math.inf else _number(threshold, 4),
            _count(None if table is None else table.positives[tag]),
            _count(None if table is None else table.negatives[tag]),
            _count(int(values["positives"])),
            _count(int(values["decided"])),
            _number(values["precision"]),
            _number(values["recall"]),
            _number(values["f1"]),
        )
        lines.append(TagLine(tag, names[tag], cells))
    return sorted(lines, key=lambda line: -float(line.cells[0][0] or 0))


def footnote(result: Result) -> str:
    """Where the thresholds are from, and what the columns say of it."""
    return (
        f"Thresholds by {result.rule}, fitted on {result.fitted_on}; a track gets a tag where its score reaches the "
        "threshold. AP is average precision; the base rate is what guessing gives."
    )


def _number(value: float, digits: int = 3) -> tuple[float | str, str]:
    return ("", "–") if math.isnan(value) else (round(value, 6), f"{value:.{digits}f}")


def _count(value: int | None) -> tuple[float | str, str]:
    return ("", "–") if value is None else (value, f"{value:,}")
