"""Makes a report: reads run folders, bootstraps, writes index.html, and RESULTS.md, which says the same in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from songmood.errors import RunFolderError
from songmood.report.content import PROVENANCE_HEADS, Content, Notice, gather
from songmood.report.page import number, render_page
from songmood.report.paper import METRIC_NAMES, METRICS
from songmood.report.rows import ReportRow
from songmood.report.table import TableRow

PAGE, MARKDOWN = "index.html", "RESULTS.md"
RESAMPLES = 1000
HEADS = ("Row", "Epochs", "Seeds", *(METRIC_NAMES[metric] for metric in METRICS))
SPECIAL = "\\`*_{}[]<>#|&~"  # what Markdown or the HTML in it would read as its own


def build_report(
    rows: Sequence[ReportRow], out: Path, *, resamples: int = RESAMPLES, skip_unreadable: bool = True
) -> Content:
    """Write `index.html` and `RESULTS.md` for some runs; the same runs give the same bytes.

    Args:
        rows: the runs, each with its state.
        out: the folder to write to, made where it is missing.
        resamples: of the bootstrap.
        skip_unreadable: name a run that cannot be read among the failed, instead of raising.

    Returns:
        What the two show.

    Raises:
        RunFolderError: a run cannot be read, runs are of different test sets, or `out` cannot be written.
    """
    out = out.absolute()
    rows = [replace(row, folder=row.folder.absolute(), log=row.log and row.log.absolute()) for row in rows]
    content = gather(rows, out, resamples=resamples, skip_unreadable=skip_unreadable)
    texts = {PAGE: render_page(content), MARKDOWN: render_markdown(content)}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial = out / f".{name}.partial"
            partial.write_text(text, encoding="utf-8", newline="\n")
            partial.replace(out / name)
    except OSError as error:
        raise RunFolderError(f"{out}: the report cannot be written ({error.strerror}); give another --out") from error
    return content


def render_markdown(content: Content) -> str:
    """The text of RESULTS.md: the table, what is significant, the warnings, the origins."""
    parts = [
        "# Results",
        f"Mood and theme tagging on {content.num_tracks:,} test tracks and {len(content.tags)} tags. "
        "[index.html](index.html) has the curves, every tag and every configuration.",
    ]
    if content.notices:
        parts.append("\n".join(_bullet(notice) for notice in content.notices))
    for heading, rows in content.tables.items():
        parts += [
            f"## {heading}",
            "Published / ours: the mean over seeds ± their standard deviation, in brackets the 95 % bootstrap interval "
            "over test tracks.",
            _table(HEADS, (_line(row, content.best) for row in rows)),
        ]
    for name, verdicts in content.comparisons.items():
        lines = [(v.name, "; ".join(v.beats) or "–", "; ".join(v.ties) or "–") for v in verdicts]
        parts += [
            f"## Significance: {name}",
            f"Paired bootstrap, {content.resamples:,} resamples of the test tracks, corrected for the number of pairs "
            "(Holm), at 0.05.",
            _table(("Row", "better than", "not told apart from"), (map(escaped, line) for line in lines)),
        ]
    if content.entries:
        parts += ["## Provenance", _table(PROVENANCE_HEADS, (map(escaped, line) for line in content.provenance))]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return "".join(f"\\{sign}" if sign in SPECIAL else sign for sign in " ".join(text.split()))


def _bullet(notice: Notice) -> str:
    return f"- **{notice.kind}**: {escaped(notice.text)}" + (f" Log: `{notice.log}`" if notice.log else "")


def _line(row: TableRow, best: Mapping[str, TableRow]) -> list[str]:
    marks = ", ".join(filter(None, (row.precision, *(text for text, _ in row.marks))))
    name = escaped(f"{row.name} ({marks})" if marks else row.name)
    cells = [name, str(row.epochs or "–"), str(len(row.members) or "–")]
    for at, metric in enumerate(METRICS):
        paper = number(row.paper.figures[at] if row.paper else None)
        cells.append(f"{paper} / {_ours(row, metric, is_best=best.get(metric) is row)}")
    return cells


def _ours(row: TableRow, metric: str, *, is_best: bool) -> str:
    if metric not in row.estimates:
        return row.why_empty
    estimate = row.estimates[metric]
    mean = number(estimate.mean)
    spread = "" if estimate.sd is None else f" ± {number(estimate.sd)}"
    return f"{f'**{mean}**' if is_best else mean}{spread} [{number(estimate.low)}, {number(estimate.high)}]"


def _table(heads: Sequence[str], lines: Iterable[Iterable[str]]) -> str:
    rows = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(rows + ["| " + " | ".join(line) + " |" for line in lines])
