"""Table 1: for each row the paper's figures and ours, with their spread over seeds and over test tracks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from songmood.evaluation.bootstrap import Replicates, interval, replicates, spread
from songmood.evaluation.curves import Floats
from songmood.progress import progress
from songmood.report.paper import ABOUT, FEATURE_SET, METRICS, TABLES, WITH_FEATURES, PaperRow
from songmood.report.rows import PAPER_ORDER, Entry, ReportRow, Scored, row_name
from songmood.report.runfolder import Split

Key = tuple[str, str, int | None, bool]  # group, variant, epochs, whether final: what the seeds of a row share
CONFIDENCE = 0.95
FIRST = next(iter(TABLES))
PRECISIONS = {"32-true": "float32", "bf16-mixed": "bfloat16", "16-mixed": "float16"}


@dataclass(frozen=True)
class Estimate:
    """A metric of a row.

    Attributes:
        seeds: the value of each seed.
        low: lower end of the bootstrap interval of their mean, over test tracks.
        high: its upper end.
        replicates: (R,) their mean on each resampled test set.
    """

    seeds: tuple[float, ...]
    low: float
    high: float
    replicates: Floats

    @property
    def mean(self) -> float:
        """Over seeds."""
        return float(np.mean(self.seeds))

    @property
    def sd(self) -> float | None:
        """Over seeds; None for a single one."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None


@dataclass(frozen=True)
class TableRow:
    """A row: the seeds of one experiment at one number of epochs.

    Attributes:
        group: the experiment, or the name of a folder.
        variant: tells rows of one experiment apart; most have none.
        epochs: ours; the paper's where we have no result.
        is_final: whether it is the runs' last epoch.
        members: our results, by seed.
        estimates: of each metric, where there are results.
        troubles: the group's runs that have none.
    """

    group: str
    variant: str
    epochs: int | None
    is_final: bool
    members: tuple[Scored, ...] = ()
    estimates: dict[str, Estimate] = field(default_factory=dict)
    troubles: tuple[ReportRow, ...] = ()

    @property
    def name(self) -> str:
        """As the paper calls it."""
        return row_name(self.group, self.variant)

    @property
    def paper(self) -> PaperRow | None:
        """The published row; None where there is none."""
        published = (row for rows in TABLES.values() for row in rows)
        return next((row for row in published if (row.experiment, row.is_final) == (self.group, self.is_final)), None)

    @property
    def table(self) -> str:
        """Under which heading it stands; what is in no published table stands in the first."""
        return next((name for name, rows in TABLES.items() if self.group in {row.experiment for row in rows}), FIRST)

    @property
    def about(self) -> str:
        """What sets it apart, and what it was trained in."""
        return "; ".join(filter(None, (ABOUT.get(self.group), self.precision)))

    @property
    def precision(self) -> str:
        """What its seeds were trained in, where they say: more than one name where they differ."""
        said = sorted({member.entry.run.precision for member in self.members} - {""})
        return ", ".join(PRECISIONS.get(name, name) for name in said)

    @property
    def other_features(self) -> str:
        """The feature set where the paper's row has features and these are others: then it is another experiment."""
        names = {member.entry.run.feature_set for member in self.members} if self.group in WITH_FEATURES else set()
        return ", ".join(sorted(names - {"", FEATURE_SET}))

    @property
    def label(self) -> str:
        """Name and epochs."""
        return self.name + ("" if self.epochs is None else f", {self.epochs} epoch{'s' * (self.epochs != 1)}")

    @property
    def why_empty(self) -> str:
        """What stands for its figures where it has none."""
        return "failed" if any(row.status == "failed" for row in self.troubles) else "not run"

    @property
    def marks(self) -> tuple[tuple[str, str], ...]:
        """What to know before reading its figures, as (text, kind) with the kinds of a notice."""
        stale = sum(member.entry.row.status == "stale" for member in self.members)
        failed = sum(row.status == "failed" for row in self.troubles)
        not_run = len(self.troubles) - failed
        found = (
            (f"features: {self.other_features}" if self.other_features else "", "note"),
            (f"{stale} stale" if stale else "", "stale"),
            (f"{failed} failed" if failed else "", "failed"),
            (f"{not_run} not run" if not_run else "", "note"),
        )
        return tuple((text, kind) for text, kind in found if text)


def make_table(entries: Sequence[Entry], troubles: Sequence[ReportRow], resamples: int) -> tuple[TableRow, ...]:
    """The table's rows, the paper's first and in its order.

    All rows of a published table are there, those without a run too, as soon as one run belongs to one of them.

    Args:
        entries: in the table's order.
        troubles: rows without results.
        resamples: of the bootstrap.
    """
    members: dict[Key, list[Scored]] = {}
    for entry in entries:
        for result in entry.run.results:
            key = (entry.row.group, entry.row.variant, result.epochs, result.is_final)
            members.setdefault(key, []).append(Scored(entry, result))
    estimates = _estimates(members, resamples)
    rows = [TableRow(*key, tuple(scored), estimates[key]) for key, scored in members.items()]
    rows += _rows_without_results(rows, troubles)
    return tuple(
        replace(row, troubles=tuple(trouble for trouble in troubles if trouble.group == row.group))
        for row in sorted(rows, key=_place)
    )


def _rows_without_results(rows: Sequence[TableRow], troubles: Sequence[ReportRow]) -> list[TableRow]:
    there = {(row.group, row.is_final) for row in rows}
    groups = {row.group for row in rows} | {row.group for row in troubles}
    empty: list[TableRow] = []
    for published in TABLES.values():
        if not groups & {paper.experiment for paper in published}:
            continue
        missing = (paper for paper in published if (paper.experiment, paper.is_final) not in there)
        empty += (TableRow(paper.experiment, "", paper.epochs, paper.is_final) for paper in missing)
    others = (group for group in sorted(groups - set(PAPER_ORDER)) if (group, True) not in there)
    return [*empty, *(TableRow(group, "", None, is_final=True) for group in others)]


def _estimates(members: dict[Key, list[Scored]], resamples: int) -> dict[Key, dict[str, Estimate]]:
    """Bootstrap every member, a row after the other."""
    estimates: dict[Key, dict[str, Estimate]] = {}
    with progress("bootstrapping", sum(map(len, members.values())), "results") as meter:
        for key, scored in members.items():
            drawn = []
            for member in scored:
                drawn.append(_replicates(member.result.test, resamples))
                meter.advance(1)
            estimates[key] = {
                metric: _estimate(scored, metric, np.mean([of_seed[metric] for of_seed in drawn], axis=0))
                for metric in METRICS
            }
    return estimates


def _replicates(test: Split, resamples: int) -> Replicates:
    """The table's metrics on test sets that are drawn from this one, the same for every submission."""
    drawn = replicates(test.scores, test.targets, test.decisions, resamples=resamples, pooled=False)
    return {metric: drawn[metric] for metric in METRICS}  # what each tag has would be a hundred times as much


def _estimate(scored: Sequence[Scored], metric: str, drawn: Floats) -> Estimate:
    seeds = tuple(member.result.evaluation.summary[metric] for member in scored)
    low, high = interval(float(np.mean(seeds)), spread(drawn), CONFIDENCE)
    return Estimate(seeds, low, high, drawn)


def _place(row: TableRow) -> tuple[int, str, str, bool, int]:
    known = PAPER_ORDER.index(row.group) if row.group in PAPER_ORDER else len(PAPER_ORDER)
    return known, row.group, row.variant, row.is_final, row.epochs or 0
