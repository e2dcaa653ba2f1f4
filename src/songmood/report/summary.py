"""What a report says in words: its key figures and its warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from songmood.report.paper import METRIC_NAMES, METRICS, TEST_SET
from songmood.report.provenance import FACT_NAMES, facts, short_commit
from songmood.report.rows import Entry, ReportRow, seen_from
from songmood.report.table import TableRow

PROVENANCE_HEADS = ("Run", "Folder", "State", *FACT_NAMES)


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


def best_labels(rows: Sequence[TableRow]) -> dict[str, str]:
    """Of each metric, the label of the row with the largest mean; none where no row has results."""
    best = {}
    for metric in METRICS:
        scored = [(row.estimates[metric].mean, row.label) for row in rows if row.estimates]
        if defined := [(mean, label) for mean, label in scored if mean == mean]:
            best[metric] = max(defined, key=lambda pair: pair[0])[1]
    return best


def cards(rows: Sequence[TableRow], entries: Sequence[Entry], troubles: Sequence[ReportRow]) -> list[Card]:
    """The key figures."""
    best, made = best_labels(rows), []
    for metric in METRICS:
        if metric in best:
            mean = next(row.estimates[metric].mean for row in rows if row.estimates and row.label == best[metric])
            made.append(Card(f"Best {METRIC_NAMES[metric]}", f"{mean:.3f}", best[metric]))
    stale = sum(entry.row.status == "stale" for entry in entries)
    state = [f"{stale} stale"] * bool(stale) + [f"{len(troubles)} failed"] * bool(troubles)
    made.append(Card("Runs with results", f"{len(entries)} of {len(entries) + len(troubles)}", ", ".join(state)))
    return made


def notices(
    rows: Sequence[TableRow], entries: Sequence[Entry], troubles: Sequence[ReportRow], out: Path
) -> list[Notice]:
    """What a reader must know before trusting the table; failures first.

    Args:
        rows: the table.
        entries: runs with results.
        troubles: runs without.
        out: the report's folder.
    """
    found = [
        Notice("failed", f"{row.name}: {row.note or 'the run failed'}.", seen_from(out, row.log)) for row in troubles
    ]
    for entry in entries:
        if entry.row.status == "stale":
            why = entry.row.note or "made by another code, configuration or cache"
            found.append(Notice("stale", f"{entry.row.name}: {why}.", seen_from(out, entry.row.log)))
    found += [Notice("note", sentence) for sentence in _disagreements(entries)]
    if entries and any(row.paper for row in rows):
        targets = entries[0].run.results[-1].test.targets
        if targets.shape != TEST_SET:
            found.append(Notice("note", _other_test_set(targets.shape)))
    if entries and (left_out := entries[0].run.results[-1].evaluation.left_out):
        found.append(
            Notice("note", f"Left out of every macro mean, with one class in the test split: {', '.join(left_out)}.")
        )
    return found


def provenance_lines(entries: Sequence[Entry], out: Path) -> list[tuple[str, ...]]:
    """For each run a text under each of `PROVENANCE_HEADS`; folders as seen from the report's."""
    return [(e.row.name, seen_from(out, e.row.folder), e.row.status, *facts(e.run)) for e in entries]


def _disagreements(entries: Sequence[Entry]) -> list[str]:
    """A sentence for each origin that the runs should share, and do not."""
    sentences = []
    for noun, keys in (("code versions", ("code", "commit")), ("caches", ("cache_fingerprint",))):
        runs: dict[str, list[Entry]] = {}
        for entry in entries:
            if value := next((str(said) for key in keys if (said := entry.run.provenance.get(key))), ""):
                runs.setdefault(value, []).append(entry)
        if len(runs) > 1:
            each = (f"{_origin(some[0], keys[-1])}: {', '.join(e.row.name for e in some)}" for some in runs.values())
            sentences.append(f"These runs are of {len(runs)} different {noun} ({'; '.join(each)}).")
    return sentences


def _origin(entry: Entry, key: str) -> str:
    return short_commit(str(entry.run.provenance.get(key, "unknown")))


def _other_test_set(shape: tuple[int, ...]) -> str:
    return (
        f"These runs are of another test set ({shape[0]:,} tracks, {shape[1]} tags) than the paper's "
        f"({TEST_SET[0]:,} tracks, {TEST_SET[1]} tags): its figures are no measure for them."
    )
