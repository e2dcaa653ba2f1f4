"""What `songmood tag` does: to the standard output, into a folder, or with the shards of a folder."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from songmood.errors import TaggingError
from songmood.progress import progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from songmood.commands.tag_writing import Changes
    from songmood.tagging.batch.discover import Found
    from songmood.tagging.batch.outputs import Finished, Outputs
    from songmood.tagging.batch.selection import Selection
    from songmood.tagging.batch.shards import Shard
    from songmood.tagging.music_tagger import MusicTagger
    from songmood.tagging.tags import Tags

FEW = 8  # files: fewer are not worth the seconds that processes take to start
SHOWN = 20  # files that cannot be used, on the terminal
ON_A_TERMINAL = 5  # tags of a file, where nothing else is asked for


@dataclass(frozen=True)
class Settings:
    """How a run into a folder goes.

    Attributes:
        workers: processes that decode.
        shard: which share of the files.
        with_timeline: keep scores window by window.
        with_embeddings: keep what the output layer sees.
        resume: keep what is finished.
        retry: try files again that could not be used.
    """

    workers: int
    shard: Shard
    with_timeline: bool
    with_embeddings: bool
    resume: bool
    retry: bool


def worker_count(asked: int | None, num_files: int) -> int:
    """Processes that decode beside this one, where the user does not say."""
    from songmood.cache.pool import usable_cores

    if asked is None:
        asked = 0 if num_files <= FEW else usable_cores()
    return min(asked, num_files)


def require_stdout(kinds: Sequence[str], *, needs_folder: bool) -> None:
    """Refuse what only a folder can take.

    Raises:
        TaggingError: several formats, or one that is not text, or what else needs a folder.
    """
    for kind in kinds:
        if kind not in ("csv", "jsonl"):
            raise TaggingError(f"--format {kind} is written into a folder: name one with -o DIR")
    if len(kinds) > 1 or needs_folder:
        what = "several formats are" if len(kinds) > 1 else "embeddings and shards are"
        raise TaggingError(f"{what} written into a folder: name one with -o DIR")


def to_stdout(
    tagger: MusicTagger,
    found: Found,
    workers: int,
    kinds: Sequence[str],
    selection: Selection,
    changes: Changes | None,
    *,
    with_timeline: bool,
) -> None:
    """Each file when it is its turn: as a table on a terminal, as CSV, as a line of JSON, or what it would change."""
    kind = kinds[0] if kinds else "table" if sys.stdout.isatty() else "csv"
    reasons: list[str] = []
    num_tagged = 0
    tell = changes.see if changes else _teller(kind, selection, with_timeline=with_timeline)
    for tags in tagger.tag_many(found.paths, workers=workers, on_error=lambda error: reasons.append(str(error))):
        tell(tags)
        sys.stdout.flush()  # for whoever reads along
        num_tagged += 1
    if changes:
        changes.make()
    _report(found, reasons)
    _require_some(found, len(reasons), num_tagged)


def _teller(kind: str, selection: Selection, *, with_timeline: bool) -> Callable[[Tags], object]:
    """What writes a file's tags."""
    from songmood.tagging.batch import tables
    from songmood.tagging.batch.selection import Selection
    from songmood.tagging.batch.terminal import tag_table

    if kind == "table":
        console = Console(highlight=False)
        shown = Selection(top=ON_A_TERMINAL) if selection == Selection() else selection
        return lambda tags: console.print(tag_table(tags, shown.of(tags)))
    if kind == "jsonl":

        def tell(tags: Tags) -> None:
            told = tags if with_timeline else replace(tags, timeline=None)
            sys.stdout.write(tables.json_line(told, selection))

        return tell
    sys.stdout.write(tables.csv_line(tables.TIMELINE_COLUMNS if with_timeline else tables.COLUMNS))
    rows = tables.timeline_rows_of if with_timeline else tables.rows_of
    return lambda tags: sys.stdout.writelines(tables.csv_line(row) for row in rows(tags, selection))


def to_folder(tagger: MusicTagger, found: Found, outputs: Outputs, settings: Settings, changes: Changes | None) -> None:
    """Tag what is not finished yet, then write the results; of a shard, only what its union needs."""
    from songmood.tagging.batch.collection import Collection, about

    of = about(tagger, with_timeline=settings.with_timeline, with_embeddings=settings.with_embeddings)
    with closing(Collection(outputs.folder, of, found.paths, settings.shard)) as collection:
        if not settings.resume:
            collection.forget()
        missing = collection.missing(retry=settings.retry)
        if num_finished := len(collection.paths) - len(missing):
            typer.echo(f"{num_finished:,} of {len(collection.paths):,} files are finished already", err=True)
        with progress("tagging", len(missing), "files") as meter:
            collection.tag(tagger, missing, min(settings.workers, len(missing)), meter.advance)
        if settings.shard.count > 1:
            collection.end()
            shard = settings.shard
            typer.echo(
                f"shard {shard.number}/{shard.count} is finished; songmood tag --merge {outputs.folder} when all are"
            )
            _report(
                found, [one.reason for one in collection.failed()]
            )  # no file of few may fall to it: that is no failure
        else:
            _write(collection, outputs, found, changes)


def merge(folder: Path, outputs: Outputs, changes: Changes | None, *, with_timeline: bool) -> None:
    """Put the shards in a folder together and write their results.

    Raises:
        TaggingError: they do not fit together, or did not keep what is asked for.
    """
    from songmood.tagging.batch.collection import Union
    from songmood.tagging.batch.discover import Found

    with closing(Union(folder)) as union:
        lacks_timeline = with_timeline and not union.about.with_timeline
        if lacks_timeline or (outputs.embeddings and not union.about.with_embeddings):
            what, value = ("timeline", "") if lacks_timeline else ("embeddings", f" {outputs.embeddings}")
            remedy = f"run them again with --{what}{value} and another -o"
            raise TaggingError(f"the shards in {folder} have no {what}: {remedy}")
        _write(union, outputs, Found(), changes)


def _write(finished: Finished, outputs: Outputs, found: Found, changes: Changes | None) -> None:
    from songmood.tagging.tags import Tags

    for path in outputs.write(finished):
        typer.echo(f"wrote {path}")
    if old := outputs.left_over(finished):
        typer.echo(f"of an earlier run, and not renewed without their --format: {', '.join(old)}", err=True)
    failed = finished.failed()
    _report(found, [one.reason for one in failed])
    _require_some(found, len(failed), len(finished.paths) - len(failed))
    if changes:
        for result in finished.results():
            if isinstance(result, Tags):
                changes.see(result)
        changes.make()


def _report(found: Found, reasons: Sequence[str]) -> None:
    """What could not be used, at the end."""
    from songmood.tagging.batch.discover import passed_over
    from songmood.tagging.batch.file_names import on_a_line

    if said := passed_over(found):
        typer.echo(said, err=True)
    lines = [*(f"{name}: {reason}" for name, reason in found.unusable.items()), *reasons]
    for line in lines[:SHOWN]:
        typer.echo(f"not tagged: {on_a_line(line)}", err=True)
    if len(lines) > SHOWN:
        typer.echo(f"not tagged: {len(lines) - SHOWN:,} more; with -o, failures.csv has them", err=True)


def _require_some(found: Found, num_failed: int, num_tagged: int) -> None:
    if not num_tagged:
        raise TaggingError(f"none of {len(found.unusable) + num_failed:,} files could be tagged")
