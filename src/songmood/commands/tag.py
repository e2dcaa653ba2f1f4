"""`songmood tag`: the moods of one's own music."""

from __future__ import annotations

import gc
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from songmood.errors import TaggingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from songmood.tagging.batch.discover import Found
    from songmood.tagging.batch.outputs import Outputs
    from songmood.tagging.batch.selection import Selection
    from songmood.tagging.music_tagger import MusicTagger


class Format(StrEnum):
    """How results are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    M3U8 = "m3u8"
    AUDACITY = "audacity"


Paths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH...", help="Files, folders, globs; - for a list on standard input.")
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        help="A run folder, a checkpoint, weights or vggish; several: the mean of their scores. "
        "Default: the newest run here, else vggish.",
    ),
]
Out = Annotated[Path | None, typer.Option("-o", "--out", help="A folder for results; what is killed goes on there.")]
Formats = Annotated[
    list[Format] | None,
    typer.Option("--format", "-f", help="Several with -o. Default: a table on a terminal, else csv."),
]
Top = Annotated[int | None, typer.Option(min=1, help="Only the first N tags of a file.")]
MinPercentile = Annotated[float | None, typer.Option(min=0, max=100, help="Only tags from this percentile on.")]
Decided = Annotated[bool, typer.Option("--decided", help="Only the tags that a file gets.")]
WithTimeline = Annotated[bool, typer.Option("--timeline", help="Scores window by window, too.")]
Embeddings = Annotated[Literal["parquet", "npy"] | None, typer.Option(help="What the output layer sees, too; with -o.")]
Hop = Annotated[float | None, typer.Option(help="Seconds from a window to the next. Default: half a window.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")]
Workers = Annotated[int | None, typer.Option(min=0, help="Processes that decode. Default: one a core.")]
Resume = Annotated[bool, typer.Option("--resume/--no-resume", help="Keep what is finished in -o, or begin anew.")]
Retry = Annotated[bool, typer.Option("--retry", help="Try files again that could not be used.")]
ShardOption = Annotated[str | None, typer.Option("--shard", metavar="I/N", help="Only this share of the files.")]
Merge = Annotated[Path | None, typer.Option(metavar="DIR", help="Put the shards in this folder together.")]
Write = Annotated[bool, typer.Option("--write", help="Put the decided moods into the files' own tags.")]
Yes = Annotated[bool, typer.Option("--yes", help="With --write: change the files.")]
Undo = Annotated[Path | None, typer.Option(metavar="JOURNAL", help="Take back what a --write changed.")]
Trust = Annotated[list[str] | None, typer.Option(help="A package whose classes a checkpoint may name.")]

GO_WITH_MERGE = {"out", "formats", "top", "min_percentile", "decided", "timeline", "embeddings", "write", "yes"}


def tag(
    context: typer.Context,
    paths: Paths = None,
    model: ModelOption = None,
    out: Out = None,
    formats: Formats = None,
    top: Top = None,
    min_percentile: MinPercentile = None,
    decided: Decided = False,
    timeline: WithTimeline = False,
    embeddings: Embeddings = None,
    hop: Hop = None,
    device: Device = "auto",
    workers: Workers = None,
    resume: Resume = True,
    retry: Retry = False,
    shard: ShardOption = None,
    merge: Merge = None,
    write: Write = False,
    yes: Yes = False,
    undo: Undo = None,
    trust: Trust = None,
) -> None:
    """Tag music: the moods and themes of each file, with a probability and a percentile for each tag."""
    from songmood.commands import tag_runs, tag_writing
    from songmood.tagging.batch.selection import Selection
    from songmood.tagging.batch.shards import Shard

    if undo:
        _require_only(context, "undo", set())
        tag_writing.take_back(undo)
        return
    if merge:
        _require_only(context, "merge", GO_WITH_MERGE)
    tag_writing.require(write=write, yes=yes, shard=shard)
    kinds = tuple(dict.fromkeys(kind.value for kind in formats or ()))
    selection = Selection(top, min_percentile, decided)
    with_timeline = timeline or "audacity" in kinds
    place = out or merge
    outputs = _outputs(place, kinds, selection, embeddings) if place else None
    changes = tag_writing.Changes(selection, place, is_wanted=yes) if write else None
    if merge:
        assert outputs
        tag_runs.merge(merge, outputs, changes, with_timeline=with_timeline)
        return
    if outputs is None:
        tag_runs.require_stdout(kinds, needs_folder=embeddings is not None or shard is not None)
    share = Shard.parse(shard) if shard else Shard()
    found = _find(paths or [])
    tagger = _tagger(model, device, trust or (), hop, with_embeddings=embeddings is not None)
    _require_told(tagger, selection, with_timeline=with_timeline)
    count = tag_runs.worker_count(workers, len(found.paths))
    if outputs is None:
        tag_runs.to_stdout(tagger, found, count, kinds, selection, changes, with_timeline=timeline)
    else:
        settings = tag_runs.Settings(count, share, with_timeline, embeddings is not None, resume, retry)
        tag_runs.to_folder(tagger, found, outputs, settings, changes)


def _require_only(context: typer.Context, verb: str, allowed: set[str]) -> None:
    """Refuse what would have no effect beside ``--merge`` or ``--undo``."""
    given = [
        "/".join([max(option.opts, key=len), *option.secondary_opts]) if option.param_type_name == "option" else "PATH"
        for option in context.command.params
        if option.name and option.name not in (verb, *allowed)
        if (source := context.get_parameter_source(option.name)) and source.name == "COMMANDLINE"
    ]
    if given:
        raise TaggingError(f"{', '.join(given)} with --{verb}: would have no effect, leave it out")


def _outputs(folder: Path, kinds: tuple[str, ...], selection: Selection, embeddings: str | None) -> Outputs:
    from songmood.tagging.batch.outputs import Outputs
    from songmood.tagging.batch.tables import require_parquet

    if "parquet" in (*kinds, embeddings):
        require_parquet()
    return Outputs(folder, kinds or ("csv",), selection, embeddings)


def _find(paths: Sequence[str]) -> Found:
    from songmood.tagging.batch.discover import discover, listed

    if not paths:
        raise TaggingError("no music is named: expected files, folders, globs, or - for a list on standard input")
    named = [name for path in paths for name in (listed(sys.stdin.buffer.read()) if path == "-" else [path])]
    return discover(named)


def _tagger(
    models: Sequence[str] | None, device: str, trusted: Sequence[str], hop: float | None, *, with_embeddings: bool
) -> MusicTagger:
    gc.disable()  # what torch's modules are made of stays: looking through it for garbage takes a tenth of the import
    from songmood.models.host_memory import keep_freed_memory
    from songmood.tagging.load import load_tagger

    gc.enable()
    keep_freed_memory()
    tagger = load_tagger(models or default_models(), device, trusted, hop=hop, with_embeddings=with_embeddings)
    for line in dict.fromkeys(f"{one.name}: {len(one.tags)} tags, {one.scale}" for one in tagger.networks):
        typer.echo(line, err=True)
    return tagger


def _require_told(tagger: MusicTagger, selection: Selection, *, with_timeline: bool) -> None:
    """Refuse what the models cannot tell, before they hear anything."""
    has_percentiles = all(network.quantiles is not None for network in tagger.networks)
    selection.require(tagger.model, has_percentiles=has_percentiles, has_decisions=tagger.thresholds is not None)
    windows = sorted({network.seconds for network in tagger.networks})
    if with_timeline and len(windows) > 1:
        found = " and ".join(f"{seconds:.2f}" for seconds in windows)
        raise TaggingError(f"a timeline of several models needs windows of one length, not windows of {found} s")


def default_models() -> list[str]:
    """What is used where no model is named, and a line that says so."""
    from songmood.tagging.load import newest_run
    from songmood.tagging.vggish import NAME

    newest = newest_run(Path())
    why = "the newest run here" if newest else "there is no run here"
    typer.echo(f"model: {newest or NAME} ({why}; --model names another)", err=True)
    return [str(newest or NAME)]
