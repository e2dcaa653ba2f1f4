"""A real sweep: a folder and a W&B run for each job, a failing job that says so, and one table at the end."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tiny import TINY_NET, TINY_RUN, command, folder_overrides, run, write_corpus

LONG_NAME = "n" * 70  # W&B takes tags of 64 letters
CRNN, CRNN_ATTN, CRNN_FUSION = (
    f"model={model},name={LONG_NAME},seed=3" for model in ("crnn", "crnn_attn", "crnn_fusion")
)


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    folder = tmp_path_factory.mktemp("sweep") / ("s" * 130)  # W&B takes groups of 128 letters
    varied = ["model=crnn,crnn_fusion,crnn_attn", f"name=choice({LONG_NAME})", "seed=choice(3)"]
    overrides = [*folder_overrides(corpus), *TINY_RUN[:-1], *TINY_NET, "trainer.max_epochs=1", "data=random"]
    logged = ["logger.wandb.log_model=best", "pictures=true", f"hydra.sweep.dir={folder}"]
    return folder, command("train.py", "-m", *varied, *overrides, *logged)


def run_without_key(line: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return run(line, NETRC=str(folder / "netrc"), WANDB_API_KEY="", WANDB_MODE="")


@pytest.fixture(scope="module")
def sweep(command_line) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder, line = command_line
    return folder, run_without_key(line, folder)


def test_a_failing_job_says_so_and_does_not_take_the_others_down(sweep) -> None:
    folder, done = sweep
    assert done.returncode == 1
    assert (folder / CRNN / "metrics.json").is_file()
    assert "no features" in (folder / CRNN_FUSION / "failed.txt").read_text()
    assert (folder / CRNN_ATTN / "metrics.json").is_file()
    assert "Traceback" not in done.stdout + done.stderr


def test_the_sweep_ends_with_one_table_of_all_its_jobs(sweep) -> None:
    folder, done = sweep
    rows = [line.split("\t") for line in (folder / "sweep.tsv").read_text().splitlines()][1:]
    assert [row[0] for row in rows] == [CRNN, CRNN_ATTN, CRNN_FUSION]
    assert all(0 <= float(value) <= 1 for row in rows[:2] for value in row[3:7])
    assert rows[2][7] == "failed"
    assert rows[2][8].startswith("ConfigError: ")
    assert "sweep: test split" in done.stdout


def logged(place: Path) -> list[Path]:
    """The W&B runs of a folder, the first one first."""
    return sorted(place.glob("wandb/offline-run-*/run-*.wandb"))


def inspect(file: Path, how: str) -> str:
    shown = run([str(Path(sys.executable).parent / "wandb"), "leet", "inspect", how, str(file)])
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def records(file: Path, kind: str) -> list[dict]:
    lines = [json.loads(line) for line in inspect(file, "--json").splitlines()]
    return [line[kind] for line in lines if line["type"] == kind]


def test_each_job_is_a_wandb_run_of_its_own_with_its_config_metrics_table_and_pictures(sweep) -> None:
    folder, _ = sweep
    models = {}
    for job in (CRNN, CRNN_ATTN):
        file = logged(folder / job)[0]
        shown = inspect(file, "--summary")
        assert "final/test/roc_auc_macro" in shown
        assert "validation/loss" in shown
        assert "threshold/mood/theme---calm" in shown
        models[job] = re.search(r"model\.attention +(\w+)", shown)[1]
        media = {path.suffix for path in file.parent.rglob("files/media/**/*") if path.is_file()}
        assert {".png", ".json"} <= media
    assert models == {CRNN: "false", CRNN_ATTN: "true"}


def test_a_job_says_on_wandb_what_its_sweep_and_its_row_are(sweep) -> None:
    folder, _ = sweep
    (said,) = records(logged(folder / CRNN)[0], "run")
    assert (said["run_group"], said["job_type"], said["display_name"]) == ("s" * 128, "train", CRNN)
    assert said["tags"] == ["model=crnn", f"name={LONG_NAME}"[:64]]


def test_the_model_that_is_scored_goes_along(sweep) -> None:
    folder, _ = sweep
    artifacts = {each["type"]: each for each in records(logged(folder / CRNN)[0], "artifact")}
    assert "last.ckpt" in json.dumps(artifacts["model"])


def test_a_run_of_the_sweep_itself_has_the_table(sweep) -> None:
    folder, _ = sweep
    file = logged(folder)[0]
    (said,) = records(file, "run")
    assert (said["run_group"], said["job_type"], said["display_name"]) == ("s" * 128, "summary", "s" * 128)
    (table,) = file.parent.rglob("files/media/table/*.json")
    shown = json.loads(table.read_text())
    assert shown["columns"][:3] == ["row", "n", "ROC-AUC"]
    assert sorted(row[0] for row in shown["data"]) == ["model=crnn", "model=crnn_attn", "model=crnn_fusion 1 failed"]


def test_what_goes_on_is_the_same_wandb_run_as_before_and_what_starts_anew_is_another(sweep, command_line) -> None:
    folder, line = command_line
    for job in (CRNN, CRNN_ATTN):
        (folder / job / "metrics.json").unlink()  # as if it had been killed at its end,
    shutil.rmtree(folder / CRNN_ATTN / "checkpoints")  # or before its first epoch was over
    assert run_without_key([*line, "+logger.wandb.group=mine"], folder).returncode == 1
    places = (folder, folder / CRNN, folder / CRNN_ATTN)
    before, after = ([records(logged(place)[number], "run")[0] for place in places] for number in (0, 1))
    ids, later = ([run["run_id"] for run in runs] for runs in (before, after))
    assert ids[:2] == later[:2]
    assert len({*ids, *later}) == 4
    assert after[1]["run_group"] == "mine"


def test_the_failed_job_leaves_no_open_wandb_run(sweep) -> None:
    folder, _ = sweep
    assert not list((folder / CRNN_FUSION).glob("wandb/offline-run-*"))
