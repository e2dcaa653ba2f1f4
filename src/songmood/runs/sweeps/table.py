"""A sweep, read back: its jobs, and the rows of its table, each with the replicates behind it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Literal

from hydra.errors import HydraException
from omegaconf import OmegaConf

from songmood.errors import RunFolderError
from songmood.runs.configuration import as_written
from songmood.runs.sweeps.job import FAILED, is_held
from songmood.runs.sweeps.names import MULTIRUN, REPLICATES, jobs_of, key_of

State = Literal["finished", "running", "failed", "interrupted", "waiting"]
COLUMNS = ("roc_auc_macro", "pr_auc_macro", "f1_macro", "f1_micro")
RANKED_BY = "pr_auc_macro"


@dataclass(frozen=True)
class Job:
    """One job of a sweep.

    Attributes:
        folder: its run folder; None of one that waits.
        overrides: what its command line says, such as ``("model=crnn_attn", "data=random", "seed=1")``.
        state: what has become of it.
        replicate: the values of its seed, split and fold; None where it has no such key.
        split: what was scored, ``test`` after training.
        metrics: that split's part of `metrics.json`; empty without results.
        note: why it has none, in one line.
        code: of which sources its results are.
    """

    folder: Path | None
    overrides: tuple[str, ...]
    state: State
    replicate: tuple[Any, ...] = (None,) * len(REPLICATES)
    split: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    note: str = ""
    code: str = ""

    @property
    def name(self) -> str:
        """For messages."""
        return self.folder.name if self.folder else ",".join(self.overrides)


@dataclass(frozen=True)
class Row:
    """The jobs that differ in nothing but what is repeated.

    Attributes:
        overrides: what they share, and not with all other rows.
        jobs: of any state.
    """

    overrides: tuple[str, ...]
    jobs: tuple[Job, ...]

    @property
    def name(self) -> str:
        """What tells it from other rows."""
        return ",".join(self.overrides) or "all"

    @property
    def finished(self) -> dict[tuple[Any, ...], Job]:
        """Its results by replicate."""
        return {job.replicate: job for job in self.jobs if job.metrics}

    @property
    def states(self) -> dict[str, int]:
        """How many of its jobs are in which state, but for those that are finished."""
        return dict(Counter(job.state for job in self.jobs if job.state != "finished"))

    def mean(self, metric: str) -> float:
        """Over the replicates; NaN without any."""
        values = self.values(metric)
        return mean(values) if values else float("nan")

    def sd(self, metric: str) -> float | None:
        """Over the replicates; None for fewer than two."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else None

    def values(self, metric: str) -> list[float]:
        """Of each replicate that has one."""
        values = (job.metrics.get(metric) for job in self.finished.values())
        return [value for value in values if value is not None]


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder, read.

    Attributes:
        folder: the sweep's.
        jobs: those with a folder, by its name, then those that wait.
        rows: best first.
    """

    folder: Path
    jobs: tuple[Job, ...]
    rows: tuple[Row, ...]

    @property
    def notes(self) -> list[str]:
        """What to know before reading the table."""
        codes = {job.code for job in self.jobs if job.code}
        return [f"{len(codes)} versions of the code are behind these results: start the sweep again"] * (len(codes) > 1)


def read_sweep(folder: Path) -> Sweep:
    """Read a sweep, finished or not.

    Raises:
        RunFolderError: the folder is no sweep.
    """
    found = sorted(path.parents[1] for path in folder.glob("*/.hydra/overrides.yaml"))
    if not found and not (folder / MULTIRUN).is_file():
        raise RunFolderError(f"{folder} is no sweep: expected a folder with {MULTIRUN}, as `train.py -m` leaves it")
    jobs = [_read_job(path) for path in found]
    known = {job.overrides for job in jobs}
    jobs += [Job(None, planned, "waiting") for planned in _planned(folder) if planned not in known]
    return Sweep(folder, tuple(jobs), rows_of(jobs))


def rows_of(jobs: Sequence[Job]) -> tuple[Row, ...]:
    """Jobs grouped by everything but what is repeated, the best mean first, rows without results last."""
    groups: dict[tuple[str, ...], list[Job]] = {}
    for job in jobs:
        kept = tuple(each for each in job.overrides if key_of(each) not in REPLICATES)
        groups.setdefault(kept, []).append(job)
    shared = set.intersection(*map(set, groups)) if groups else set()
    rows = [Row(tuple(each for each in key if each not in shared), tuple(group)) for key, group in groups.items()]
    return tuple(sorted(rows, key=lambda row: -row.mean(RANKED_BY) if row.finished else float("inf")))


def _read_job(folder: Path) -> Job:
    overrides = tuple(as_written(OmegaConf.load(folder / ".hydra" / "overrides.yaml")))
    config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    replicate = tuple(OmegaConf.select(config, key) for key in REPLICATES)
    if (folder / FAILED).is_file():
        note = (folder / FAILED).read_text(encoding="utf-8").strip()
        return Job(folder, overrides, "failed", replicate, note=note)
    if not (folder / "metrics.json").is_file():
        state: State = "running" if is_held(folder) else "interrupted"
        return Job(folder, overrides, state, replicate, note=_progress(folder))
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    split = "test" if "test" in metrics else next(iter(metrics))
    origin = folder / "provenance.json"
    code = json.loads(origin.read_text(encoding="utf-8"))["code"] if origin.is_file() else ""
    return Job(folder, overrides, "finished", replicate, split, metrics[split], code=code)


def _progress(folder: Path) -> str:
    history = folder / "metrics.csv"
    epochs = len(history.read_text(encoding="utf-8").splitlines()) - 1 if history.is_file() else 0
    return f"{epochs} epoch{'s' * (epochs != 1)} done"


def _planned(folder: Path) -> list[tuple[str, ...]]:
    """The jobs of the command that was started last; none where a search decides on them as it goes."""
    if not (folder / MULTIRUN).is_file():
        return []
    config = OmegaConf.load(folder / MULTIRUN)
    try:
        return [tuple(job) for job in jobs_of(config.hydra.overrides.task)]
    except HydraException:
        return []
