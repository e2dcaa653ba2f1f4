"""A real sweep: a folder and a W&B run for each job, a failing job that says so, and one table at the end."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tiny import TINY_NET, TINY_RUN, command, folder_overrides, run, write_corpus


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    folder = tmp_path_factory.mktemp("sweep")
    overrides = [*folder_overrides(corpus), *TINY_RUN, *TINY_NET, "trainer.max_epochs=1", f"hydra.sweep.dir={folder}"]
    overrides += ["logger.wandb.log_model=best", "pictures=true"]
    models = "model=crnn,crnn_fusion,crnn_attn"
    without_key = {"NETRC": str(folder / "netrc"), "WANDB_API_KEY": "", "WANDB_MODE": ""}
    return folder, run(command("train.py", "-m", models, "data=random", *overrides), **without_key)


def test_a_failing_job_says_so_and_does_not_take_the_others_down(sweep) -> None:
    folder, done = sweep
    assert done.returncode == 1
    assert (folder / "model=crnn" / "metrics.json").is_file()
    assert "no features" in (folder / "model=crnn_fusion" / "failed.txt").read_text()
    assert (folder / "model=crnn_attn" / "metrics.json").is_file()
    assert "Traceback" not in done.stdout + done.stderr


def test_the_sweep_ends_with_one_table_of_all_its_jobs(sweep) -> None:
    folder, done = sweep
    rows = [line.split("\t") for line in (folder / "sweep.tsv").read_text().splitlines()][1:]
    assert [row[0] for row in rows] == ["model=crnn", "model=crnn_attn", "model=crnn_fusion"]
    assert all(0 <= float(value) <= 1 for row in rows[:2] for value in row[3:7])
    assert rows[2][7] == "failed"
    assert rows[2][8].startswith("ConfigError: ")
    assert "sweep: test split" in done.stdout


def test_each_job_is_a_wandb_run_of_its_own_with_its_config_metrics_table_and_pictures(sweep) -> None:
    folder, _ = sweep
    models = {}
    for job in ("model=crnn", "model=crnn_attn"):
        (file,) = (folder / job / "wandb").glob("offline-run-*/run-*.wandb")
        shown = run([str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--summary", str(file)])
        assert shown.returncode == 0, shown.stderr
        assert "final/test/roc_auc_macro" in shown.stdout
        assert "validation/loss" in shown.stdout
        assert "threshold/mood/theme---calm" in shown.stdout
        models[job] = re.search(r"model\.attention +(\w+)", shown.stdout)[1]
        media = {path.suffix for path in file.parent.rglob("files/media/**/*") if path.is_file()}
        assert {".png", ".json"} <= media
    assert models == {"model=crnn": "false", "model=crnn_attn": "true"}


def records(file: Path) -> list[dict]:
    shown = run([str(Path(sys.executable).parent / "wandb"), "leet", "inspect", "--json", str(file)])
    assert shown.returncode == 0, shown.stderr
    return [json.loads(line) for line in shown.stdout.splitlines()]


def test_wandb_has_one_group_each_jobs_row_and_model_and_a_summary_run_with_the_table(sweep) -> None:
    folder, _ = sweep
    (job,) = (folder / "model=crnn" / "wandb").glob("offline-run-*/run-*.wandb")
    (summary,) = (folder / "wandb").glob("offline-run-*/run-*.wandb")
    of_job, of_sweep = records(job), records(summary)
    jobs, sweeps = (next(each["run"] for each in all_of if each["type"] == "run") for all_of in (of_job, of_sweep))
    assert (jobs["run_group"], jobs["job_type"], jobs["display_name"]) == (folder.name, "train", "model=crnn")
    assert jobs["tags"] == ["model=crnn"]
    assert (sweeps["run_group"], sweeps["job_type"]) == (folder.name, "summary")
    artifacts = {each["artifact"]["type"]: each["artifact"] for each in of_job if each["type"] == "artifact"}
    assert "last.ckpt" in json.dumps(artifacts["model"])
    (table,) = summary.parent.rglob("files/media/table/*.json")
    shown = json.loads(table.read_text())
    assert shown["columns"][:3] == ["row", "n", "ROC-AUC"]
    assert sorted(row[0] for row in shown["data"]) == ["model=crnn", "model=crnn_attn", "model=crnn_fusion 1 failed"]


def test_the_failed_job_leaves_no_open_wandb_run(sweep) -> None:
    folder, _ = sweep
    assert not list((folder / "model=crnn_fusion").glob("wandb/offline-run-*"))
