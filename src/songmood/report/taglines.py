"""A result tag by tag: the lines of its table, its best and its worst."""

import math
from dataclasses import dataclass

from songmood.report.runfolder import Result
from songmood.tag_names import short_names

NUM_EXTREMES = 5


@dataclass(frozen=True)
class TagLine:
    """A tag's line.

    Attributes:
        name: as people read it.
        cells: (value to sort by, text) each; an empty value sorts last.
    """

    name: str
    cells: tuple[tuple[float | str, str], ...]


def tag_lines(result: Result) -> tuple[TagLine, ...]:
    """AP, base rate, AP / base, ROC-AUC, threshold, fitted on + and -, positives, decided, precision, recall, F1."""
    evaluation, table = result.evaluation, result.thresholds
    names = short_names(list(evaluation.tags))
    lines = []
    for at, (name, values) in enumerate(zip(names, evaluation.tags.values(), strict=True)):
        base = values["positives"] / evaluation.num_tracks
        threshold = math.nan if table is None else float(table.thresholds[at])
        cells = (
            _number(values["pr_auc"]),
            _number(base),
            _number(values["pr_auc"] / base if base else math.nan, 1),
            _number(values["roc_auc"]),
            (1e9, "never") if threshold == math.inf else _number(threshold, 4),
            _count(None if table is None else table.positives[at]),
            _count(None if table is None else table.negatives[at]),
            _count(int(values["positives"])),
            _count(int(values["decided"])),
            _number(values["precision"]),
            _number(values["recall"]),
            _number(values["f1"]),
        )
        lines.append(TagLine(name, cells))
    return tuple(lines)


def extremes(result: Result) -> list[list[tuple[str, float]]]:
    """Lines of (name, value): best and worst by average precision, best and worst by ROC-AUC.

    Tags with one class have neither value and are passed over.
    """
    columns = []
    names = short_names(list(result.evaluation.tags))
    for metric in ("pr_auc", "roc_auc"):
        values = zip(names, (tag[metric] for tag in result.evaluation.tags.values()), strict=True)
        ranked = sorted((pair for pair in values if not math.isnan(pair[1])), key=lambda pair: (-pair[1], pair[0]))
        columns += [ranked[:NUM_EXTREMES], ranked[::-1][:NUM_EXTREMES]]
    return [list(line) for line in zip(*columns, strict=True)]


def footnote(result: Result) -> str:
    """Where the thresholds are from, and what the columns say of it."""
    rules = () if result.thresholds is None else result.thresholds.rule
    rule = ", ".join(dict.fromkeys(rules)) or "of an unnamed rule"
    return (
        f"Thresholds: {rule}, fitted on {result.fitted_on}; a track gets a tag where its score reaches the threshold. "
        "AP is average precision; the base rate is what guessing gives."
    )


def _number(value: float, digits: int = 3) -> tuple[float | str, str]:
    return ("", "–") if math.isnan(value) else (round(value, 6), f"{value:.{digits}f}")


def _count(value: int | None) -> tuple[float | str, str]:
    return ("", "–") if value is None else (value, f"{value:,}")
