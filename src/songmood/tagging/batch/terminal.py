"""Results for people: a file with its tags as bars on the percentile scale."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from songmood.tagging.batch.file_names import on_a_line
from songmood.tagging.tags import Tags, TagScore

BAR = 24  # characters
EIGHTHS = " ▏▎▍▌▋▊▉"


def tag_table(tags: Tags, rows: Sequence[TagScore]) -> Table:
    """A file's tags: percentile with a bar, score, and a mark where the tag is decided.

    Args:
        tags: of the file.
        rows: those to show.
    """
    minutes, seconds = divmod(round(tags.duration), 60)
    title = Text.assemble((on_a_line(tags.source or "samples"), "bold"), f"  {minutes}:{seconds:02d}")
    note = Text("; ".join(tags.notes), style="dim") if tags.notes else None
    table = Table(title=title, caption=note, box=box.SIMPLE_HEAD, title_justify="left", caption_justify="left")
    for heading in ("", "tag"):
        table.add_column(heading, no_wrap=True)
    table.add_column("" if tags.ranks is None else "percentile")
    table.add_column("", justify="right")
    table.add_column("score", justify="right")
    for row in rows:
        share = row.score if row.percentile is None else row.percentile / 100
        rank = "" if row.percentile is None else f"{row.percentile:.0f}"
        style = "bold" if row.is_decided else ""
        table.add_row("●" if row.is_decided else "", Text(row.tag, style), bar(share), rank, f"{row.score:.3f}")
    return table


def bar(share: float) -> str:
    """From 0 to 1, in eighths of a character."""
    eighths = round(min(max(share, 0.0), 1.0) * BAR * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + EIGHTHS[rest]).strip().ljust(BAR)
