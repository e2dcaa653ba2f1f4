"""The report as Markdown: the table, what is significant, the warnings, the origins."""

from collections.abc import Iterable, Mapping, Sequence

from songmood.report.content import PROVENANCE_HEADS, Content
from songmood.report.page import number
from songmood.report.paper import METRIC_NAMES, METRICS
from songmood.report.table import TableRow

SPECIAL = "\\`*_{}[]<>#|&~"  # what Markdown or the HTML in it would read as its own


def render_markdown(content: Content) -> str:
    """The text of RESULTS.md; the same content gives the same text."""
    parts = [
        "# Results",
        f"Mood and theme tagging on {content.num_tracks:,} test tracks and {len(content.tags)} tags. "
        "[index.html](index.html) has the curves, every tag and every configuration.",
    ]
    if content.notices:
        parts.append("\n".join(_bullet(notice.kind, notice.text, notice.log) for notice in content.notices))
    parts += []
    for heading, rows in content.tables.items():
        parts += [
            f"## {heading}",
            "Published / ours: the mean over seeds ± their standard deviation, in brackets the 95 % bootstrap interval "
            "over test tracks.",
            _table(_heads(), (_line(row, content.best) for row in rows)),
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


def _heads() -> tuple[str, ...]:
    return ("Row", "Epochs", "Seeds", *(METRIC_NAMES[metric] for metric in METRICS))


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
        return "failed" if row.troubles else "not run"
    estimate = row.estimates[metric]
    mean = number(estimate.mean)
    spread = "" if estimate.sd is None else f" ± {number(estimate.sd)}"
    return f"{f'**{mean}**' if is_best else mean}{spread} [{number(estimate.low)}, {number(estimate.high)}]"


def _bullet(kind: str, text: str, log: str) -> str:
    return f"- **{kind}**: {escaped(text)}" + (f" Log: `{log}`" if log else "")


def _table(heads: Sequence[str], lines: Iterable[Iterable[str]]) -> str:
    rows = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join(rows + ["| " + " | ".join(line) + " |" for line in lines])
