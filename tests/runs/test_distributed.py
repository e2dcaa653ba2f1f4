"""Training on two processes: what it leaves is what one process makes of its checkpoint, each track counted once."""

from pathlib import Path

import numpy as np
import pytest

from songmood.evaluation.rules import Elbow
from tiny import SIZES, TINY_NET, command, folder_overrides, run, write_corpus

OWN_MODEL = "defaults: [crnn]\nfilters: [4, 4, 4, 4]\n"
OWN_EXPERIMENT = "# @package _global_\nreport_epochs: [1]\n"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def sweep(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs of two processes each, with options from a user's own two configuration folders."""
    folder = tmp_path_factory.mktemp("distributed")
    for name, text in (("beside/model/mine.yaml", OWN_MODEL), ("searched/experiment/mine.yaml", OWN_EXPERIMENT)):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
    options = ["-m", "--config-dir", str(folder / "beside"), f"hydra.searchpath=[file://{folder}/searched]"]
    chosen = ["model=mine", "experiment=mine", "seed=3,4", "data=random", "data.batch_size=4", "logger=csv"]
    ours = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=2", "data.window=96", "threads=1"]
    where = [f"hydra.sweep.dir={folder}/jobs", "hydra.sweep.subdir=${hydra.job.num}"]
    done = run(command("train.py", *options, *folder_overrides(corpus), *chosen, *ours, *TINY_NET[1:], *where))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "jobs"


@pytest.mark.parametrize("job", ["0", "1"])
@pytest.mark.parametrize("split", ["test", "validation"])
def test_one_process_makes_the_same_scores_of_the_checkpoint(
    sweep: Path, corpus: Path, tmp_path: Path, job: str, split: str
) -> None:
    there = sweep / job / ("." if split == "test" else split)
    again = [f"checkpoint={sweep}/{job}/checkpoints/last.ckpt", f"split={split}", "trainer=cpu", "threads=1"]
    done = run(command("evaluate.py", *folder_overrides(corpus), *again, f"hydra.run.dir={tmp_path}"))
    assert done.returncode == 0, done.stdout + done.stderr
    scores = np.load(there / "predictions.npy")
    np.testing.assert_allclose(np.load(tmp_path / "predictions.npy"), scores, atol=1e-6)
    np.testing.assert_array_equal(np.load(tmp_path / "decisions.npy"), np.load(there / "decisions.npy"))
    assert len(scores) == (SIZES["test"] if split == "test" else 5 * SIZES["validation"])


def test_the_thresholds_are_fitted_on_the_windows_of_both_processes(sweep: Path) -> None:
    for job in ("0", "1"):
        fitted = sweep / job / "validation"
        scores, targets = np.load(fitted / "predictions.npy"), np.load(fitted / "targets.npy")
        assert len(scores) == 5 * SIZES["validation"]
        rows = (sweep / job / "thresholds.tsv").read_text().splitlines()
        kept = [float(row.split("\t")[1]) for row in rows if row.startswith("mood")]
        np.testing.assert_allclose(kept, Elbow().fit(scores, targets.astype(bool)), atol=1e-6)


def test_jobs_of_other_seeds_come_to_other_scores(sweep: Path) -> None:
    assert not np.array_equal(np.load(sweep / "0/predictions.npy"), np.load(sweep / "1/predictions.npy"))


def test_each_job_reports_the_epoch_that_its_user_s_experiment_asks_for(sweep: Path) -> None:
    for job in ("0", "1"):
        assert (sweep / job / "epoch_01" / "metrics.json").is_file()
