"""A job of a sweep: it finds out in its folder what is left to do, and records why it failed."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from lightning_fabric.utilities.rank_zero import rank_zero_only
from omegaconf import DictConfig, read_write

from songmood.errors import RunFolderError, SongmoodError
from songmood.runs.configuration import plain, quoted
from songmood.runs.sweeps.standing import STARTED, Asked, is_complete

log = logging.getLogger(__name__)

FAILED, TRACEBACK, LOCK = "failed.txt", "traceback.txt", "running.lock"
REPLACED = "replaced"  # results of another configuration, code or cache, each in a folder that says when it was put by
KEPT = {".hydra", LOCK, REPLACED, "train.log", "output.log"}  # what belongs to the folder, not to one run in it


def carry_out(composed: DictConfig, folder: Path, run: Callable[[DictConfig], float]) -> float:
    """Keep the results that are there, go on from a checkpoint, or start; where it fails, others go on.

    Args:
        composed: the job's configuration.
        folder: its run folder, made.
        run: what is to be done.

    Returns:
        The value that a sweep that searches is to maximise; NaN where it failed.
    """
    if getattr(rank_zero_only, "rank", 0):  # a process that Slurm started beside the first, which holds the folder
        return _run_what_is_left(composed, folder, run, is_first=False)
    try:
        with held(folder):
            for name in (FAILED, TRACEBACK):
                (folder / name).unlink(missing_ok=True)
            try:
                return _run_what_is_left(composed, folder, run)
            except Exception as error:
                _record(error, folder)
    except RunFolderError as error:  # somebody else runs it, and it is theirs to record
        log.error(str(error))
    return float("nan")


def objective(folder: Path) -> float:
    """What a finished training run reached on validation."""
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return float(metrics["validation"]["pr_auc_macro"])


def is_kept(composed: DictConfig, folder: Path) -> bool:
    """Whether a training job's results are there, of the same configuration, code and cache."""
    from songmood.runs.compose import make_corpus

    if not is_complete(folder):
        return False
    corpus = make_corpus(plain(composed.corpus))
    changed = Asked.of(plain(composed, resolve=False)).what_changed(folder, corpus.open().fingerprint)
    if changed:
        log.info("%s holds results of another %s: they are put by", folder, " and ".join(changed))
    return not changed


@contextmanager
def held(folder: Path, patience: float = 2.0) -> Iterator[None]:
    """One process at a time runs a job; the kernel gives the lock back however that one ends.

    Args:
        folder: the job's.
        patience: seconds; who only asks whether it is held holds it for a moment.

    Raises:
        RunFolderError: another process runs it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        raise RunFolderError(f"{folder} is being run by another process; wait for it or stop it") from None
    except (OSError, NotImplementedError):  # some cluster file systems have no locks
        log.debug("no lock in %s", folder)
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process is running the job."""
    if not (folder / LOCK).exists():
        return False
    try:
        with held(folder, patience=0):
            return False
    except RunFolderError:
        return True


def _run_what_is_left(
    composed: DictConfig, folder: Path, run: Callable[[DictConfig], float], *, is_first: bool = True
) -> float:
    """All processes of a distributed run come to one conclusion, of which the first alone writes.

    No checkpoint is written before all have met in the run, and what the first puts by was of no use to the others.
    """
    from songmood.runs.sweeps.tracking import label  # which reads tables, that ask for what is here

    if HydraConfig.get().job.config_name != "train":
        return run(composed)
    if is_kept(composed, folder):
        log.info("finished before: kept")
        return objective(folder)
    asked = Asked.of(plain(composed, resolve=False))
    if checkpoint := asked.checkpoint(folder):
        log.info("going on from %s", checkpoint)
        _resume_from(checkpoint, composed)
    elif is_first:
        _put_by(folder)
        asked.begin(folder)
    label(composed, folder)
    return run(composed)


def _resume_from(checkpoint: Path, composed: DictConfig) -> None:
    """In this process, and in those that a distributed run starts with the job's overrides."""
    composed.ckpt_path = str(checkpoint)
    task: Any = HydraConfig.get().overrides.task
    with read_write(task):
        task.append(f"ckpt_path={quoted(checkpoint)}")


def _put_by(folder: Path) -> None:
    """Nothing that was computed is lost because it is of other code: it moves to a folder of its own."""
    earlier = [path for path in folder.iterdir() if path.name not in KEPT]
    if any(path.name in ("checkpoints", "metrics.json") for path in earlier):
        place = folder / REPLACED / datetime.now().astimezone().strftime("%Y-%m-%dT%H-%M-%S")
        place.mkdir(parents=True)
        for path in earlier:
            path.rename(place / path.name)
    (folder / STARTED).unlink(missing_ok=True)


def _record(error: Exception, folder: Path) -> None:
    message = f"{type(error).__name__}: {error}"
    if not isinstance(error, SongmoodError):
        log.debug(traceback.format_exc())
        (folder / TRACEBACK).write_text(traceback.format_exc(), encoding="utf-8")
        message += f" (see {folder}/{TRACEBACK})"
    log.error(message)
    (folder / FAILED).write_text(message + "\n", encoding="utf-8")
