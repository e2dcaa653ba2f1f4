"""A sweep that is killed, extended and started again ends as an undisturbed one, and computes nothing twice."""

import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tiny import PATIENCE, ROOT, TINY_NET, TINY_RUN, command, run, write_corpus
from warm import WarmCommand

pytestmark = pytest.mark.timeout(900)  # seconds, on a machine that does much else
TWO, THREE = "model.hidden=8,6", "model.hidden=8,6,4"  # networks
SIZES = {"train": 8, "validation": 6, "test": 6}


@pytest.fixture(scope="module")
def folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folds")
    for fold, frames in ((0, 110), (1, 130)):
        write_corpus(root / f"fold-{fold}", frames, SIZES)
    return root


def sweep(folds: Path, place: Path, *overrides: str) -> list[str]:
    corpus = ["corpus=folder", f"corpus.root={folds}/fold-${{fold}}", "corpus.cache_path=${corpus.root}/cache.h5"]
    small = [
        *TINY_RUN[:-1],
        "trainer.max_epochs=2",
        "data.batch_size=4",
        "logger=none",
        "callbacks={progress_bar:null}",
    ]
    return [
        "-m",
        *overrides,
        "seed=0,1",
        "+fold=0,1",
        *TINY_NET[:2],
        *corpus,
        "corpus.workers=0",
        *small,
        f"hydra.sweep.dir={place}",
    ]


def finish(arguments: Sequence[str]) -> int:
    return run(command("train.py", *arguments)).returncode


def kill_when(arguments: Sequence[str], there: Path) -> None:
    process, deadline = WarmCommand(command("train.py", *arguments), ROOT, {}), time.monotonic() + PATIENCE
    while not there.exists() and process.is_running and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.result(PATIENCE)


@pytest.fixture(scope="module")
def undisturbed(folds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("undisturbed")
    assert finish(sweep(folds, place, THREE)) == 0
    return place


@pytest.fixture(scope="module")
def disturbed(folds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Killed in an epoch, before one and while results are written; extended by a model."""
    place = tmp_path_factory.mktemp("disturbed")
    kill_when(sweep(folds, place, TWO), place / "+fold=0,model.hidden=8,seed=0/metrics.csv")
    kill_when(sweep(folds, place, TWO), place / "+fold=0,model.hidden=8,seed=1/checkpoints/last.ckpt")
    kill_when(sweep(folds, place, TWO), place / "+fold=0,model.hidden=6,seed=0/validation/predictions.npy")
    assert finish(sweep(folds, place, THREE)) == 0
    return place


def test_a_sweep_killed_three_times_and_extended_ends_with_the_table_of_an_undisturbed_one(
    undisturbed: Path, disturbed: Path
) -> None:
    assert (disturbed / "sweep.tsv").read_bytes() == (undisturbed / "sweep.tsv").read_bytes()
    folders = [path.parent for path in undisturbed.glob("*/predictions.npy")]
    assert len(folders) == 12
    for folder in folders:
        ours = np.load(disturbed / folder.name / "predictions.npy")
        assert np.array_equal(ours, np.load(folder / "predictions.npy")), folder.name
