"""A sweep's table: runs that differ in seed or split are one row, the best first; what failed or waits shows."""

import json
from pathlib import Path

import pytest
from filelock import FileLock
from omegaconf import OmegaConf
from rich.console import Console

from songmood.errors import RunFolderError
from songmood.runs.sweeps.show import as_table, write_table
from songmood.runs.sweeps.table import read_sweep


def job(sweep: Path, *overrides: str, pr_auc: float | None = None, split: str = "test") -> Path:
    folder = sweep / ",".join(overrides)
    (folder / ".hydra").mkdir(parents=True)
    seeds = [int(each.removeprefix("seed=")) for each in overrides if each.startswith("seed=")]
    OmegaConf.save(OmegaConf.create([*overrides, "data=random"]), folder / ".hydra" / "overrides.yaml")
    OmegaConf.save(OmegaConf.create({"seed": seeds[0] if seeds else 0}), folder / ".hydra" / "config.yaml")
    if pr_auc is not None:
        scores = {"roc_auc_macro": 0.75, "pr_auc_macro": pr_auc, "f1_macro": 0.25, "f1_micro": 0.125}
        (folder / "metrics.json").write_text(json.dumps({split: scores}))
    return folder


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    for model, areas in (("crnn", (0.2, 0.4)), ("crnn_attn", (0.5, 0.6))):
        for seed, area in enumerate(areas):
            job(tmp_path, f"model={model}", f"seed={seed}", pr_auc=area)
    (job(tmp_path, "model=crnn_fusion", "seed=0") / "failed.txt").write_text("ConfigError: no features\n")
    (job(tmp_path, "model=crnn_fusion", "seed=1") / "metrics.csv").write_text("epoch\n1\n2\n")
    task = ["model=crnn,crnn_attn,crnn_fusion", "seed=0,1,2", "data=random"]
    OmegaConf.save(OmegaConf.create({"hydra": {"overrides": {"task": task}}}), tmp_path / "multirun.yaml")
    return tmp_path


def test_runs_that_differ_in_their_seed_are_a_row_and_the_best_comes_first(sweep: Path) -> None:
    best, other, failed = read_sweep(sweep).rows
    assert [row.overrides for row in (best, other, failed)] == [
        ("model=crnn_attn",),
        ("model=crnn",),
        ("model=crnn_fusion",),
    ]
    assert best.mean("pr_auc_macro") == pytest.approx(0.55)
    assert best.sd("pr_auc_macro") == pytest.approx(0.1 / 2**0.5)  # of two values: half their distance times root two
    assert other.sd("pr_auc_macro") == pytest.approx(0.2 / 2**0.5)
    assert failed.finished == {}


def test_a_job_says_what_became_of_it(sweep: Path) -> None:
    jobs = {job.name: job for job in read_sweep(sweep).jobs}
    failed, interrupted = jobs["model=crnn_fusion,seed=0"], jobs["model=crnn_fusion,seed=1"]
    assert (failed.state, failed.note) == ("failed", "ConfigError: no features")
    assert (interrupted.state, interrupted.note) == ("interrupted", "2 epochs done")
    with FileLock(sweep / "model=crnn_fusion,seed=1" / "running.lock"):
        assert read_sweep(sweep).jobs[5].state == "running"
    waiting = [job.overrides for job in read_sweep(sweep).jobs if job.state == "waiting"]
    assert waiting == [(f"model={model}", "seed=2", "data=random") for model in ("crnn", "crnn_attn", "crnn_fusion")]


def test_the_terminal_shows_means_what_tells_rows_apart_and_why_jobs_failed(sweep: Path) -> None:
    console = Console(width=80, record=True)
    console.print(as_table(read_sweep(sweep)))
    said = console.export_text()
    for part in ("model=crnn_attn", "0.5500", "±0.0707", "1 failed", "1 interrupted", "1 waiting"):
        assert part in said
    assert "data=random" not in said
    assert "failed model=crnn_fusion,seed=0: ConfigError: no features" in said


def test_the_file_has_a_line_for_each_job(sweep: Path) -> None:
    write_table(read_sweep(sweep))
    rows = [line.split("\t") for line in (sweep / "sweep.tsv").read_text().splitlines()]
    assert rows[0][:3] == ["job", "overrides", "split"]
    assert rows[1] == [
        *("model=crnn,seed=0", "model=crnn seed=0 data=random", "test"),
        *("0.750000", "0.200000", "0.250000", "0.125000", "finished", ""),
    ]
    assert [row[7] for row in rows[1:]] == ["finished"] * 4 + ["failed", "interrupted"] + ["waiting"] * 3


def test_jobs_that_scored_different_splits_are_in_one_table(tmp_path: Path) -> None:
    for split in ("validation", "test"):
        job(tmp_path, f"split={split}", pr_auc=0.5, split=split)
    assert [job.split for job in read_sweep(tmp_path).jobs] == ["test", "validation"]


def test_results_of_several_versions_of_the_code_are_told(sweep: Path) -> None:
    assert read_sweep(sweep).notes == []
    for model in ("crnn", "crnn_attn"):
        (sweep / f"model={model},seed=0" / "provenance.json").write_text(json.dumps({"code": model}))
    assert read_sweep(sweep).notes == ["2 versions of the code are behind these results: start the sweep again"]


def test_a_folder_that_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is no sweep"):
        read_sweep(tmp_path)
