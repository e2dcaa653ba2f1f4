"""Scoring again from the checkpoint alone gives the numbers of the training run, in one process or in two."""

import json
from pathlib import Path

import numpy as np
import pytest

from songmood.evaluation.rules import Elbow
from songmood.evaluation.thresholds import read_thresholds
from tiny import SIZES, command, folder_overrides, run, train_here, write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_here(corpus, folder, "data=random")
    return folder


def rescore(corpus: Path, trained: Path, folder: Path, *overrides: str) -> tuple[int, str]:
    checkpoint = trained / "checkpoints" / "last.ckpt"
    done = run(
        command(
            "evaluate.py",
            *folder_overrides(corpus),
            f"checkpoint={checkpoint}",
            f"hydra.run.dir={folder}",
            "trainer=cpu",
            "threads=1",
            *overrides,
        )
    )
    return done.returncode, done.stdout + done.stderr


def same_split(folder: Path, split: str, trained: Path) -> bool:
    metrics = json.loads((folder / "metrics.json").read_text())[split]
    return metrics == json.loads((trained / "metrics.json").read_text())[split]


def test_the_test_split_scores_the_same_later(corpus: Path, trained: Path, tmp_path: Path) -> None:
    status, output = rescore(corpus, trained, tmp_path)
    assert status == 0, output
    assert np.array_equal(np.load(tmp_path / "predictions.npy"), np.load(trained / "predictions.npy"))
    assert same_split(tmp_path, "test", trained)


def test_the_validation_split_scores_the_same_later(corpus: Path, trained: Path, tmp_path: Path) -> None:
    status, output = rescore(corpus, trained, tmp_path, "split=validation")
    assert status == 0, output
    assert same_split(tmp_path, "validation", trained)


def test_two_processes_score_each_track_once_and_as_one_process_does(
    corpus: Path, trained: Path, tmp_path: Path
) -> None:
    status, output = rescore(corpus, trained, tmp_path, "trainer=ddp", "trainer.accelerator=cpu", "batch_size=3")
    assert status == 0, output
    scores = np.load(tmp_path / "predictions.npy")
    assert scores.shape[0] == SIZES["test"]
    np.testing.assert_allclose(scores, np.load(trained / "predictions.npy"), atol=1e-6)
    assert (tmp_path / "tracks.txt").read_text() == (trained / "tracks.txt").read_text()


def test_whole_tracks_are_scored_as_the_mean_of_their_windows(corpus: Path, trained: Path, tmp_path: Path) -> None:
    status, output = rescore(corpus, trained, tmp_path / "test", "windows=all", "hop=27")
    assert status == 0, output
    assert np.load(tmp_path / "test" / "predictions.npy").shape[0] == SIZES["test"]
    assert not same_split(tmp_path / "test", "test", trained)
    status, output = rescore(corpus, trained, tmp_path / "validation", "windows=all", "hop=27", "split=validation")
    assert status == 0, output
    scores, targets = (np.load(tmp_path / "validation" / f"{name}.npy") for name in ("predictions", "targets"))
    assert len(scores) == SIZES["validation"]
    for split in ("test", "validation"):  # thresholds of tracks' means decide on tracks' means
        table = read_thresholds(tmp_path / split / "thresholds.tsv")
        np.testing.assert_allclose(table.thresholds, Elbow().fit(scores, targets), atol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["split=tset"], "ConfigError: split=tset: expected one of train, validation, test"),
        (["checkpoint=nowhere.ckpt"], "CheckpointError: no checkpoint at nowhere.ckpt"),
    ],
)
def test_a_fault_is_one_line(corpus: Path, trained: Path, tmp_path: Path, overrides: list[str], line: str) -> None:
    status, output = rescore(corpus, trained, tmp_path, *overrides)
    assert status == 1
    assert line in output
    assert "Traceback" not in output
