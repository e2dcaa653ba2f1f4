"""All that a report shows, gathered once for its page and its Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from songmood.report.rows import Entry, ReportRow, Scored, read_entries
from songmood.report.significance import Comparison, compare_rows
from songmood.report.summary import Card, Notice, cards, notices
from songmood.report.table import TableRow, make_table


@dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
        out: the report's folder, from which paths are seen.
        tags: (L,), empty where no run has results.
        num_tracks: of the test split.
        resamples: of the bootstrap.
        rows: the table.
        comparisons: the rows against each other.
        cards: key figures.
        notices: warnings.
        entries: runs with results.
        results: their checkpoints, in the table's order.
    """

    out: Path
    tags: tuple[str, ...]
    num_tracks: int
    resamples: int
    rows: tuple[TableRow, ...]
    comparisons: tuple[Comparison, ...]
    cards: tuple[Card, ...]
    notices: tuple[Notice, ...]
    entries: tuple[Entry, ...]
    results: tuple[Scored, ...]


def gather(rows: Sequence[ReportRow], out: Path, *, resamples: int, skip_unreadable: bool) -> Content:
    """Read the runs and work out what the report shows.

    Args:
        rows: the runs.
        out: the report's folder.
        resamples: of the bootstrap.
        skip_unreadable: name a run that cannot be read, instead of raising.

    Raises:
        RunFolderError: see :func:`songmood.report.rows.read_entries`.
    """
    entries, troubles = read_entries(rows, skip_unreadable=skip_unreadable)
    table = make_table(entries, troubles, resamples)
    results = tuple(scored for row in table for scored in row.members)
    return Content(
        out=out,
        tags=entries[0].run.tags if entries else (),
        num_tracks=len(results[0].result.test.targets) if results else 0,
        resamples=resamples,
        rows=table,
        comparisons=compare_rows(table),
        cards=tuple(cards(table, entries, troubles)),
        notices=tuple(notices(table, entries, troubles, out)),
        entries=tuple(entries),
        results=results,
    )
