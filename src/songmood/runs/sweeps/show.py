"""The table of a sweep, for the terminal and as a file."""

from typing import TYPE_CHECKING

from songmood.runs.sweeps.differences import Difference, difference
from songmood.runs.sweeps.table import COLUMNS, RANKED_BY, Sweep

if TYPE_CHECKING:
    from rich.console import RenderableType

TABLE = "sweep.tsv"
HEADS = {"roc_auc_macro": "ROC-AUC", "pr_auc_macro": "PR-AUC", "f1_macro": "F1 macro", "f1_micro": "F1 micro"}


def write_table(sweep: Sweep) -> None:
    """`sweep.tsv` in its folder, a row a job: as they are, for whoever calculates further."""
    lines = ["\t".join(("job", "overrides", "split", *COLUMNS, "state", "note"))]
    for job in sweep.jobs:
        numbers = [_number(job.metrics.get(name), ".6f") for name in COLUMNS]
        lines.append("\t".join((job.name, " ".join(job.overrides), job.split, *numbers, job.state, job.note)))
    (sweep.folder / TABLE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def cells(sweep: Sweep) -> list[list[str]]:
    """The table as text: a heading, then a line a row, best first."""
    first = sweep.rows[0] if sweep.rows else None
    lines = [["", "n", *(HEADS[name] for name in COLUMNS), f"{HEADS[RANKED_BY]} - first"]]
    for row in sweep.rows:
        apart = None if row is first or first is None else difference(row, first, RANKED_BY)
        values = (spread_out(row.mean(name), row.sd(name)) for name in COLUMNS)
        name = "\n".join((*(row.overrides or [row.name]), *(f"{count} {state}" for state, count in row.states.items())))
        lines.append([name, str(len(row.finished)), *values, signed(apart)])
    return lines


def as_table(sweep: Sweep) -> "RenderableType":
    """For the terminal; below, what failed and why, and what is at work."""
    from rich import box
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    (first, *heading), *lines = cells(sweep)
    splits = " and ".join(sorted({job.split for job in sweep.jobs if job.split}))
    title = f"sweep: {splits} split, mean ± SD of n runs" if splits else "sweep"
    table = Table(title=title, title_justify="left", box=box.SIMPLE, show_lines=False, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in heading:
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*map(escape, line))
    colours = {"failed": "red", "interrupted": "yellow", "running": "green"}
    told = [
        f"[{colours[job.state]}]{job.state}[/] {escape(job.name)}: {escape(job.note)}"
        for job in sweep.jobs
        if job.state in colours
    ]
    return Group(table, *told, *map(escape, sweep.notes))


def spread_out(value: float, sd: float | None) -> str:
    """A mean and its SD."""
    if value != value:
        return ""
    return f"{value:.4f}" + ("" if sd is None else f"\n±{sd:.4f}")


def signed(found: Difference | None) -> str:
    """A difference and its interval."""
    if found is None:
        return ""
    ends = "" if found.low != found.low else f"\n{found.low:+.3f}..{found.high:+.3f}"
    return f"{found.value:+.4f}{' *' * found.is_told_apart}{ends}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
