"""`songmood tag --write`: shows what would change in the files' own fields, changes it, takes it back."""

from __future__ import annotations

import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from songmood.errors import TaggingError
from songmood.progress import progress

if TYPE_CHECKING:
    from songmood.tagging.batch.selection import Selection
    from songmood.tagging.fields.writing import Planned
    from songmood.tagging.tags import Tags


def require(*, write: bool, yes: bool, shard: str | None) -> None:
    """Refuse early what makes no sense or cannot be done.

    Raises:
        TaggingError: ``--yes`` alone, ``--write`` with a shard, or Mutagen is missing.
    """
    from songmood.tagging.fields.moods import require_mutagen

    if yes and not write:
        raise TaggingError("--yes says that --write may change files: give both, or neither")
    if write and shard:
        raise TaggingError("--write with --shard: put the shards together first, with --merge DIR --write")
    if write:
        require_mutagen()


class Changes:
    """What a run would change in the files' fields, and the change.

    Args:
        selection: which tags are written; the decided ones where nothing else is asked for.
        out: folder of the results, whose journal it then is; None for one below ``SONGMOOD_DATA``.
        is_wanted: whether to change files, not only to show what would change.
    """

    def __init__(self, selection: Selection, out: Path | None, *, is_wanted: bool) -> None:
        from songmood.tagging.batch.selection import Selection as Chosen

        self._selection = Chosen(decided=True) if selection == Chosen() else selection
        self._folder = (out or Path(os.environ.get("SONGMOOD_DATA", "data"))) / "writes"
        self._is_wanted = is_wanted
        self._plans: list[Planned] = []
        self._refused: list[str] = []

    def see(self, tags: Tags) -> None:
        """Show what a file's tags would change in it."""
        from songmood.tagging.batch.file_names import on_a_line
        from songmood.tagging.fields.writing import planned

        try:
            plan = planned(Path(tags.source or ""), [row.tag for row in self._selection.of(tags)])
        except TaggingError as error:
            self._refused.append(str(error))
            return
        if plan:
            self._plans.append(plan)
            before = on_a_line(", ".join(plan.before)) or "nothing"
            sys.stdout.write(f"{on_a_line(plan.path)}: {before} -> {', '.join(plan.after)}\n")

    def make(self) -> None:
        """Change what was shown, where that is wanted; say how it is taken back."""
        from songmood.tagging.fields.journal import Journal
        from songmood.tagging.fields.writing import write

        if not self._is_wanted:
            typer.echo(f"{len(self._plans):,} files would change; nothing is written without --yes")
            self._tell_refused()
            return
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S")
        journal, num_written = Journal(self._folder / f"{moment}-{os.getpid()}.jsonl"), 0
        with progress("writing", len(self._plans), "files") as meter:
            for plan in self._plans:
                try:
                    write(plan, journal)
                    num_written += 1
                except TaggingError as error:
                    self._refused.append(str(error))
                meter.advance()
        back = f"; to take it back: songmood tag --undo {journal.path}" if num_written else ""
        typer.echo(f"changed {num_written:,} of {len(self._plans):,} files{back}")
        self._tell_refused()

    def _tell_refused(self) -> None:
        from songmood.tagging.batch.file_names import on_a_line

        for reason in self._refused:
            typer.echo(f"not written: {on_a_line(reason)}", err=True)


def take_back(journal: Path) -> None:
    """Give the files of a journal the bytes that they had."""
    from songmood.tagging.batch.file_names import on_a_line
    from songmood.tagging.fields.journal import Journal
    from songmood.tagging.fields.journal import take_back as give_back

    done: Counter[str] = Counter()
    for change in Journal(journal).changes():
        what = give_back(change)
        done[what if what in ("restored", "as it was") else "left as they are"] += 1
        if what not in ("restored", "as it was"):
            typer.echo(f"not restored: {on_a_line(change.path)}: {what}", err=True)
    typer.echo(", ".join(f"{count:,} {what}" for what, count in done.items()) or "nothing to take back")
