"""The runs behind a table, the paper's or the one beyond: which are finished, which go on, which start."""

import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from songmood.errors import ConfigError
from songmood.runs.compose import make_corpus
from songmood.runs.configuration import compose_config, plain
from songmood.runs.sweeps.slots import BEGIN, OUTPUT, Processes
from songmood.runs.sweeps.standing import Asked, is_complete

log = logging.getLogger(__name__)

SUBMISSIONS = ("run1", "run2", "run3", "run4", "run5")
BASELINES = {"jamendo": ("popularity", "vggish"), "demo": ("popularity",), "folder": ("popularity",)}
BEYOND = ("crnn_modern", "convs", "short_res", "fa_resnet")
ENSEMBLED, MEMBERS = "crnn_modern", 6  # the ensemble's members are seeds of this experiment
IN_SMALL = {  # sizes for the demo corpus
    "crnn_modern": ("experiment=[crnn_modern,small]",),
    **{name: (f"experiment={name}", "model.channels=8", "trainer.max_epochs=20") for name in BEYOND[1:]},
    "short_res": ("experiment=short_res", "model.channels=8", "trainer.max_epochs=20", "scheduler.first=12"),
    **{name: (f"experiment=[{name},demo]",) for name in ("popularity", *SUBMISSIONS)},
}
START = f"{BEGIN}from songmood.cli import main; main()"


@dataclass(frozen=True)
class PlannedRun:
    """One training run of the reproduction.

    Attributes:
        experiment: which row or rows of the table it gives: a file of `conf/experiment`.
        seed: of the run.
        overrides: what its command line says.
        folder: its run folder, the same each time, so that a killed run is found again.
    """

    experiment: str
    seed: int
    overrides: tuple[str, ...]
    folder: Path

    @property
    def log(self) -> Path:
        """All that the run printed."""
        return self.folder / OUTPUT


@dataclass(frozen=True)
class Outcome:
    """What became of a planned run.

    Attributes:
        run: the plan.
        status: ``finished``; ``stale``: of another configuration, code or cache than today's; ``failed``; ``not run``.
        note: what is stale, or why it failed, in one line.
    """

    run: PlannedRun
    status: Literal["finished", "stale", "failed", "not run"]
    note: str = ""


def reproduce_runs(runs: Sequence[PlannedRun], *, is_training: bool) -> list[Outcome]:
    """Carry out what is not finished; a run that fails does not stop the others.

    Args:
        runs: in the order of the table.
        is_training: False reports what is there, stale or not.

    Raises:
        SongmoodError: where the corpus has no cache and cannot build it.
    """
    fingerprint = cache_fingerprint(runs[0]) if runs else ""
    outcomes = []
    for number, run in enumerate(runs, 1):
        changed = asked(run).what_changed(run.folder, fingerprint) if is_complete(run.folder) else None
        place = f"[{number}/{len(runs)}] {run.experiment}, seed {run.seed}"
        if changed == []:
            log.info("%s: finished before", place)
            outcomes.append(Outcome(run, "finished"))
        elif is_training:
            log.info("%s: running; its log is %s", place, run.log)
            failure = carry_out(run)
            log.info("%s: %s", place, failure or "finished")
            outcomes.append(Outcome(run, "failed", failure) if failure else Outcome(run, "finished"))
        elif changed:
            outcomes.append(Outcome(run, "stale", f"made with another {' and '.join(changed)} than there is now"))
        else:
            begun = run.log.is_file()
            outcomes.append(Outcome(run, "failed", "it has not finished") if begun else Outcome(run, "not run"))
    return outcomes


def cache_fingerprint(run: PlannedRun) -> str:
    """Of the run's corpus as it is now; a demo or folder corpus is built where it is missing."""
    return make_corpus(plain(compose_config("train", run.overrides).corpus)).open().fingerprint


def plan(
    corpus: str,
    seeds: int,
    out: Path,
    extra: Sequence[str] = (),
    only: Sequence[str] = (),
    table: Literal["paper", "beyond"] = "paper",
) -> list[PlannedRun]:
    """Every run of a table, for every seed.

    Args:
        corpus: an option of the group `corpus`; with ``demo`` networks and runs are small.
        seeds: how many, counted from 0; a baseline that draws nothing has one, and what is ensembled at least six.
        out: the results folder.
        extra: overrides that all runs get.
        only: these experiments; empty for all.
        table: the paper's, or the one of what came later.

    Raises:
        ConfigError: for an experiment in `only` that there is none of.
    """
    experiments = BEYOND if table == "beyond" else (*BASELINES.get(corpus, ("popularity",)), *SUBMISSIONS)
    unknown = [experiment for experiment in only if experiment not in experiments]
    if unknown:
        raise ConfigError(f"--only {unknown[0]}: expected one of {', '.join(experiments)}")
    runs = []
    for experiment in only or experiments:
        chosen = IN_SMALL[experiment] if corpus == "demo" else (f"experiment={experiment}",)
        least = MEMBERS if experiment == ENSEMBLED else 1
        for seed in range(1 if experiment == "popularity" else max(seeds, least)):
            folder = out / "runs" / corpus / experiment / f"seed-{seed}"
            runs.append(PlannedRun(experiment, seed, (*chosen, f"corpus={corpus}", f"seed={seed}", *extra), folder))
    return runs


def asked(run: PlannedRun) -> Asked:
    """The run as it would be today."""
    return Asked.of(plain(compose_config("train", run.overrides), resolve=False))


def carry_out(run: PlannedRun) -> str | None:
    """Run it in a process of its own, from its last checkpoint where a killed run of the same kind left one.

    Returns:
        None when it finished, else why not, in one line.

    Raises:
        KeyboardInterrupt: on Ctrl-C, when it has ended.
    """
    command = [sys.executable, "-c", START, "train", *run.overrides, f"hydra.run.dir={run.folder}"]
    today = asked(run)
    if checkpoint := today.checkpoint(run.folder):
        command.append(f"ckpt_path={checkpoint}")
    else:
        shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True, exist_ok=True)
    today.begin(run.folder)
    processes = Processes([{}])
    try:
        status = processes.run(run.folder, command)
    except KeyboardInterrupt:
        processes.stop()
        raise
    if status == 0 and is_complete(run.folder):
        return None
    lines = [line.strip() for line in run.log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return f"exit status {status}: {lines[-1] if lines else 'it printed nothing'}"
