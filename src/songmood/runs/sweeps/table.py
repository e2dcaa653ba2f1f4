"""The table that ends a sweep: every job, what it changed and what it reached, or why it failed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from songmood.runs.entry import FAILED

COLUMNS = ("roc_auc_macro", "pr_auc_macro", "f1_macro", "f1_micro")


@dataclass(frozen=True)
class JobResult:
    """One job of a sweep.

    Attributes:
        folder: its run folder.
        overrides: what its command line says, such as ``("model=crnn_attn", "data=random")``.
        split: what was scored, ``test`` after training; empty where it failed.
        scores: that split's summary in `metrics.json`; None where it failed.
        failure: why it failed, in one line; None where it did not.
    """

    folder: Path
    overrides: tuple[str, ...]
    split: str
    scores: dict[str, Any] | None
    failure: str | None


class SweepTable(Callback):
    """At the end of a sweep: prints the table, keeps it as `sweep.tsv`, and exits with status 1 where a job failed."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the jobs' folders back."""
        from rich.console import Console

        folder = Path(str(config.hydra.sweep.dir))
        jobs = read_jobs(folder)
        write_table(jobs, folder / "sweep.tsv")
        Console().print(as_table(jobs))
        if any(job.failure for job in jobs):
            raise SystemExit(1)


def read_jobs(folder: Path) -> list[JobResult]:
    """The jobs below a sweep's folder, in the order in which they were numbered."""
    jobs = [path.parents[1] for path in folder.glob("*/.hydra/overrides.yaml")]
    return [_read_job(path) for path in sorted(jobs, key=lambda path: (len(path.name), path.name))]


def _read_job(folder: Path) -> JobResult:
    overrides = tuple(str(item) for item in OmegaConf.load(folder / ".hydra" / "overrides.yaml"))
    failed, metrics = folder / FAILED, folder / "metrics.json"
    if failed.exists():
        return JobResult(folder, overrides, "", None, failed.read_text(encoding="utf-8").strip())
    if not metrics.exists():
        return JobResult(folder, overrides, "", None, f"ended without results; see {folder}/train.log")
    scored = json.loads(metrics.read_text(encoding="utf-8"))
    split = "test" if "test" in scored else next(iter(scored))
    return JobResult(folder, overrides, split, scored[split], None)


def write_table(jobs: list[JobResult], path: Path) -> None:
    """As TSV, a row a job."""
    lines = ["\t".join(("job", "overrides", "split", *COLUMNS, "failure"))]
    for job in jobs:
        numbers = [f"{job.scores[name]:.6f}" if job.scores else "" for name in COLUMNS]
        lines.append("\t".join((job.folder.name, " ".join(job.overrides), job.split, *numbers, job.failure or "")))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def as_table(jobs: list[JobResult]) -> Any:
    """For the terminal: the scores of each job beside what tells it from the others; below, why jobs failed."""
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table

    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    splits = sorted({job.split for job in jobs if job.split})
    title = f"sweep: {' and '.join(splits)} split" if splits else "sweep"
    table = Table("job", "overrides", *COLUMNS, title=title, title_justify="left")
    for job in jobs:
        own = "\n".join(override for override in job.overrides if override not in shared)
        scores = [f"{job.scores[name]:.4f}" for name in COLUMNS] if job.scores else ["[red]failed"]
        table.add_row(job.folder.name, escape(own), *scores)
    failures = [f"[red]job {job.folder.name} failed:[/] {escape(job.failure)}" for job in jobs if job.failure]
    return Group(table, *failures)
