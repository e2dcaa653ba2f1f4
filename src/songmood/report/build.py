"""Makes a report: reads run folders, bootstraps, writes index.html and RESULTS.md."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from songmood.errors import RunFolderError
from songmood.report.content import Content, gather
from songmood.report.markdown import render_markdown
from songmood.report.page import render_page
from songmood.report.rows import ReportRow

PAGE, MARKDOWN = "index.html", "RESULTS.md"
RESAMPLES = 1000


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
