"""A run that is interrupted leaves a checkpoint that goes on to the same result, bit for bit."""

import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from small_disk import on_a_small_disk
from songmood.training.card import read_checkpoint
from tiny import PATIENCE, ROOT, run, training_command, write_corpus
from warm import WarmCommand

EPOCHS = ("trainer.max_epochs=4", "data=random", "data.batch_size=2", "report_epochs=[1]")
RECIPE = (  # every part of the field's, and weights that are averaged from the second of six epochs on
    "data=crops",
    "data.batch_size=2",
    "+model.standardise=true",
    "loss=weighted_bce",
    "scheduler=cosine",
    "augment=[mixup,spec_augment]",
    "averaging=swa",
    "averaging.share=0.84",
    "trainer.max_epochs=6",
    "report_epochs=[]",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = run(training_command(corpus, folder, *EPOCHS))
    assert finished.returncode == 0, finished.stderr
    return folder


def interrupt(
    corpus: Path, folder: Path, kind: signal.Signals, when: Callable[[], bool], recipe: Sequence[str] = EPOCHS
) -> tuple[int, str]:
    """Start a run, wait until it is so far, and send it a signal."""
    process = WarmCommand(training_command(corpus, folder, *recipe), ROOT, {})
    deadline = time.monotonic() + PATIENCE
    while not when() and process.is_running and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(kind)
    done = process.result(PATIENCE)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("kind", "when"),
    [
        (signal.SIGKILL, "checkpoints/last.ckpt"),  # before the first epoch has ended
        (signal.SIGKILL, "metrics.csv"),
        (signal.SIGINT, "metrics.csv"),
        (signal.SIGTERM, "metrics.csv"),
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_result(
    corpus: Path, undisturbed: Path, tmp_path: Path, kind: signal.Signals, when: str
) -> None:
    interrupted, resumed = tmp_path / "interrupted", tmp_path / "resumed"
    status, output = interrupt(corpus, interrupted, kind, (interrupted / when).exists)
    assert status != 0
    assert not (interrupted / "metrics.json").exists(), "the run was over before the signal came"
    checkpoint = interrupted / "checkpoints" / "last.ckpt"
    if kind != signal.SIGKILL:
        assert f"interrupted; go on with ckpt_path={checkpoint}" in output
        assert "Traceback" not in output
    finished = run(training_command(corpus, resumed, *EPOCHS, f"ckpt_path={checkpoint}"))
    assert finished.returncode == 0, finished.stderr
    assert_same_run(resumed, undisturbed)


def test_a_run_by_the_whole_recipe_goes_on_after_a_kill_in_the_midst_of_averaging(corpus: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finished = run(training_command(corpus, whole, *RECIPE))
    assert finished.returncode == 0, finished.stderr

    def three_epochs_are_over() -> bool:
        log = killed / "metrics.csv"
        return log.is_file() and len(log.read_text().splitlines()) > 3

    status, _ = interrupt(corpus, killed, signal.SIGKILL, three_epochs_are_over, RECIPE)
    assert status != 0
    assert not (killed / "metrics.json").exists(), "the run was over before the signal came"
    last = killed / "checkpoints" / "last.ckpt"
    [averaging] = [state for name, state in read_checkpoint(last)["callbacks"].items() if "LastEpochsMean" in name]
    assert 1 <= averaging["mean"]["n_averaged"] < 5
    finished = run(training_command(corpus, killed, *RECIPE, f"ckpt_path={last}"))
    assert finished.returncode == 0, finished.stderr
    assert_same_run(killed, whole)


def assert_same_run(one: Path, other: Path) -> None:
    reported = [path.relative_to(other) for path in sorted(other.rglob("*.npy"))]
    assert Path("predictions.npy") in reported
    for name in reported:
        assert np.array_equal(np.load(one / name), np.load(other / name)), name
    for name in ("metrics.json", "metrics.csv", "thresholds.tsv"):
        assert (one / name).read_text() == (other / name).read_text(), name
    weights, expected = (read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (one, other))
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


def test_a_disk_without_room_for_a_checkpoint_is_one_line_before_anything_is_trained(
    corpus: Path, tmp_path: Path
) -> None:
    wrap = on_a_small_disk(tmp_path, "36k")
    assert (corpus / "cache.h5").is_file() or run(training_command(corpus, tmp_path / "first")).returncode == 0
    done = run([*wrap, *training_command(corpus, tmp_path / "run", *EPOCHS)])
    said = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode == 1
    assert not any("Traceback" in line for line in said), "\n".join(said)
    assert re.search(r"RunFolderError: the disk is full \(No space left on device; .* free\) while writing", said[-1])
    assert "make room" in said[-1]
