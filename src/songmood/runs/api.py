"""Runs from Python, a notebook say: composed as on the command line, carried out in this process, read back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from songmood.errors import ConfigError
from songmood.runs.configuration import FAULTS, one_line, own_hydra, plain, quoted
from songmood.runs.entry import run_job
from songmood.training.trust import targets_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from songmood.training.tagger import Tagger

IN_THE_CARD = ("model", "data", "threshold", "tagger")  # groups of which a checkpoint keeps what they name


@dataclass(frozen=True)
class FinishedRun:
    """A run folder, read when it is asked.

    Attributes:
        folder: the run folder.
        trusted: packages beside songmood that its checkpoint may name.
    """

    folder: Path
    trusted: tuple[str, ...] = ()

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`metrics.json`: for each split the scores, and under ``tags`` those of each tag."""
        return dict(json.loads((self.folder / "metrics.json").read_text(encoding="utf-8")))

    @property
    def checkpoint(self) -> Path:
        """The last epoch's."""
        return self.folder / "checkpoints" / "last.ckpt"

    @cached_property
    def tagger(self) -> "Tagger":
        """The trained tagger, ready to score: its thresholds fitted, dropout off."""
        from songmood.training.tagger import Tagger

        return Tagger.load_from_checkpoint(self.checkpoint, trusted=self.trusted)

    @property
    def predictions(self) -> "NDArray[np.float64]":
        """(N, L) scores of the test split, or of the split that was scored."""
        import numpy as np

        scores: NDArray[np.float64] = np.load(self.folder / "predictions.npy")
        return scores


def train(
    overrides: Sequence[str] = (), folder: str | Path | None = None, config_dir: str | Path | None = None
) -> FinishedRun:
    """Train in this process.

    Args:
        overrides: as on the command line, such as ``["model=crnn_attn", "corpus=demo"]``.
        folder: the run folder; below `outputs` where none is given.
        config_dir: a folder with configuration groups of your own, beside songmood's.

    Raises:
        SongmoodError: for what the user can mend, before anything long starts.
    """
    return _run("train", overrides, folder, config_dir)


def evaluate_checkpoint(
    checkpoint: str | Path,
    overrides: Sequence[str] = (),
    folder: str | Path | None = None,
    config_dir: str | Path | None = None,
) -> FinishedRun:
    """Score a split with a checkpoint in this process.

    Args:
        checkpoint: a run's.
        overrides: as of `evaluate.py`, such as ``["corpus=demo", "split=validation", "windows=all"]``.
        folder: where the split's files go; below `outputs` where none is given.
        config_dir: a folder with configuration groups of your own, beside songmood's.

    Raises:
        SongmoodError: for what the user can mend.
    """
    return _run("evaluate", [f"checkpoint={quoted(checkpoint)}", *overrides], folder, config_dir)


def _run(
    config_name: str, overrides: Sequence[str], folder: str | Path | None, config_dir: str | Path | None
) -> FinishedRun:
    """Carry it out; Hydra's global state, the working folder and the logging stay as they are."""
    chosen = [*overrides]
    if folder is not None:
        chosen.append(f"hydra.run.dir={quoted(folder)}")
    if config_dir is not None:
        chosen.append(f"hydra.searchpath=[{quoted(Path(config_dir).resolve().as_uri())}]")
    faults: list[Exception] = []

    def task(composed: DictConfig) -> None:
        try:
            run_job(composed)
        except Exception as error:  # kept from Hydra, which would print it, and raised below
            faults.append(error)

    try:
        with own_hydra() as hydra_here:
            job = hydra_here.run(config_name, task, chosen, with_log_configuration=False)
        if faults:
            raise faults[0]
    except FAULTS as error:
        raise ConfigError(one_line(error)) from error
    written = plain(job.cfg, resolve=False)
    named = targets_of([written.get(name) for name in IN_THE_CARD])  # by the user's own configuration
    return FinishedRun(Path(job.hydra_cfg.hydra.runtime.output_dir), tuple(named))
