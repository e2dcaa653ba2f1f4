"""All that a report shows, gathered once for its page and its Markdown: the table, key figures, warnings, origins."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from songmood.report.paper import METRIC_NAMES, METRICS, TABLES, TEST_SET
from songmood.report.rows import WITHOUT_RESULTS, Entry, ReportRow, Scored, read_entries, seen_from
from songmood.report.significance import Verdict, compare_rows
from songmood.report.table import FIRST, TableRow, make_table

PROVENANCE_HEADS = ("Run", "Folder", "State", "Commit", "Cache", "Python", "Versions", "Hardware")
NUM_DIGITS = 12  # of a fingerprint: enough to tell two apart


@dataclass(frozen=True)
class Card:
    """A key figure."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class Notice:
    """A warning.

    Attributes:
        kind: `failed`, `stale` or `note`.
        text: what the matter is.
        log: where to read more, seen from the report's folder; may be empty.
    """

    kind: str
    text: str
    log: str = ""


@dataclass(frozen=True)
class Content:
    """What a report shows.

    Attributes:
        tags: (L,), empty where no run has results.
        num_tracks: of the test split.
        resamples: of the bootstrap.
        rows: the table.
        best: of each metric the row with the largest mean; none where no row has a value.
        comparisons: of a metric's name, each row against all.
        cards: key figures.
        notices: what a reader must know before trusting the table; failures first.
        entries: runs with results.
        results: their checkpoints, in the table's order.
        provenance: for each run a text under each of `PROVENANCE_HEADS`.
    """

    tags: tuple[str, ...]
    num_tracks: int
    resamples: int
    rows: tuple[TableRow, ...]
    best: dict[str, TableRow]
    comparisons: dict[str, tuple[Verdict, ...]]
    cards: tuple[Card, ...]
    notices: tuple[Notice, ...]
    entries: tuple[Entry, ...]
    results: tuple[Scored, ...]
    provenance: tuple[tuple[str, ...], ...]

    @property
    def tables(self) -> dict[str, list[TableRow]]:
        """The rows under each heading that has some; the first heading always."""
        by_name = {name: [row for row in self.rows if row.table == name] for name in TABLES}
        return {name: rows for name, rows in by_name.items() if rows or (name == FIRST and not self.rows)}


def gather(rows: Sequence[ReportRow], out: Path, *, resamples: int, skip_unreadable: bool) -> Content:
    """Read the runs and work out what the report shows.

    Args:
        rows: the runs.
        out: the report's folder, from which paths are seen.
        resamples: of the bootstrap.
        skip_unreadable: name a run that cannot be read, instead of raising.

    Raises:
        RunFolderError: see :func:`songmood.report.rows.read_entries`.
    """
    entries, troubles = read_entries(rows, skip_unreadable=skip_unreadable)
    table = make_table(entries, troubles, resamples)
    results = tuple(scored for row in table for scored in row.members)
    best = _best(table)
    return Content(
        tags=entries[0].run.tags if entries else (),
        num_tracks=len(results[0].result.test.targets) if results else 0,
        resamples=resamples,
        rows=table,
        best=best,
        comparisons=compare_rows(table),
        cards=tuple(_cards(best, entries, troubles)),
        notices=tuple(_notices(table, entries, troubles, out)),
        entries=tuple(entries),
        results=results,
        provenance=tuple(_origins(entry, out) for entry in entries),
    )


def _best(rows: Sequence[TableRow]) -> dict[str, TableRow]:
    best = {}
    for metric in METRICS:
        if defined := [row for row in rows if row.estimates and not math.isnan(row.estimates[metric].mean)]:
            best[metric] = max(defined, key=lambda row: row.estimates[metric].mean)
    return best


def _cards(best: Mapping[str, TableRow], entries: Sequence[Entry], troubles: Sequence[ReportRow]) -> list[Card]:
    made = [
        Card(f"Best {METRIC_NAMES[metric]}", f"{row.estimates[metric].mean:.3f}", row.label)
        for metric, row in best.items()
    ]
    stale = sum(entry.row.status == "stale" for entry in entries)
    counts = {"stale": stale, **{state: sum(row.status == state for row in troubles) for state in WITHOUT_RESULTS}}
    state = [f"{count} {name}" for name, count in counts.items() if count]
    return [*made, Card("Runs with results", f"{len(entries)} of {len(entries) + len(troubles)}", ", ".join(state))]


def _notices(
    rows: Sequence[TableRow], entries: Sequence[Entry], troubles: Sequence[ReportRow], out: Path
) -> list[Notice]:
    found = [
        Notice("failed", f"{row.name}: {row.note or 'the run failed'}.", seen_from(out, row.log))
        for row in troubles
        if row.status == "failed"
    ]
    for entry in entries:
        if entry.row.status == "stale":
            why = entry.row.note or "made by another code, configuration or cache"
            found.append(Notice("stale", f"{entry.row.name}: {why}.", seen_from(out, entry.row.log)))
    not_run = [row.name for row in troubles if row.status == "not run"]
    notes = [f"Not run: {'; '.join(not_run)}."] * bool(not_run) + _disagreements(entries)
    if entries:
        last = entries[0].run.results[-1]
        if any(row.paper for row in rows) and last.test.targets.shape != TEST_SET:
            notes.append(_other_test_set(last.test.targets.shape))
        if left_out := last.evaluation.left_out:
            notes.append(f"Left out of every macro mean, with one class in the test split: {', '.join(left_out)}.")
    if others := {f"{row.name} on {row.other_features}": 0 for row in rows if row.other_features}:
        notes.append(f"Trained on other features than the paper's, and so another experiment: {', '.join(others)}.")
    return found + [Notice("note", note) for note in notes]


def _origins(entry: Entry, out: Path) -> tuple[str, ...]:
    """A text under each of `PROVENANCE_HEADS`, "–" for what the run does not say."""
    said = entry.run.provenance
    texts = (
        _short_commit(said.get("commit")),
        str(said.get("cache_fingerprint") or "")[:NUM_DIGITS],
        str(said.get("python") or ""),
        _listed(said.get("versions")),
        _listed(said.get("hardware")),
    )
    return entry.row.name, seen_from(out, entry.row.folder), entry.row.status, *(text or "–" for text in texts)


def _short_commit(commit: Any) -> str:
    """The first digits, and the mark of files that differ from it."""
    digits, mark, changes = str(commit or "").partition("+")
    return digits[:NUM_DIGITS] + mark + changes


def _listed(values: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items())) if isinstance(values, dict) else ""


def _disagreements(entries: Sequence[Entry]) -> list[str]:
    """A sentence for each origin that the runs should share, and do not."""
    sentences = []
    for noun, keys in (("code versions", ("code", "commit")), ("caches", ("cache_fingerprint",))):
        runs: dict[str, list[Entry]] = {}
        for entry in entries:
            if value := next((str(said) for key in keys if (said := entry.run.provenance.get(key))), ""):
                runs.setdefault(value, []).append(entry)
        if len(runs) > 1:
            short = [_short_commit(some[0].run.provenance.get(keys[-1], "unknown")) for some in runs.values()]
            names = [", ".join(entry.row.name for entry in some) for some in runs.values()]
            each = map(": ".join, zip(short, names, strict=True))
            sentences.append(f"These runs are of {len(runs)} different {noun} ({'; '.join(each)}).")
    return sentences


def _other_test_set(shape: tuple[int, ...]) -> str:
    return (
        f"These runs are of another test set ({shape[0]:,} tracks, {shape[1]} tags) than the paper's "
        f"({TEST_SET[0]:,} tracks, {TEST_SET[1]} tags): its figures are no measure for them."
    )
