"""`make bench`: every benchmark's rows in one table, and as JSON in results/benchmarks.json."""

import argparse
import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import benchmarks
from benchmarks.harness import Row
from songmood.config import closest
from songmood.runs.provenance import code_version, hardware
from songmood.runs.results import write_json


def main(arguments: Sequence[str] | None = None) -> None:
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__) if not module.name.startswith("_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help="names of benchmarks; all that give rows if none")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks.json"))
    asked = parser.parse_args(arguments)
    for name in asked.only:
        if name not in names:
            parser.error(f"no benchmark {name}{closest(name, names)} (there are: {', '.join(names)})")
    console = Console()
    rows: list[Row] = []
    measured = {"commit": code_version(), "hardware": hardware()}
    try:
        for name in asked.only or names:
            module = importlib.import_module(f"benchmarks.{name}")
            if hasattr(module, "rows"):
                console.log(f"running {name}")
                try:
                    rows += module.rows()
                except ModuleNotFoundError as missing:  # the obvious way's: Essentia has no wheel for Python 3.14
                    console.print(f"{name} is left out: {missing.name} is not installed", soft_wrap=True)
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                write_json(asked.out, {**measured, "rows": [asdict(row) for row in rows]})
            elif asked.only:
                about = (module.__doc__ or "it serves other benchmarks").partition("\n")[0]
                console.print(Text(f"{name} has no rows: {about}"), soft_wrap=True)
    finally:  # what was measured is shown where a later benchmark fails or is interrupted
        if rows:
            console.print(as_table(rows))
            console.print(f"written to {asked.out}", soft_wrap=True)


def as_table(rows: Sequence[Row]) -> Table:
    """Readable in 80 columns: the unit, and how both sides were seen to be the same thing, stand below the work."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    table.add_column("what", overflow="fold")
    for heading in ("obvious way", "songmood", "ratio", "target"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        what = Text.assemble(row.what, "\n", (f"{row.unit}; {row.same}" if row.unit else row.same, "dim"))
        style = "dim" if row.ratio is None else "green" if row.ratio >= row.target else "red"
        ratio = Text("-" if row.ratio is None else f"{row.ratio:.2f}", style)
        table.add_row(what, rate(row.obvious), rate(row.ours), ratio, f"{row.target:g}")
    return table


def rate(value: float | None) -> str:
    """Two decimals where they say something."""
    return "-" if value is None else f"{value:,.0f}" if value >= 1_000 else f"{value:.2f}"


if __name__ == "__main__":
    main()
