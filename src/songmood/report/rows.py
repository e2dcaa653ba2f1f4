"""What a report is asked to show: run folders, each with the state that it is in."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from songmood.errors import RunFolderError
from songmood.report.paper import TABLES
from songmood.report.runfolder import Result, RunFolder, read_run

Status = Literal["finished", "stale", "failed", "not run"]
WITHOUT_RESULTS = ("failed", "not run")
PAPER_NAMES = {row.experiment: row.name for rows in TABLES.values() for row in rows}
PAPER_ORDER = tuple(PAPER_NAMES)


@dataclass(frozen=True)
class ReportRow:
    """One run that a report is about.

    Attributes:
        folder: the run folder; of a run that failed or was not run it need not exist.
        experiment: which row of the table it belongs to; None takes what the run's provenance says.
        seed: the run's; None takes what the run's provenance says.
        status: `stale` results are shown and marked; of a run that `failed` or was `not run` nothing is read.
        note: why it is stale or failed, one line.
        log: where to read more.
        variant: tells it from other runs of its experiment that are not seeds of the same; found when runs are read.
    """

    folder: Path
    experiment: str | None = None
    seed: int | None = None
    status: Status = "finished"
    note: str = ""
    log: Path | None = None
    variant: str = ""

    @property
    def group(self) -> str:
        """Runs of one group and variant are seeds of one row: the experiment, or else the folder's name."""
        return self.experiment or self.folder.name

    @property
    def name(self) -> str:
        """As the paper calls it, with the seed where that is known."""
        name = row_name(self.group, self.variant)
        return name if self.seed is None else f"{name}, seed {self.seed}"


@dataclass(frozen=True)
class Entry:
    """A run that could be read."""

    row: ReportRow
    run: RunFolder


@dataclass(frozen=True)
class Scored:
    """One checkpoint of an entry, which has a place in the table."""

    entry: Entry
    result: Result

    @property
    def label(self) -> str:
        """What tells it from every other in a report."""
        epochs = self.result.epochs
        return self.entry.row.name + ("" if epochs is None else f", {epochs} epoch{'s' * (epochs != 1)}")


def row_name(group: str, variant: str) -> str:
    """As the paper calls it, with what tells it from others of that name."""
    return PAPER_NAMES.get(group, group) + (f" ({variant})" if variant else "")


def read_entries(rows: Sequence[ReportRow], *, skip_unreadable: bool) -> tuple[list[Entry], list[ReportRow]]:
    """Read the run folders, in the table's order.

    Args:
        rows: any order.
        skip_unreadable: report a finished run that cannot be read as failed, instead of raising.

    Returns:
        The entries, and the rows that have no results: those not run, those that failed and those that cannot be read.

    Raises:
        RunFolderError: a folder cannot be read, two are of different test sets, or none has results.
    """
    entries: list[Entry] = []
    troubles: list[ReportRow] = []
    for row in rows:
        if row.status in WITHOUT_RESULTS:
            troubles.append(row)
            continue
        try:
            run = read_run(row.folder)
            if entries:
                _refuse_other_test_set(run, entries[0].run)
        except RunFolderError as error:
            if not skip_unreadable:
                raise
            troubles.append(replace(row, status="failed", note=_short(str(error), rows)))
            continue
        row = replace(
            row,
            experiment=row.experiment or run.experiment,
            seed=run.seed if row.seed is None else row.seed,
        )
        entries.append(Entry(row, run))
    if not entries and not skip_unreadable:
        raise RunFolderError(f"none of the {len(rows)} runs has results to report")
    return sorted(_told_apart(entries), key=lambda entry: place(entry.row)), sorted(troubles, key=place)


def place(row: ReportRow) -> tuple[int, str, str, int, str]:
    """A sort key: the paper's order, then by name, then by seed."""
    known = PAPER_ORDER.index(row.group) if row.group in PAPER_ORDER else len(PAPER_ORDER)
    return known, row.group, row.variant, -1 if row.seed is None else row.seed, row.folder.name


def seen_from(folder: Path, path: Path | None) -> str:
    """A path relative to a folder, so that both can be moved together; empty for none."""
    return "" if path is None else Path(os.path.relpath(path, folder)).as_posix()


def _told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """Give runs of one experiment a variant where they are not its seeds: of another configuration, or of one seed."""
    variants: dict[str, list[tuple[str, list[Entry]]]] = {}
    for entry in sorted(entries, key=lambda entry: place(entry.row)):
        config = json.dumps(entry.run.shared_config, sort_keys=True)
        alike = variants.setdefault(entry.row.group, [])
        for known, members in alike:
            if known == config and all(member.row.seed != entry.row.seed for member in members):
                members.append(entry)
                break
        else:
            alike.append((config, [entry]))
    return [
        replace(entry, row=replace(entry.row, variant=members[0].row.folder.name if len(alike) > 1 else ""))
        for alike in variants.values()
        for _, members in alike
        for entry in members
    ]


def _refuse_other_test_set(run: RunFolder, first: RunFolder) -> None:
    where = f"{run.path} and {first.path}"
    if run.tags != first.tags:
        odd = sorted(set(run.tags) ^ set(first.tags))
        raise RunFolderError(
            f"{where} are of different tags ({odd[0] if odd else 'another order'}); report runs of one corpus together"
        )
    ours, theirs = run.results[-1].test.targets, first.results[-1].test.targets
    if ours.shape != theirs.shape or (ours != theirs).any():
        raise RunFolderError(f"{where} are of different test tracks; report runs of one corpus together")


def _short(message: str, rows: Sequence[ReportRow]) -> str:
    """The message without the folders' place on this machine, which the same runs elsewhere would not share."""
    for row in rows:
        message = message.replace(f"{row.folder.parent}/", "")
    return message
