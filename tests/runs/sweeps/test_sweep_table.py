"""A sweep ends with one table of all its jobs, the failed ones with their reason."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from songmood.runs.sweeps.table import SweepTable, as_table, read_jobs

SCORES = {"roc_auc_macro": 0.75, "pr_auc_macro": 0.5, "f1_macro": 0.25, "f1_micro": 0.125}


def job(sweep: Path, number: int, overrides: list[str]) -> Path:
    folder = sweep / str(number)
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(overrides), folder / ".hydra" / "overrides.yaml")
    return folder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    finished = job(tmp_path, 2, ["model=crnn"])
    (finished / "metrics.json").write_text(json.dumps({"test": SCORES}))
    (job(tmp_path, 10, ["model=crnn_fusion"]) / "failed.txt").write_text("ConfigError: no features\n")
    job(tmp_path, 1, ["data=random", "seed=1"])
    return tmp_path


def test_jobs_come_in_the_order_of_their_numbers(sweep: Path) -> None:
    assert [found.folder.name for found in read_jobs(sweep)] == ["1", "2", "10"]


def test_a_job_shows_its_scores_or_why_it_has_none(sweep: Path) -> None:
    unfinished, finished, failed = read_jobs(sweep)
    assert (finished.split, finished.scores) == ("test", SCORES)
    assert finished.failure is None
    assert failed.failure == "ConfigError: no features"
    assert "ended without results" in (unfinished.failure or "")


def test_a_sweep_with_a_failed_job_ends_with_status_1_and_its_table(
    sweep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(sweep)}}})
    with pytest.raises(SystemExit) as stop:
        SweepTable().on_multirun_end(config)
    assert stop.value.code == 1
    rows = [line.split("\t") for line in (sweep / "sweep.tsv").read_text().splitlines()]
    assert rows[0] == ["job", "overrides", "split", "roc_auc_macro", "pr_auc_macro", "f1_macro", "f1_micro", "failure"]
    assert rows[2] == ["2", "model=crnn", "test", "0.750000", "0.500000", "0.250000", "0.125000", ""]
    assert rows[3][-1] == "ConfigError: no features"
    assert "model=crnn" in capsys.readouterr().out


def test_jobs_that_scored_different_splits_are_in_one_table(tmp_path: Path) -> None:
    for number, split in enumerate(("validation", "test")):
        folder = job(tmp_path, number, [f"split={split}"])
        (folder / "metrics.json").write_text(json.dumps({split: SCORES}))
    SweepTable().on_multirun_end(OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}}))
    rows = [line.split("\t") for line in (tmp_path / "sweep.tsv").read_text().splitlines()][1:]
    assert [row[1:4] for row in rows] == [
        ["split=validation", "validation", "0.750000"],
        ["split=test", "test", "0.750000"],
    ]


def test_the_terminal_shows_what_tells_jobs_apart_and_why_some_failed(tmp_path: Path) -> None:
    reason = "ConfigError: no features, " + "a reason that is longer than a column " * 2
    for number, model in enumerate(("crnn", "crnn_fusion")):
        job(tmp_path, number, [f"model={model}", "data=random"])
    (tmp_path / "0" / "metrics.json").write_text(json.dumps({"test": SCORES}))
    (tmp_path / "1" / "failed.txt").write_text(reason)
    console = Console(width=80, record=True)
    console.print(as_table(read_jobs(tmp_path)))
    said = console.export_text()
    assert "model=crnn_fusion" in said
    assert "0.7500" in said
    assert "data=random" not in said
    assert reason.strip() in " ".join(said.split())
