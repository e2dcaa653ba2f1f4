"""`make bench`: every benchmark's rows in one table, and as JSON in results/benchmarks.json."""

import argparse
import importlib
import json
import pkgutil
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.harness import Row
from songmood.runs.provenance import code_version, hardware


def main() -> None:
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="names of benchmarks; all that give rows if none")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks.json"))
    arguments = parser.parse_args()
    console = Console()
    rows: list[Row] = []
    for name in arguments.only or names:
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "rows"):
            console.log(f"running {name}")
            rows += module.rows()
    console.print(as_table(rows))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    measured = {"commit": code_version(), "hardware": hardware(), "rows": [asdict(row) for row in rows]}
    arguments.out.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {arguments.out}")


def as_table(rows: list[Row]) -> Table:
    table = Table("what", "obvious way", "songmood", "unit", "ratio", "target", "the same thing?")
    for row in rows:
        ratio = "unmeasured" if row.ratio is None else f"{row.ratio:.2f}"
        met = row.ratio is not None and row.ratio >= row.target
        style = "dim" if row.ratio is None else "green" if met else "red"
        obvious, ours = (("-" if rate is None else f"{rate:,.2f}") for rate in (row.obvious, row.ours))
        table.add_row(row.what, obvious, ours, row.unit, f"[{style}]{ratio}", f"{row.target:g}", row.same)
    return table


if __name__ == "__main__":
    main()
